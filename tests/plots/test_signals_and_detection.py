"""Figures of signals, scores and ROC curves hold what they were given."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from diffusion_course import plots

SCORES = np.r_[np.full(6, 0.1), np.full(4, 1.0)]
TRUTH = np.arange(10) >= 6


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_overlays_draw_each_signal_with_its_reconstruction():
    signals = np.arange(15.0).reshape(3, 5)
    figure = plots.signal_overlays(signals, signals + 1, ["a", "b", "c"], columns=2)
    for k in range(3):
        beat, reconstruction = figure.axes[k].lines
        np.testing.assert_array_equal(beat.get_ydata(), signals[k])
        np.testing.assert_array_equal(reconstruction.get_ydata(), signals[k] + 1)
    assert not figure.axes[3].axison


def test_overlays_refuse_other_shapes():
    with pytest.raises(ValueError, match="2 titles"):
        plots.signal_overlays(np.zeros((3, 5)), np.zeros((3, 5)), ["a", "b"])


def test_lines_along_draw_lines_and_bands():
    y = np.linspace(0, 1, 7)
    figure = plots.lines_along({"a": y, "b": -y}, ylabel="error", bands={"a": (y - 1, y + 1)})
    assert [line.get_label() for line in figure.axes[0].lines] == ["a", "b"]
    assert len({str(line.get_linestyle()) for line in figure.axes[0].lines}) == 2
    assert len(figure.axes[0].collections) == 1
    with pytest.raises(ValueError, match="at most 5. Received: 6"):
        plots.lines_along({str(k): y for k in range(6)}, ylabel="error")


def test_histogram_counts_everyone_and_marks_the_threshold():
    figure = plots.score_histogram(SCORES, TRUTH, threshold=0.5, bins=10)
    (axes,) = figure.axes
    assert sum(bar.get_height() for bar in axes.patches if hasattr(bar, "get_height")) == 6
    assert axes.lines[0].get_xdata()[0] == 0.5 and axes.get_xscale() == "log"
    with pytest.raises(ValueError, match="positive. Received: 0.0"):
        plots.score_histogram(np.r_[0.0, SCORES[1:]], TRUTH)


def test_roc_curves_appear_in_both_panels_with_their_mark():
    figure = plots.roc_curves({"a": ([0, 0, 1], [0, 0.8, 1])}, marks={"a": (0, 0.8)}, zoom=0.2)
    left, right = figure.axes
    for axes in (left, right):
        np.testing.assert_array_equal(axes.lines[0].get_ydata(), [0, 0.8, 1])
        assert axes.lines[1].get_marker() == "o"
    assert right.get_xlim()[1] == 0.2
