"""Every widget in a real JupyterLab: one notebook shows each on a little data; each control changes what is seen."""

import re

import pytest

from diffusion_course import widgets

DATA = """
import numpy as np
from diffusion_course import widgets
from diffusion_course.schedules import NoiseSchedule

rng = np.random.default_rng(0)
pictures = rng.random((3, 8, 8, 1))
film = np.cumsum(rng.standard_normal((4, 3, 8, 8, 1)), axis=0) / 4
truth = np.arange(200) >= 150
scores = {name: np.exp(rng.normal(size=200) + gap * truth) for name, gap in (("good", 3), ("poor", 1))}
"""
# name -> source of the cell that shows it
CELLS = {
    "attention_map": """
def look(picture, caption):
    words = caption.split()
    weights = picture[::2, ::2] * (np.arange(len(words)) + len(caption)) / 40
    return words, np.repeat(picture, 3, axis=-1) / len(caption), weights

widgets.attention_map(look, pictures, "a red star", longest=3)
""",
    "denoising_film": "widgets.denoising_film(film, film[::-1], [30, 20, 10, 0])",
    "guidance_scale": """
drawn = {s: rng.random((2, 8, 8, 8, 1)) for s in (0.0, 1.0, 3.0)}
widgets.guidance_scale(drawn, {"fidelity": {0: 0.1, 1: 0.9, 3: 1.0}, "diversity": {0: 1.6, 1: 0.9, 3: 0.6}}, ["a", "b"])
""",
    "hole_filler": """
def fill(picture, mask, prompt, seed):
    return np.where(mask[..., None], (seed + len(prompt)) % 97 / 97, picture)

holes = np.zeros((8, 8))
holes[2:5, 3:7] = 1
widgets.hole_filler(fill, pictures.repeat(3, axis=-1), "a red star", holes)
""",
    "latent_cells": """
maps = rng.standard_normal((3, 4, 4, 2))

def paint(z):
    large = np.asarray(z).repeat(2, axis=1).repeat(2, axis=2)
    return np.clip(0.5 + np.concatenate([large, large[..., :1]], axis=-1) / 6, 0, 1)

widgets.latent_cells(paint(maps), maps, paint)
""",
    "latent_explorer": """
def decode(z):
    return np.broadcast_to(1 / (1 + np.exp(-z[:, :1, None, None] - z[:, 1:, None, None])), (1, 8, 8, 1))

widgets.latent_explorer(decode, rng.normal(size=(200, 2)), np.arange(200) % 2, ["a", "b"], image_shape=(8, 8))
""",
    "nearest_captions": """
from diffusion_course.tokenizer import Tokenizer, learn_merges
from diffusion_course.widgets.nearest_captions import Space

lines = ["a red ring", "a blue star", "a red star", "a blue ring"]
words = Tokenizer(learn_merges(lines, 40), length=8)

def count_words(ids):
    counts = np.apply_along_axis(np.bincount, 1, np.asarray(ids), minlength=words.vocabulary_size)[:, : words.start_id]
    return counts / np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1e-9)

told = count_words(words.encode(lines))
widgets.nearest_captions(
    {"words": Space(count_words, told, told), "reversed": Space(count_words, told[::-1], told[::-1])},
    words, rng.random((4, 8, 8, 3)), lines, ["a red ring"],
)
""",
    "noise_slider": 'widgets.noise_slider(pictures, {"half": lambda y, s: y / 2, "told": lambda y, s: y - s / 2})',
    "noising_explorer": """
widgets.noising_explorer(
    dict(zip("abc", pictures)), {"linear": NoiseSchedule.linear(100), "cosine": NoiseSchedule.cosine(100)}
)
""",
    "path_switches": """
widgets.path_switches(
    2 * pictures - 1, [10, 50, 90], ["top", "bottom"],
    add_noise=lambda x, noise, t: x + t / 100 * noise,
    guess=lambda x, t, open_paths: x / (1 + t / 100) + 0.2 * open_paths.count(False),
)
""",
    "sampler_explorer": """
settings = [(n, eta) for n in (5, 10, 20) for eta in (0.0, 1.0)]
widgets.sampler_explorer({s: rng.random((32, 8, 8, 1)) for s in settings}, {s: 2.0 + s[0] * s[1] for s in settings})
""",
    "sentence_painter": """
def paint(sentences, seed):
    return np.repeat(pictures[:1], len(sentences), axis=0).repeat(3, axis=-1) * (len(sentences[0]) + seed) / 120

widgets.sentence_painter(paint)
""",
    "step_costs": """
from diffusion_course.tools.operations import Product
from diffusion_course.widgets.step_costs import Counted

attention = "up_0_attention_0/block_0/self_attention"
work = [Product("down_0_block_0/conv_1", "convolution", 9), Product(attention, "attention", 4)]
widgets.step_costs({"small": Counted(work[:1], 512, 8, 8, 2), "large": Counted(work, 512, 8, 8, 2)}, (512, 1024))
""",
    "threshold_explorer": 'widgets.threshold_explorer(scores, truth, {"good": 4.0, "poor": 2.0})',
    "word_pictures": """
def generate(word, strength, seed):
    return np.clip(pictures + strength / 10 * (seed + 1) + 0.1 * len(word), 0, 1)

widgets.word_pictures(generate, ["bag", "dress"])
""",
    "word_swap": """
from diffusion_course.widgets.word_swap import Walk

def walk(prompts, seed):
    found = []
    for prompt in prompts:
        words = prompt.split()
        noise = np.random.default_rng([seed, len(prompt)])
        found.append(Walk(words, [30, 20, 10], noise.random((3, 8, 8, 3)), noise.random((3, 4, 4, len(words))) / 9))
    return found

widgets.word_swap(walk, ["a red star", "a blue star"], 3, word=2, longest=3)
""",
}
SEEN = "cell => [...cell.querySelectorAll('.widget-html-content, canvas')].map(view).join()"
VIEW = "const view = e => e.tagName === 'CANVAS' ? e.toDataURL() : e.innerHTML;"


