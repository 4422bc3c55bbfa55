"""Charts side by side: every line and level is drawn, and a name keeps its colour."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from diffusion_course import plots
from diffusion_course.plots import Panel, density_panels, gaussian_like, line_panels


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def test_draws_each_line_where_it_is_and_gives_a_name_one_colour():
    first = Panel({"up": ([0, 1], [2, 3]), "down": ([0, 2], [3, 1])}, "A", levels={"floor": 1.5})
    second = Panel(
        {"down": ([0, 1], [9, 8])}, "B", levels={"roof": 9.5}, levels_right=True, log_y=True, xlim=(1, 0)
    )
    figure = line_panels([first, second])
    left, right = figure.axes
    up, down, floor = left.lines
    assert (list(up.get_ydata()), list(down.get_xdata())) == ([2, 3], [0, 2])
    assert list(floor.get_ydata()) == [1.5, 1.5] and "floor" in [text.get_text() for text in left.texts]
    (roof,), (low,) = right.texts, left.texts
    assert roof.get_position()[0] > 0.5 > low.get_position()[0]
    assert right.lines[0].get_color() == down.get_color() == plots.CLASS_COLOURS[1]
    assert right.get_yscale() == "log" and right.get_xlim() == (1, 0)


def test_rows_are_filled_and_places_without_a_panel_stay_empty():
    figure = line_panels([Panel({"a": ([0], [k])}) for k in range(3)], columns=2)
    assert [bool(axes.lines) for axes in figure.axes] == [True, True, True, False]
    assert not figure.axes[-1].axison


@pytest.mark.parametrize(
    "panels", [[], [Panel({"a": ([0, 1], [0])})], [Panel({str(k): ([0], [0]) for k in range(11)})]]
)
def test_refuses_what_it_cannot_draw(panels):
    with pytest.raises(ValueError, match="Received"):
        line_panels(panels)


def test_a_gaussian_is_its_own_gaussian():
    axis = np.linspace(-8, 8, 4001)
    bell = np.exp(-((axis - 0.5) ** 2) / (2 * 0.49)) / np.sqrt(2 * np.pi * 0.49)
    np.testing.assert_allclose(gaussian_like(axis, bell), bell, atol=1e-9)


def test_densities_stand_beside_their_gaussians():
    axis = np.linspace(-4, 4, 401)
    two = np.exp(-((np.abs(axis) - 2) ** 2) / 0.02)
    two /= two.sum() * (axis[1] - axis[0])
    figure = density_panels(axis, {"spikes": two}, xlabel="x", xlims=[(-3, 3)])
    assert figure.axes[0].lines[0].get_ydata().max() < 0.2 * two.max()
    assert figure.axes[0].get_xlim() == (-3, 3)
