"""The latent explorer as the learner meets it: a real Keras decoder, a real kernel, a real browser."""

import re
import statistics

import pytest
from lab_server import run_in_kernel

BUDGET_MS = 100
# Untrained, but a real decoder of chapter 01's kind and size; its picture depends on z everywhere.
SETUP = """
import os
os.environ["TF_NUM_INTRAOP_THREADS"] = "1"
import diffusion_course
import keras, numpy as np
from keras import layers
keras.utils.set_random_seed(7)
strong = keras.initializers.RandomNormal(stddev=2.0)
decoder = keras.Sequential([
    keras.Input((2,)),
    layers.Dense(7 * 7 * 32, activation="relu", bias_initializer="random_normal"),
    layers.Reshape((7, 7, 32)),
    layers.Conv2DTranspose(32, 3, 2, "same", activation="relu"),
    layers.Conv2DTranspose(16, 3, 2, "same", activation="relu"),
    layers.Conv2D(1, 3, padding="same", activation="sigmoid", kernel_initializer=strong),
])
rng = np.random.default_rng(0)
labels = rng.integers(0, 10, 10_000)
centres = 4 * np.stack([np.cos(np.arange(10) * 0.628), np.sin(np.arange(10) * 0.628)], 1)
points = centres[labels] + 0.5 * rng.normal(size=(10_000, 2))
names = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]
"""
SHOW = """
from diffusion_course.widgets import latent_explorer
explorer = latent_explorer(lambda z: decoder(z, training=False), points, labels, names)
explorer
"""
LISTEN = """() => {
    window.painted = [];
    document.addEventListener("latent-explorer:painted", event => window.painted.push(event.detail));
}"""


def shown(page) -> dict:
    """What the learner sees: picture's pixels, coordinates, words."""
    return page.evaluate("""() => {
        const one = selector => document.querySelector(`.latent-explorer ${selector}`);
        const picture = one(".latent-explorer-picture");
        const pixels = picture.getContext("2d").getImageData(0, 0, picture.width, picture.height).data;
        return {
            pixels: Array.from(pixels),
            coordinates: one(".latent-explorer-coordinates").textContent,
            words: one(".latent-explorer-words").textContent,
            spoken: one(".latent-explorer-spoken").textContent,
            status: one(".latent-explorer-status").textContent,
        };
    }""")


def coordinates(seen: dict) -> tuple[float, float]:
    x, y = re.fullmatch(r"z = \((.+), (.+)\)", seen["coordinates"].replace("\u2212", "-")).groups()
    return float(x), float(y)


def wait_painted(page, count: int) -> list[dict]:
    """Waits for `count` answered moves and returns them."""
    page.wait_for_function("count => window.painted.length >= count", arg=count, timeout=10_000)
    return page.evaluate("() => window.painted")


def distinct_greys(seen: dict) -> int:
    return len(set(seen["pixels"][::4]))


@pytest.fixture(scope="module")
def page(lab, notebook):
    page = lab.open(notebook("explorer.ipynb", SETUP, SHOW))
    lab.run_all(page)
    page.wait_for_selector(".latent-explorer-stage")
    page.locator(".latent-explorer-stage").scroll_into_view_if_needed()
    page.evaluate(LISTEN)
    yield page
    lab.close(page)


@pytest.fixture(autouse=True)
def forget_earlier_moves(page):
    page.evaluate("() => { window.painted.length = 0; }")


def test_it_starts_with_a_decoded_picture(page):
    seen = shown(page)
    assert coordinates(seen) == (0, 0)
    assert distinct_greys(seen) > 5
    assert "Far from every code" in seen["words"]  # the codes lie on a ring round the start
    assert page.locator(".latent-explorer-legend li").all_inner_texts()[0].strip() == "T-shirt/top"