@pytest.fixture(scope="module")
def page(lab, notebook):
    page = lab.open(notebook("widgets.ipynb", DATA, *CELLS.values()))
    lab.run_all(page)
    yield page
    lab.close(page)


@pytest.fixture
def cell(page, request):
    """The cell of the notebook that shows a widget, scrolled to."""
    found = page.locator(".jp-CodeCell").nth(1 + list(CELLS).index(request.param))
    found.locator(".widget-html-content:not(:empty), canvas").first.wait_for()
    found.scroll_into_view_if_needed()
    return found


def seen(cell) -> str:
    """Words and pictures of a widget."""
    return cell.evaluate(f"cell => {{ {VIEW} return ({SEEN})(cell); }}")


def assert_changes(page, cell, act) -> None:
    before = seen(cell)
    act()
    page.wait_for_function(
        f"([cell, before]) => {{ {VIEW} return ({SEEN})(cell) !== before; }}",
        arg=[cell.element_handle(), before],
    )


def test_every_widget_of_the_library_is_shown():
    assert sorted(CELLS) == sorted(widgets.__all__)


OWN_TESTS = ("latent_explorer", "hole_filler")


@pytest.mark.parametrize("cell", [name for name in CELLS if name not in OWN_TESTS], indirect=True)
def test_every_control_changes_what_is_seen(page, cell):
    sliders, lists = cell.locator(".noUi-target"), cell.locator("select")
    moved = set()

    def move_sliders():
        for k in range(sliders.count()):
            if k in moved or sliders.nth(k).get_attribute("disabled"):
                continue
            moved.add(k)
            handle = sliders.nth(k).locator(".noUi-handle")
            now, last = (float(handle.get_attribute(f"aria-value{what}")) for what in ("now", "max"))
            handle.focus()
            key = "ArrowLeft" if now == last else "ArrowRight"
            assert_changes(page, cell, lambda key=key: page.keyboard.press(key))

    move_sliders()
    for k in range(lists.count()):
        options = lists.nth(k).locator("option").count()
        assert_changes(page, cell, lambda k=k, n=options: lists.nth(k).select_option(index=n - 1))
    for switch in cell.locator("input[type=checkbox]").all():
        assert_changes(page, cell, switch.click)
    for line in cell.locator("input[type=text]").all():

        def type_and_enter(line=line):
            line.fill("another line")
            line.press("Enter")

        assert_changes(page, cell, type_and_enter)
    move_sliders()  # those that a switch set free
    assert 0 < len(moved) == sliders.count()
    assert not re.search(r"[A-Z]\w+(Error|Exception)", seen(cell)), "a panel says so where its function fails"


