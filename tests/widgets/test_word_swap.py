"""Swap a word and watch: what the controls ask for, what the view says, its still, and the walks of a real pipeline."""

import numpy as np
import painters
import pytest
from matplotlib import pyplot as plt

from diffusion_course.widgets import word_swap
from diffusion_course.widgets.word_swap import (
    Walk,
    changed_share,
    moments,
    pair_html,
    sentence_html,
    still_figure,
    walk_html,
    watched,
)

PROMPTS = ["a red star", "a red ring"]
ASKED = []


def look(prompts, seed):
    """Pictures get brighter with each step, more so for longer last words; pixel (1, 0) looks at the last word."""
    ASKED.append((tuple(prompts), seed))
    if "house" in prompts[1]:
        raise ValueError("Words must be known. Received: house")
    walks = []
    for prompt in prompts:
        words = prompt.split()
        maps = np.zeros((3, 2, 2, len(words)))
        maps[..., 0], maps[1:, 1, 0, -1] = 0.1, [0.2, 0.4]
        pictures = np.linspace(0, 0.2 + 0.1 * seed + 0.02 * (words[-1] == "ring"), 3)
        pictures = np.tile(pictures[:, None, None, None], (1, 4, 4, 3))
        pictures[2, 0, 0] = words[-1] == "ring"  # one pixel of 16 differs visibly
        walks.append(Walk(words, [900, 500, 20], pictures, maps))
    return walks


def test_changed_pixels_are_counted_once_whatever_their_colour():
    first, second = np.zeros((2, 2, 3)), np.zeros((2, 2, 3))
    second[0, 0, 2], second[1, 1] = 1, 0.05
    assert changed_share(first, second) == 0.25 and changed_share(first, first) == 0


def test_moments_begin_and_end_with_the_walk():
    assert list(moments(3)) == [0, 1, 2]
    many = moments(25)
    assert len(many) == 8 and many[0] == 0 and many[-1] == 24 and (np.diff(many) >= 3).all()


def test_the_chosen_word_is_marked_and_a_swapped_one_is_bold():
    found = sentence_html(["a", "<red>", "star"], 1, ["a", "<red>", "ring"])
    assert "a <mark>&lt;red&gt;</mark> <b>star</b>" in found
    assert "<b>x</b>" in sentence_html(["a", "x"], 0, ["a"])  # the other prompt is shorter


def test_view_shows_the_step_and_the_word():
    first, second = look(PROMPTS, 0)
    last, middle = (walk_html(first, 2, step, second.words) for step in (2, 1))
    assert "“star”" in last and "at most 0.40" in last and "expected at t = 20" in last
    assert "at most 0.20" in middle and "expected at t = 500" in middle
    assert last.count("<img") == 3 == last.count("alt=") and "at t = 900, 500, 20" in last
    assert walk_html(first, 9, 2, second.words) == last  # beyond the last word, the last
    pair = pair_html(first, second, 2, 2)
    assert pair.count("<img") == 6 and "6% of the pixels differ" in pair and "“ring”" in pair


def test_widget_follows_its_controls_and_says_what_is_wrong():
    widget = word_swap(look, PROMPTS, 3, word=3)
    view, controls = widget.view, widget.controls
    assert "“star”" in view.value and "expected at t = 20" in view.value
    seen = {view.value}
    for name, value in (
        ("word", 1),
        ("step", 2),
        ("seed", 3),
        ("first", "a blue star"),
        ("second", "a red star"),
    ):
        controls[name].value = value
        assert view.value not in seen, name
        seen.add(view.value)
    assert ASKED[-1] == (("a blue star", "a red star"), 3)
    good = view.value
    controls["second"].value = "a red house"
    assert "Received: house" in widget.status.value and view.value == good
    controls["second"].value = " "
    assert "at least one word" in widget.status.value
    assert not controls["first"].continuous_update


def test_still_shows_both_walks_and_their_maps():
    figure, alt = still_figure(look, PROMPTS, 3)
    axes = figure.axes[0]
    assert len(axes.images) == 4 * 3
    assert [tick.get_text() for tick in axes.get_yticklabels()] == [
        "expected",
        "“star”",
        "expected",
        "“ring”",
    ]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["t = 900", "t = 500", "t = 20"]
    assert "“a red star” and “a red ring”" in alt and "6% of the pixels" in alt
    plt.close(figure)
    data, metadata = word_swap(look, PROMPTS, 3)._repr_mimebundle_()
    assert "image/png" in data and "same noise" in metadata["image/png"]["alt"]


def test_one_prompt_is_refused():
    with pytest.raises(ValueError, match="must be two. Received: \\['a'\\]"):
        word_swap(look, ["a"], 3)


def test_walks_of_a_pipeline_end_in_its_pictures_and_are_remembered(monkeypatch):
    pipeline, how = painters.latents(), {"steps": 2, "guidance_scale": 2.0}
    look = watched(pipeline, size=(8, 8), **how)
    first, second = look(PROMPTS, 5)
    made = pipeline.generate(PROMPTS, seed=5, **how)
    np.testing.assert_allclose([first.pictures[-1], second.pictures[-1]], made, atol=1e-5)
    assert first.words == ["a", "red", "star"] and first.maps.shape == (2, 8, 8, 3)
    assert len(first.steps) == 2 and first.steps[0] > first.steps[1]
    monkeypatch.setattr(type(pipeline), "walks", None)  # another walk would fail
    assert look(PROMPTS, 5)[0] is first
    with pytest.raises(TypeError):
        look(PROMPTS, 6)