def drag(page, start: tuple[int, int], step: tuple[int, int], pause: int, count: int) -> None:
    """Drags from a place on the map (pixels from its corner) by `count` steps."""
    box = page.locator(".latent-explorer-stage").bounding_box()
    x, y = box["x"] + start[0], box["y"] + start[1]
    page.mouse.move(x, y)
    page.mouse.down()
    for k in range(count):
        page.mouse.move(x + step[0] * k, y + step[1] * k)
        page.wait_for_timeout(pause)
    page.mouse.up()


def assert_in_time(page, what: str, act) -> None:
    """The median from event to painted pixels, of 20 moves or more, keeps the budget.

    Up to three attempts: a machine busy with other work for a second says nothing about the widget.
    """
    medians = []
    for _ in range(3):
        page.evaluate("() => { window.painted.length = 0; }")
        act()
        page.wait_for_timeout(300)
        times = sorted(move["milliseconds"] for move in wait_painted(page, 20))
        medians.append(statistics.median(times))
        print(f"{what}: {len(times)} redraws, median {medians[-1]:.1f} ms, slowest {times[-1]:.1f} ms")
        if medians[-1] < BUDGET_MS:
            return
    pytest.fail(f"{what}: medians {[f'{m:.1f}' for m in medians]} ms, budget {BUDGET_MS} ms")


def test_dragging_redraws_in_time_and_ends_where_the_mouse_ends(page):
    before = shown(page)
    half = page.locator(".latent-explorer-stage").bounding_box()["width"] / 2
    assert_in_time(page, "drag", lambda: drag(page, (half, half), (2, -1), pause=16, count=60))
    after = shown(page)
    assert after["pixels"] != before["pixels"]
    assert coordinates(after)[0] > 0.5 and coordinates(after)[1] > 0.3
    last = page.evaluate("() => window.painted.at(-1)")
    assert coordinates(after) == (pytest.approx(last["x"], abs=0.006), pytest.approx(last["y"], abs=0.006))


def test_arrow_keys_move_the_point_and_not_the_cell(page):
    stage = page.locator(".latent-explorer-stage")
    stage.focus()

    def twenty_to_the_right():
        stage.press("Home")
        wait_painted(page, 1)
        for count in range(20):
            stage.press("ArrowRight")
            wait_painted(page, count + 2)

    assert_in_time(page, "keys", twenty_to_the_right)
    small = coordinates(shown(page))
    stage.press("Shift+ArrowUp")
    stage.press("ArrowLeft")
    wait_painted(page, 22)
    page.wait_for_timeout(800)
    seen = shown(page)
    assert small[0] > 0 and small[1] == 0
    step = small[0] / 20
    assert coordinates(seen) == (pytest.approx(19 * step, abs=0.011), pytest.approx(5 * step, abs=0.03))
    assert page.evaluate("() => document.activeElement.className") == "latent-explorer-stage"
    assert seen["coordinates"] in seen["spoken"]


def test_the_picture_is_the_decoders_and_python_knows_the_place(page, lab):
    """The pixels on screen equal what the kernel decodes at the place the kernel reports."""
    kernel = run_in_kernel(
        page,
        "import json; print(json.dumps([explorer.z, "
        "np.round(255 * np.asarray(decoder(np.array([explorer.z], 'float32')))).ravel().tolist()]))",
    )
    place, expected = kernel
    seen = shown(page)
    assert coordinates(seen) == (pytest.approx(place[0], abs=0.006), pytest.approx(place[1], abs=0.006))
    differences = [abs(a - b) for a, b in zip(seen["pixels"][::4], expected, strict=True)]
    assert max(differences) <= 1


def test_a_slow_decoder_is_never_asked_for_stale_places(page):
    """40 moves against a decoder of 150 ms: some calls, no queue, and the last place wins."""
    run_in_kernel(page, SLOW)
    drag(page, (80, 80), (4, 3), pause=10, count=40)
    goal = coordinates(shown(page))
    page.wait_for_timeout(700)
    place, calls = run_in_kernel(page, RESTORE)
    assert 2 <= calls <= 12, f"{calls} calls for 41 moves"
    assert place == pytest.approx(goal, abs=0.006)