@pytest.mark.parametrize("cell", ["latent_explorer"], indirect=True)
def test_latent_explorer_decodes_where_the_learner_goes(page, cell):
    cell.locator(".latent-explorer-stage").focus()
    assert_changes(page, cell, lambda: page.keyboard.press("Shift+ArrowRight"))


@pytest.mark.parametrize("cell", ["nearest_captions"], indirect=True)
def test_neighbours_follow_what_is_typed_and_say_what_they_do_not_know(page, cell):
    line = cell.locator("input[type=text]").first
    assert_changes(page, cell, lambda: line.fill("a blue star and an octopus"))
    cell.get_by_text("Not a word of the captions").wait_for()
    assert_changes(page, cell, lambda: line.fill("a red ring " * 9))
    cell.get_by_text("Too long: 6 tokens fit").wait_for()


@pytest.mark.parametrize("cell", ["hole_filler"], indirect=True)
def test_a_hole_is_painted_filled_as_asked_and_filled_again(page, cell):
    views = "cell => [...cell.querySelectorAll('.widget-html-content img')].map(img => img.src)"
    painted = "cell => cell.querySelector('.mask-painter-picture').toDataURL()"
    fill, go_on = (cell.get_by_role("button", name=name) for name in ("Fill", "Go on with it"))
    cell.get_by_text('"a red star" in 12 of 64 pixels').wait_for()
    line, seed = cell.locator("input[type=text]").first, cell.locator(".noUi-handle")

    line.fill("a blue ring on grey")
    assert_changes(page, cell, fill.click)
    cell.get_by_text('"a blue ring on grey" in 12 of 64 pixels').wait_for()
    seed.focus()
    page.keyboard.press("ArrowRight")
    before, after = cell.evaluate(views)
    assert_changes(page, cell, fill.click)
    assert cell.evaluate(views)[0] == before and cell.evaluate(views)[1] != after

    cell.locator(".mask-painter-brush").select_option("1")
    box = cell.locator(".mask-painter-stage").bounding_box()
    page.mouse.move(box["x"] + 0.5 * box["width"] / 8, box["y"] + 7.5 * box["height"] / 8)
    page.mouse.down()
    page.mouse.move(box["x"] + 2.5 * box["width"] / 8, box["y"] + 7.5 * box["height"] / 8, steps=3)
    page.mouse.up()
    cell.get_by_text("15 of 64 pixels are painted").wait_for()
    assert_changes(page, cell, fill.click)
    cell.get_by_text("in 15 of 64 pixels", exact=False).wait_for()
    cell.get_by_text("0 pixels outside of the mask have changed").wait_for()

    shown, filled = cell.evaluate(painted), cell.evaluate(views)[1]
    assert_changes(page, cell, go_on.click)
    assert cell.evaluate(painted) != shown
    seed.focus()
    page.keyboard.press("ArrowRight")
    assert_changes(page, cell, fill.click)
    assert cell.evaluate(views)[0] == filled, "what was filled is what is begun with"
    assert_changes(page, cell, lambda: cell.locator("select").first.select_option(index=2))
    assert not re.search(r"[A-Z]\w+(Error|Exception)", seen(cell))


def test_nothing_was_reported_on_the_console(page):
    assert page.problems == []
