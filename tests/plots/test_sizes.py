"""Bars of a network's parts: as long as the numbers, one after the other, the first part at the top."""

import pytest
from matplotlib import pyplot as plt

from diffusion_course.plots.sizes import part_bars

PANELS = {
    "weights": {"first": {"a": 1.0, "b": 2.0}, "second": {"b": 4.0}},
    "work": {"first": {"a": 3.0}, "second": {"c": 1.0}},
}


def test_bars_follow_each_other_and_kinds_keep_their_colour():
    figure = part_bars(PANELS)
    left, right = figure.axes
    bars = {c.get_label(): [(bar.get_x(), bar.get_width()) for bar in c] for c in left.containers}
    assert bars == {"a": [(0, 1), (0, 0)], "b": [(1, 2), (0, 4)], "c": [(3, 0), (4, 0)]}
    colours = [[c[0].get_facecolor() for c in ax.containers] for ax in (left, right)]
    assert colours[0] == colours[1] and len(set(colours[0])) == 3
    assert left.yaxis_inverted() and [t.get_text() for t in left.get_yticklabels()] == ["first", "second"]
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["a", "b", "c"]
    plt.close(figure)


def test_panels_must_have_the_same_parts():
    for panels in ({}, {"x": {}}, {"x": {"a": {"k": 1}}, "y": {"b": {"k": 1}}}):
        with pytest.raises(ValueError, match="must hold the same parts"):
            part_bars(panels)
