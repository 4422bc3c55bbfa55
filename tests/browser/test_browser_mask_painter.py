"""The mask painter in a real browser: what mouse and keys paint is what Python gets, and the other way round."""

import numpy as np
import pytest
from lab_server import run_in_kernel

SHOW = """
import numpy as np
from diffusion_course.widgets.mask_painter import MaskPainter
painter = MaskPainter(16, 16, picture=np.random.default_rng(0).random((16, 16, 3)))
painter
"""
ASK = "import json; print(json.dumps(painter.mask.tolist()))"


@pytest.fixture(scope="module")
def page(lab, notebook):
    page = lab.open(notebook("mask_painter.ipynb", SHOW))
    lab.run_all(page)
    page.wait_for_selector(".mask-painter-stage")
    page.locator(".mask-painter").scroll_into_view_if_needed()
    yield page
    lab.close(page)


def said(page) -> str:
    return page.locator(".mask-painter-words").inner_text()


def python_has(page) -> np.ndarray:
    page.wait_for_timeout(300)
    return np.array(run_in_kernel(page, ASK))


def at(page, column: float, row: float) -> tuple[float, float]:
    """Where a cell of the mask lies on the screen."""
    box = page.locator(".mask-painter-stage").bounding_box()
    return box["x"] + (column + 0.5) / 16 * box["width"], box["y"] + (row + 0.5) / 16 * box["height"]


def drag(page, start, end) -> None:
    page.mouse.move(*at(page, *start))
    page.mouse.down()
    page.mouse.move(*at(page, *end))
    page.mouse.up()


def test_a_stroke_of_the_mouse_arrives_without_gaps_and_shift_erases(page):
    page.locator(".mask-painter-brush").select_option("1")
    drag(page, (2, 5), (12, 5))
    expected = np.zeros((16, 16), bool)
    expected[5, 2:13] = True
    np.testing.assert_array_equal(python_has(page), expected)
    assert said(page) == "11 of 256 pixels are painted."
    page.keyboard.down("Shift")
    drag(page, (4, 5), (6, 5))
    page.keyboard.up("Shift")
    expected[5, 4:7] = False
    np.testing.assert_array_equal(python_has(page), expected)


def test_keys_paint_and_the_cell_stays_where_it_is(page):
    page.locator(".mask-painter-clear").click()
    assert not python_has(page).any() and said(page) == "Nothing is painted yet."
    page.locator(".mask-painter-brush").select_option("2")
    stage = page.locator(".mask-painter-stage")
    drag(page, (8, 8), (8, 8))  # the brush is here now
    stage.press("Escape")
    for key in ("ArrowUp", "Shift+ArrowLeft", "Space"):
        stage.press(key)
    expected = np.zeros((16, 16), bool)
    expected[7:9, 4:6] = True
    np.testing.assert_array_equal(python_has(page), expected)
    stage.press("Delete")
    assert not python_has(page).any()
    assert page.evaluate("() => document.activeElement.className") == "mask-painter-stage"


def test_python_sets_mask_and_picture(page):
    canvases = "() => [...document.querySelectorAll('.mask-painter canvas')].map(c => c.toDataURL())"
    picture, marks = page.evaluate(canvases)
    run_in_kernel(page, "import json; painter.mask = np.eye(16); print(json.dumps(0))")
    page.wait_for_function(
        "() => document.querySelector('.mask-painter-words').textContent.startsWith('16 of')"
    )
    run_in_kernel(page, "painter.picture = np.ones((16, 16, 3)); print(json.dumps(0))")
    page.wait_for_function(f"before => ({canvases})()[0] !== before", arg=picture)
    assert page.evaluate(canvases)[1] != marks
    page.locator(".mask-painter-invert").click()
    np.testing.assert_array_equal(python_has(page), ~np.eye(16, dtype=bool))


def test_nothing_was_reported_on_the_console(page):
    assert page.problems == []