def test_a_failing_decoder_says_so_and_recovers(page):
    stage = page.locator(".latent-explorer-stage")
    run_in_kernel(page, BREAK)
    stage.press("ArrowRight")
    page.wait_for_function(
        "() => document.querySelector('.latent-explorer-status').textContent.includes('RuntimeError: no weights')"
    )
    run_in_kernel(page, RESTORE)
    stage.press("ArrowRight")
    page.wait_for_function("() => document.querySelector('.latent-explorer-status').textContent === ''")


def test_dark_theme_and_narrow_cells(page, lab):
    def ink():
        return page.evaluate("() => getComputedStyle(document.querySelector('.latent-explorer-stage')).color")

    light = ink()
    lab.set_theme(page, "JupyterLab Dark")
    page.wait_for_timeout(300)
    assert ink() != light
    fill = "() => getComputedStyle(document.querySelector('.latent-explorer-stage text')).fill"
    brightness = [int(part) for part in re.findall(r"\d+", page.evaluate(fill))[:3]]
    assert min(brightness) > 180, f"the tick labels are {brightness} on a dark ground"
    page.evaluate("() => { document.querySelector('.latent-explorer').style.width = '240px'; }")
    page.wait_for_timeout(200)
    inside = page.evaluate("""() => {
        const root = document.querySelector(".latent-explorer");
        return [...root.querySelectorAll("canvas, li")].every(
            part => part.getBoundingClientRect().right <= root.getBoundingClientRect().right + 1);
    }""")
    assert inside
    assert page.evaluate("() => document.querySelector('.latent-explorer-stage').clientWidth") > 200
    lab.set_theme(page, "JupyterLab Light")


def test_run_twice_works_again(page, lab):
    lab.run_all(page)
    page.wait_for_selector(".latent-explorer-stage")
    assert page.locator(".latent-explorer").count() == 1
    stage = page.locator(".latent-explorer-stage")
    first = shown(page)
    stage.focus()
    stage.press("Shift+ArrowDown")
    wait_painted(page, 1)
    page.wait_for_timeout(100)
    assert shown(page)["pixels"] != first["pixels"]


def test_nothing_was_reported_on_the_console(page):
    assert page.problems == []


def test_without_a_kernel_the_still_picture_shows(page, lab, notebook):
    """A notebook saved without its dead widget view, as it is committed, opens with the picture and no error."""
    import nbformat

    page.evaluate("() => jupyterapp.commands.execute('docmanager:save')")
    page.wait_for_timeout(500)
    saved = nbformat.read(lab.server.root / "explorer.ipynb", as_version=4)
    output = saved.cells[1].outputs[-1]
    assert output.metadata["image/png"]["alt"].startswith("Latent map of 10000 pictures")
    assert "application/vnd.jupyter.widget-view+json" in output.data
    del output.data["application/vnd.jupyter.widget-view+json"]
    nbformat.write(saved, lab.server.root / "committed.ipynb")
    still = lab.open("committed.ipynb")
    picture = still.locator(".jp-OutputArea img")
    picture.wait_for()
    width = still.evaluate("() => document.querySelector('.jp-OutputArea img').naturalWidth")
    assert width > 500
    lab.close(still)


SLOW = """
import json, time
fast, calls = explorer._decode, []
def slow(z):
    calls.append(1)
    time.sleep(0.15)
    return fast(z)
explorer._decode = slow
print(json.dumps("slow"))
"""
RESTORE = """
import json
explorer._decode = fast
print(json.dumps([explorer.z, len(calls)]))
"""
BREAK = """
import json
def broken(z):
    raise RuntimeError("no weights")
explorer._decode = broken
print(json.dumps("broken"))
"""
