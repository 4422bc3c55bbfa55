"""Curves over a training and maps over a walk: each value at its place, and what does not fit is refused."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from diffusion_course.plots import emergence_curves, heat, word_steps
from diffusion_course.plots.word_steps import relative_heat

STEPS = [100, 200, 400]
LINES = {"shape": [0.1, 0.2, 0.9], "together": [0.0, 0.1, 0.8], "product": [0.0, 0.2, 0.7]}


def test_each_panel_has_its_own_steps_and_lines():
    figure = emergence_curves({"here": (STEPS, LINES), "shipped": ([1, 9], {"shape": [0.5, 1.0]})})
    left, right = figure.axes
    assert [ax.get_title(loc="left") for ax in (left, right)] == ["here", "shipped"]
    for line, (name, values) in zip(left.lines, LINES.items(), strict=True):
        assert line.get_label() == name
        assert list(line.get_xdata()) == STEPS and list(line.get_ydata()) == values
    assert list(right.lines[0].get_ydata()) == [0.5, 1.0]
    # one legend for all, each name once
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(LINES)
    plt.close(figure)


def test_an_attribute_has_one_colour_in_all_panels_and_together_stands_out():
    figure = emergence_curves({"a": (STEPS, LINES), "b": (STEPS, {"size": [0] * 3, **LINES})})
    (shape, together, product), (size, again, *_) = (ax.lines for ax in figure.axes)
    assert shape.get_color() == again.get_color() != size.get_color()
    assert together.get_linewidth() > shape.get_linewidth() and product.get_linestyle() == "--"
    plt.close(figure)


@pytest.mark.parametrize(
    ("panels", "words"),
    [
        ({}, "at least one. Received: none"),
        ({"a": ([], {})}, "must rise.*Received: a"),
        ({"a": ([2, 1], {"x": [0, 1]})}, "must rise"),
        ({"a": ([1, 2], {"x": [0]})}, "2 values. Received: x with 1"),
    ],
)
def test_curves_that_do_not_fit_are_refused(panels, words):
    with pytest.raises(ValueError, match=words):
        emergence_curves(panels)
    plt.close("all")


def test_a_word_is_as_bright_as_its_brightest_moment():
    maps = np.zeros((2, 2, 2))
    maps[1, 0, 1] = 0.02
    colours = relative_heat(maps)
    np.testing.assert_allclose(colours[1, 0, 1], heat(np.array(1.0)))
    np.testing.assert_allclose(colours[0], np.broadcast_to(heat(np.array(0.0)), (2, 2, 3)))
    assert np.isfinite(relative_heat(np.zeros((1, 2, 2)))).all()


def test_each_moment_is_a_row_and_each_word_a_column_with_its_largest_weight():
    maps = np.zeros((3, 2, 2, 2))
    maps[2, 1, 0, 0], maps[0, :, :, 1] = 0.3, 0.5
    figure = word_steps(np.full((3, 4, 4, 3), 0.5), maps, ["red", "star"], ["t = 9", "t = 5", "t = 0"])
    axes = figure.axes[0]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["expected", "red\n0.30", "star\n0.50"]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["t = 9", "t = 5", "t = 0"]
    shown = np.array([np.asarray(image.get_array()) for image in axes.images]).reshape(3, 3, 4, 4, 3)
    np.testing.assert_allclose(shown[2, 1, 3, 1], heat(np.array(1.0)))  # red at t = 0, below left
    np.testing.assert_allclose(shown[0, 1], np.broadcast_to(heat(np.array(0.0)), (4, 4, 3)))
    np.testing.assert_allclose(shown[:, 0], 0.5)
    plt.close(figure)


@pytest.mark.parametrize(("labels", "words"), [(["a"], ["red"]), (["a", "b"], ["red", "star"])])
def test_maps_that_do_not_fit_are_refused(labels, words):
    with pytest.raises(ValueError, match="a word per map. Received: 2, 2"):
        word_steps(np.zeros((2, 4, 4, 3)), np.zeros((2, 2, 2, 1)), words, labels)
