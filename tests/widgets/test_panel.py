"""The panel: what it draws follows its controls, quick or slow; what fails is said; a still stands in its place."""

import asyncio
import base64
import io

import numpy as np
import pytest
from matplotlib import pyplot as plt
from PIL import Image

from diffusion_course.widgets import panel as module
from diffusion_course.widgets.panel import Panel, choice, log_slider, slider, stops, switch, text


def grey(value: float) -> np.ndarray:
    return np.full((1, 28, 28, 1), value)


@pytest.fixture
def drawn():
    """A panel over a sentence and a level, and the list of what its function was asked for."""
    asked = []

    def draw(sentence, level):
        asked.append((sentence, level))
        if sentence == "bad":
            raise RuntimeError("no <weights>")
        return grey(level / 10), f"{sentence} at {level}"

    return Panel(draw, {"sentence": text("sentence", "a bag"), "level": slider("level", 0, 10, 2)}), asked


def test_the_function_gets_values_by_name_and_its_words_are_caption_and_description(drawn):
    panel, asked = drawn
    assert asked == [("a bag", 2)] and panel.view.value.count("a bag at 2") == 2
    panel.controls["sentence"].value = "a <boot>"
    panel.controls["level"].value = 7
    assert asked[1:] == [("a <boot>", 2), ("a <boot>", 7)]
    assert 'alt="a &lt;boot&gt; at 7"' in panel.view.value and "<boot>" not in panel.view.value


def test_a_failure_is_said_above_the_last_good_picture_and_goes_away(drawn):
    panel, asked = drawn
    good = panel.view.value
    panel.controls["sentence"].value = "bad"
    assert 'role="alert"' in panel.status.value and "RuntimeError: no &lt;weights&gt;" in panel.status.value
    assert panel.view.value == good
    panel.controls["sentence"].value = "a bag"
    assert panel.status.value == "" and panel.view.value == good and len(asked) == 3


def test_a_failure_at_the_start_is_the_learners_cells():
    with pytest.raises(ZeroDivisionError):
        Panel(lambda level: 1 / level, {"level": slider("level", 0, 1)})


def test_one_move_that_changes_two_controls_draws_once():
    asked, length, place = [], stops("length", [10, 5]), slider("place", 0, 10, 8)
    length.observe(lambda change: place.set_trait("value", change.new // 2), "value")
    panel = Panel(lambda **v: asked.append(v) or "", {"length": length, "place": place}, lambda: None)
    length.value = 5
    assert asked == [{"length": 10, "place": 8}, {"length": 5, "place": 2}] and panel.status.value == ""


def test_a_slow_picture_waits_until_the_hand_rests(drawn, monkeypatch):
    panel, asked = drawn
    monkeypatch.setattr(module, "QUICK", 0)
    monkeypatch.setattr(module, "REST", 0.02)

    async def drag():
        for level in (3, 4, 5):
            panel.controls["level"].value = level
        assert len(asked) == 1 and "drawing" in panel.status.value
        await asyncio.sleep(0.1)

    asyncio.run(drag())
    assert asked[1:] == [("a bag", 5)] and panel.status.value == "" and "a bag at 5" in panel.view.value


def test_a_quick_picture_follows_at_once(drawn, monkeypatch):
    panel, asked = drawn
    monkeypatch.setattr(module, "QUICK", 60)

    async def drag():
        panel.controls["level"].value = 3
        assert asked[-1] == ("a bag", 3)

    asyncio.run(drag())


def test_a_slow_failure_is_said_too(drawn, monkeypatch):
    panel, _ = drawn
    monkeypatch.setattr(module, "QUICK", 0)
    monkeypatch.setattr(module, "REST", 0)

    async def fail():
        panel.controls["sentence"].value = "bad"
        await asyncio.sleep(0.05)

    asyncio.run(fail())
    assert "RuntimeError" in panel.status.value


def test_without_a_kernel_the_first_picture_stands_there(drawn):
    panel, asked = drawn
    panel.controls["level"].value = 9
    data, metadata = panel._repr_mimebundle_()
    assert metadata["image/png"] == {"alt": "a bag at 2", "width": 84, "height": 84}
    still = np.asarray(Image.open(io.BytesIO(base64.b64decode(data["image/png"]))))
    assert still.shape == (168, 168) and (still == round(255 * 0.2)).all()
    assert "application/vnd.jupyter.widget-view+json" in data and len(asked) == 2


def test_figures_are_pictures_and_leave_nothing_open():
    def draw(level):
        figure, axes = plt.subplots(figsize=(3, 2))
        axes.plot([0, level])
        return figure, f"a line to {level}"

    panel = Panel(draw, {"level": slider("level", 0, 10, 2)})
    before = panel.view.value
    panel.controls["level"].value = 5
    assert panel.view.value != before and not plt.get_fignums()
    data, metadata = panel._repr_mimebundle_()
    assert data["text/plain"] == "a line to 2" and metadata["image/png"]["width"] < 300


def test_html_needs_a_still_and_uses_it():
    with pytest.raises(ValueError, match="`still` is needed"):
        Panel(lambda on: "<p>words</p>", {"on": switch("on")})
    panel = Panel(
        lambda on: "<p>words</p>", {"on": switch("on")}, lambda: (plt.figure(figsize=(2, 1)), "blank")
    )
    assert panel.view.value == "<p>words</p>"
    assert panel._repr_mimebundle_()[0]["text/plain"] == "blank"


def test_controls_begin_where_they_are_told():
    whole, part = slider("n", 0, 5), slider("s", 0, 3, 1, step=0.1)
    assert (whole.value, type(whole.value), part.value, type(part.value)) == (0, int, 1.0, float)
    assert stops("t", [1, 5, 9], 5).value == 5 and stops("eta", [("none", 0.0), ("full", 1.0)]).value == 0.0
    assert choice("word", {"Bag": 1, "Boot": 2}).value == "Bag" and switch("on").value is True
    assert abs(log_slider("threshold", 0.5).value - 0.5) < 1e-9 and text("sentence").value == ""
