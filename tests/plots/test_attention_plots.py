"""Maps of attention: one per word, in their order, with their names."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from diffusion_course.plots.attention import heat, word_maps, word_matrix


def test_heat_goes_from_dark_to_light():
    colours = heat(np.array([0.0, 0.5, 1.0, 2.0]))
    assert colours.shape == (4, 3) and np.all(np.diff(colours[:3].sum(-1)) > 0.5)
    np.testing.assert_array_equal(colours[2], colours[3])


def test_every_word_has_its_map_and_its_name():
    weights = np.zeros((1, 2, 2, 3))
    weights[0, 1, 0, 1] = 1
    figure = word_maps(np.ones((1, 4, 4, 1)), np.ones((1, 4, 4, 3)), weights, [["red", "star"]])
    axes = figure.axes[0]
    assert [t.get_text() for t in axes.texts] == ["picture", "painted", "red", "star", "–"]
    shown = [np.asarray(image.get_array()) for image in axes.images]
    np.testing.assert_allclose(shown[3][3, 0], heat(np.array(1.0)))  # the second word, below left
    np.testing.assert_allclose(shown[2], np.broadcast_to(heat(np.array(0.0)), (4, 4, 3)))
    plt.close(figure)


def test_numbers_must_agree():
    with pytest.raises(ValueError, match="as many .*Received: 1, 1, 1, 2"):
        word_maps(np.ones((1, 4, 4, 1)), np.ones((1, 4, 4, 3)), np.zeros((1, 2, 2, 3)), [["a"], ["b"]])


def test_rows_of_the_matrix_are_sorted_by_shape_and_background_is_left_out():
    deciding = np.array([3, -1, 1, 3])
    weights = np.eye(4)
    axes = word_matrix(weights, ["red", "star", "blue", "ring"], deciding).axes[0]
    np.testing.assert_array_equal(axes.images[0].get_array(), weights[[2, 0, 3]])
    assert [(t, s.get_text()) for t, s in zip(axes.get_yticks(), axes.get_yticklabels(), strict=True)] == [
        (0, "cells of the star"),
        (1, "cells of the ring"),
    ]
    plt.close(axes.figure)


def test_a_matrix_without_shapes_is_refused():
    with pytest.raises(ValueError, match="belong to a shape"):
        word_matrix(np.eye(2), ["red", "star"], np.full(2, -1))
