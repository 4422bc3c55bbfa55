"""Heat maps: one scale for all, every row and column named."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from diffusion_course.plots import heat_maps


def test_all_matrices_share_one_scale_and_empty_places_are_masked():
    a, b = np.arange(6.0).reshape(2, 3), np.full((2, 3), 9.0)
    a[0, 0] = np.nan
    figure = heat_maps([a, b], ["a", "b"], ["x", "y"], ["one", "two", "three"], label="v")
    pictures = [ax.images[0] for ax in figure.axes[:2]]
    assert [picture.get_clim() for picture in pictures] == [(1, 9)] * 2
    assert pictures[0].get_array().mask.sum() == 1 and not pictures[1].get_array().mask.any()
    first, second = ([tick.get_text() for tick in ax.get_yticklabels()] for ax in figure.axes[:2])
    assert first == ["x", "y"] and second == ["", ""]
    assert [tick.get_rotation() for tick in figure.axes[0].get_xticklabels()] == [90] * 3
    plt.close(figure)


def test_given_limits_are_kept():
    figure = heat_maps([np.eye(2)], ["eye"], "ab", "ab", label="v", limits=(-1, 1))
    assert figure.axes[0].images[0].get_clim() == (-1, 1)
    assert figure.axes[0].get_xticklabels()[0].get_rotation() == 0
    plt.close(figure)


@pytest.mark.parametrize(("matrices", "titles"), [([np.eye(3)], ["a"]), ([np.eye(2)], ["a", "b"]), ([], [])])
def test_what_does_not_fit_is_refused(matrices, titles):
    with pytest.raises(ValueError, match=r"shape \(2, 2\)"):
        heat_maps(matrices, titles, "ab", "ab", label="v")
