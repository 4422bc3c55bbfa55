"""Charts of chapters 07 and 09: results beside curves, and which numbers share a mean."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from diffusion_course.plots.shared_means import shared_means
from diffusion_course.plots.walks import ends_and_curves


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_white_lines_stand_between_squares_that_share_no_mean():
    rows, columns = np.mgrid[:3, :4]
    figure = shared_means({"picture": rows, "channel": columns, "all": 0 * rows})
    # 2 borders between 3 rows, over 4 columns; 3 borders between 4 columns, over 3 rows
    assert [len(ax.lines) for ax in figure.axes] == [8, 9, 0]
    with pytest.raises(ValueError, match=r"grids \(pictures, channels\). Received"):
        shared_means({"flat": np.arange(3)})


def test_ends_stand_below_each_other_and_curves_have_their_names():
    ends = {name: np.full((2, 4, 4, 1), value) for name, value in (("right", 0.0), ("wrong", 1.0))}
    figure = ends_and_curves(ends, {"right": [2, 1, 0], "wrong": [3, 3, 3]}, [2, 1, 0], ylabel="noise")
    sheet, chart = figure.axes
    assert sheet.images[0].get_array().shape == (8, 8) and sheet.images[0].get_array()[4:].min() == 1
    assert [line.get_label() for line in chart.lines] == ["as it should be", "right", "wrong"]
    assert chart.get_ylabel() == "noise" and list(chart.lines[2].get_ydata()) == [3, 3, 3]
    with pytest.raises(ValueError, match="3 numbers each. Received"):
        ends_and_curves(ends, {"right": [1, 2], "wrong": [1, 2]}, [2, 1, 0])
