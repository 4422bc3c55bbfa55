"""The studio in a real browser: its page with a real server and tiny networks, and its widget in JupyterLab."""

import base64
import threading
from pathlib import Path

import numpy as np
import painters
import pytest
from lab_server import PATIENCE, run_in_kernel

from diffusion_course.studio.desk import Desk
from diffusion_course.studio.engine import Engine
from diffusion_course.studio.server import StudioServer

PIXELS = """selector => {
    const canvas = document.querySelector(selector);
    return Array.from(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data);
}"""
WIDGET = f"""
import sys
sys.path.insert(0, {str(Path(painters.__file__).parent)!r})
import painters
import json, threading, time
from diffusion_course.studio.engine import Engine
from diffusion_course.widgets.studio import Studio

class Held(Engine):  # paints only while its gate is open
    def paint(self, wanted):
        for event in super().paint(wanted):
            gate.wait()
            yield event

gate = threading.Event()
gate.set()
studio = Studio(Held(lambda name, kind: painters.pixels(kind), model="tiny"))
studio
"""


@pytest.fixture(scope="module")
def server():
    with StudioServer(Desk(Engine(lambda name, kind: painters.pixels(kind), model="tiny"))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(10)


@pytest.fixture
def page(browser, server):
    page = opened(browser, server)
    yield page
    page.context.close()
    assert page.problems == []


def opened(browser, server, **context):
    context = browser.new_context(viewport={"width": 1100, "height": 1000}, **context)
    context.set_default_timeout(1000 * PATIENCE)
    page = context.new_page()
    page.problems = []
    page.on("console", lambda m: page.problems.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.goto(server.url)
    page.wait_for_selector(".studio-controls")
    return page


def pixels(page, selector: str = ".studio-picture") -> np.ndarray:
    return np.array(page.evaluate(PIXELS, selector), np.uint8).reshape(-1, 4)


def status(page) -> str:
    return page.locator(".studio-status").inner_text()


def painted(page, count: int) -> None:
    """Waits until so many pictures stand on the shelf and nothing is painted any more."""
    page.wait_for_function(
        "count => document.querySelectorAll('.studio-kept').length >= count"
        " && document.querySelector('.studio-stop').disabled",
        arg=count,
    )


def set_slider(page, name: str, value: float) -> None:
    page.locator(f"input[name={name}]").fill(str(value))


def paint(page, prompt: str, steps: int = 4, count: int = 1) -> None:
    set_slider(page, "steps", steps)
    page.locator("input[name=prompt]").fill(prompt)
    page.keyboard.press("Enter")
    painted(page, count)


def test_a_prompt_becomes_a_picture_step_by_step(page):
    assert page.evaluate("() => document.activeElement.name") == "prompt"
    assert page.get_by_text("Type what you want to see").is_visible()
    paint(page, "a red star")
    assert "Painted in" in status(page)
    where, last = page.locator(".studio-where"), pixels(page)
    assert where.inner_text().startswith("Step 4 of 4") and len(np.unique(last, axis=0)) > 10
    label = page.locator(".studio-picture").get_attribute("aria-label")
    assert label.startswith("Picture of “a red star”, seed 0, Step 4 of 4")
    scrub = page.locator(".studio-scrub input")
    seen = [last.tobytes()]
    for step in (3, 2, 1):
        scrub.press("ArrowLeft")
        assert where.inner_text().startswith(f"Step {step} of 4")
        seen.append(pixels(page).tobytes())
    page.locator(".studio-show").select_option("belief")
    seen.append(pixels(page).tobytes())
    assert len(set(seen)) == len(seen)
    with page.expect_download() as download:
        page.get_by_text("Save PNG").click()
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")


def test_a_word_lays_its_map_over_the_picture(page):
    paint(page, "a red star")
    chips = page.locator(".studio-word")
    assert chips.all_inner_texts() == ["a", "red", "star"]
    assert not pixels(page, ".studio-overlay").any()
    chips.nth(1).click()
    red = pixels(page, ".studio-overlay")
    assert (red[:, 3] > 0).all() and len(np.unique(red, axis=0)) > 1
    assert chips.nth(1).get_attribute("aria-pressed") == "true"
    assert "Who looked at “red” (mean over all steps)" in page.locator(".studio-told").inner_text()
    chips.nth(2).press("Enter")
    assert (pixels(page, ".studio-overlay") != red).any()
    page.locator(".studio-scrub input").press("Home")
    assert "(step 1)" in page.locator(".studio-told").inner_text()
    chips.nth(2).click()
    assert not pixels(page, ".studio-overlay").any() and page.locator(".studio-told").inner_text() == ""


def test_dragging_paints_again_and_what_was_painted_stays_on_the_shelf(page):
    paint(page, "a blue ring")
    first = pixels(page)
    set_slider(page, "seed", 5)
    painted(page, 2)
    assert (pixels(page) != first).any()
    set_slider(page, "guidance", 9)
    painted(page, 3)
    page.locator(".studio-kept").nth(2).click()
    np.testing.assert_array_equal(pixels(page), first)
    line = page.locator("input[name=negative]")
    line.fill("a red star")
    line.press("Enter")
    painted(page, 4)
    line.blur()
    page.wait_for_timeout(1000)  # more than a change waits for
    assert status(page).startswith("Painted") and page.locator(".studio-kept").count() == 4, "painted once"
    line.fill("a blue ring")
    line.blur()
    painted(page, 5)


def test_a_painted_mask_changes_the_hole_and_nothing_else(page):
    paint(page, "a blue ring")
    before = pixels(page)
    page.get_by_text("a picture with a hole").click()
    np.testing.assert_array_equal(pixels(page, ".mask-painter-picture"), before)
    page.locator(".mask-painter-brush").select_option("1")
    box = page.locator(".mask-painter-stage").bounding_box()
    page.mouse.move(box["x"] + 1.5 * box["width"] / 8, box["y"] + 2.5 * box["height"] / 8)
    page.mouse.down()
    page.mouse.move(box["x"] + 5.5 * box["width"] / 8, box["y"] + 2.5 * box["height"] / 8, steps=3)
    page.mouse.up()
    painted(page, 2)
    hole = np.zeros((8, 8), bool)
    hole[2, 1:6] = True
    changed = (pixels(page) != before).any(axis=-1).reshape(8, 8)
    assert changed[hole].any() and not changed[~hole].any()


def test_a_picture_to_begin_with_and_its_strength(page):
    paint(page, "a blue ring")
    before = pixels(page)
    page.locator("input[value=picture]").check()
    painted(page, 2)
    set_slider(page, "strength", 0)
    painted(page, 3)
    difference = np.abs(pixels(page).astype(int) - before)
    assert difference.max() <= 1, "at strength 0 the picture comes back"
    assert page.locator(".studio-base-picture").get_attribute("aria-label").endswith("a blue ring")


def test_what_breaks_a_rule_is_said_and_the_picture_stays(page):
    paint(page, "a red star")
    before = pixels(page)
    line = page.locator("input[name=prompt]")
    line.fill("red " * 1500)
    line.press("Enter")
    fault = page.get_by_role("alert")
    page.wait_for_function("() => document.querySelector('.studio-fault').textContent !== ''")
    assert "prompt must have at most 4000 characters. Received: 6000" in fault.inner_text()
    assert line.get_attribute("aria-invalid") == "true"
    np.testing.assert_array_equal(pixels(page), before)
    page.problems[:] = [p for p in page.problems if "400 (Bad Request)" not in p]  # the browser's own note
    paint(page, "red " * 500, count=2)
    assert "tokens" in fault.inner_text(), "too long for the network: painted, and told"
    paint(page, "", count=3)
    assert "leaves all to chance" in fault.inner_text() and line.get_attribute("aria-invalid") is None


def test_stop_and_closing_the_page_end_the_work(browser, server):
    page = opened(browser, server)
    set_slider(page, "steps", 50)
    page.locator("input[name=prompt]").fill("a red star")
    page.keyboard.press("Enter")
    page.wait_for_function("() => /step [1-9]/.test(document.querySelector('.studio-status').textContent)")
    running = server.desk._running
    page.get_by_role("button", name="Stop").click()
    assert running.done.wait(PATIENCE) and status(page) == "Stopped."
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Paint").click()
    page.wait_for_function("() => /step [1-9]/.test(document.querySelector('.studio-status').textContent)")
    running = server.desk._running
    page.context.close()
    assert running.done.wait(PATIENCE) and running._cancelled.is_set()


def test_light_dark_and_narrow(browser, server):
    for scheme in ("light", "dark"):
        page = opened(browser, server, color_scheme=scheme)
        ink, ground = (
            [
                int(part)
                for part in page.evaluate(f"() => getComputedStyle(document.body).{name}")[4:-1].split(",")
            ]
            for name in ("color", "backgroundColor")
        )
        assert abs(np.mean(ink) - np.mean(ground)) > 150
        assert (np.mean(ground) > 128) == (scheme == "light")
        page.set_viewport_size({"width": 340, "height": 800})
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 340
        assert page.evaluate(UNLABELLED) == []
        page.context.close()


UNLABELLED = """() => [...document.querySelectorAll("input, select, button, img, [role=img], [role=application]")]
    .filter(e => !(e.labels?.length || e.textContent.trim() || e.getAttribute("aria-label") || e.alt))
    .map(e => e.outerHTML)"""


def test_the_widget_paints_in_jupyterlab_and_python_stays_free(lab, notebook):
    page = lab.open(notebook("studio.ipynb", WIDGET))
    lab.run_all(page)
    page.wait_for_selector(".studio-controls")
    page.locator(".studio").scroll_into_view_if_needed()
    paint(page, "a red star")
    picture = page.evaluate(PIXELS, ".studio-picture")
    page.locator(".studio-word").nth(2).click()
    assert "“star”" in page.locator(".studio-told").inner_text()
    made = run_in_kernel(
        page,
        "event = list(studio.desk.engine.paint(studio.desk.engine.check("
        "{'prompt': 'a red star', 'steps': 4})))[-1]; print(json.dumps(event['picture']))",
    )
    rgb = np.array(picture).reshape(-1, 4)[:, :3]
    expected = np.frombuffer(base64.b64decode(made), np.uint8).reshape(-1, 3)
    assert np.abs(rgb - expected.astype(int)).max() <= 1

    run_in_kernel(page, "gate.clear(); print(0)")
    page.locator(".studio-paint").click()
    # Python opens the gate, which it could not if painting kept it busy.
    held = """
while studio.desk._running is None:
    time.sleep(0.01)
held = not studio.desk._running.done.is_set()
gate.set()
print(json.dumps(held))
"""
    assert run_in_kernel(page, held) is True
    painted(page, 2)

    page.locator("input[name=prompt]").fill("red " * 1500)
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('.studio-fault').textContent.includes('4000')")
    assert page.problems == []
    lab.close(page)
