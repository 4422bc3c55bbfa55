"""Curves over guidance scales: every value is drawn at its place, and what does not fit is refused."""

import pytest
from matplotlib import pyplot as plt

from diffusion_course.plots import scale_curves


def test_lines_lie_at_evenly_spaced_scales_and_off_is_marked():
    figure = scale_curves(
        [0, 1, 3, 15], {"share": {"a": [0.1, 0.5, 0.9, 1], "b": [1, 2, 3, 4]}, "FID": {"c": [9, 5, 4, 8]}}
    )
    left, right = figure.axes
    assert [line.get_label() for line in left.lines[:2]] == ["a", "b"]
    assert list(left.lines[0].get_xdata()) == [0, 1, 2, 3] and list(right.lines[0].get_ydata()) == [
        9,
        5,
        4,
        8,
    ]
    assert [text.get_text() for text in left.get_xticklabels()] == ["0", "1", "3", "15"]
    assert list(left.lines[2].get_xdata()) == [1, 1] and left.get_legend() and not right.get_legend()
    plt.close(figure)


@pytest.mark.parametrize(
    ("scales", "panels", "words"),
    [
        ([0, 1], {}, "0 panels"),
        ([1, 0], {"x": {"a": [1, 2]}}, "must rise"),
        ([0, 1], {"x": {"a": [1]}}, "2 values. Received: a with 1"),
    ],
)
def test_refusals(scales, panels, words):
    with pytest.raises(ValueError, match=words):
        scale_curves(scales, panels)
    plt.close("all")
