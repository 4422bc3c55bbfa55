"""Panels of the plane show what they were given, where it belongs."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from diffusion_course.plots.planes import plane_grid, plane_panels


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_grid_runs_row_by_row_from_below():
    grid = plane_grid(2, 3)
    assert grid[:4].tolist() == [[-2, -2], [0, -2], [2, -2], [-2, 0]] and grid[-1].tolist() == [2, 2]


def test_arrows_point_where_the_field_does_whatever_their_length():
    field = -plane_grid(1, 4) * np.linspace(1, 50, 16)[:, None]
    (ax,) = plane_panels(["in"], limit=1, fields={"in": field}).axes
    (quiver,) = (c for c in ax.collections if hasattr(c, "U"))
    shown = np.stack([quiver.U, quiver.V], axis=1)
    np.testing.assert_allclose(np.linalg.norm(shown, axis=1), 1)
    np.testing.assert_allclose(np.sign(shown), np.sign(field))


def test_points_and_paths_are_drawn_in_their_own_panel_and_spare_panels_are_empty():
    points, path = np.array([[0.5, -0.5], [0.1, 0.2]]), np.zeros((5, 2, 2))
    path[-1] = [[0.3, 0.4], [-0.3, 0.1]]
    axes = plane_panels(["a", "b", "c", "d"], limit=1, points={"a": points}, paths={"b": path}).axes
    assert len(axes) == 6 and not axes[4].axison and axes[3].axison
    np.testing.assert_allclose(axes[0].lines[0].get_xydata(), points)
    np.testing.assert_allclose(axes[1].lines[-1].get_xydata(), path[-1])
    assert len(axes[1].lines) == 3 and not axes[2].lines


def test_density_is_not_turned():
    grid = plane_grid(1, 9)
    (ax,) = plane_panels(["d"], limit=1, densities={"d": grid[:, 0]}).axes  # rises to the right
    contours = ax.collections[0]
    centres = [path.vertices.mean(axis=0) for path in contours.get_paths() if len(path.vertices)]
    across = [c[0] for c in centres]
    assert across == sorted(across) and np.ptp([c[1] for c in centres]) < 0.2


def test_refuses_what_has_no_panel():
    with pytest.raises(ValueError, match="Received"):
        plane_panels(["a"], limit=1, points={"b": np.zeros((1, 2))})
    with pytest.raises(ValueError, match="Received"):
        plane_panels([], limit=1)
