"""Folding moves pixels and loses none; its inverse brings each back."""

import numpy as np
import pytest

from diffusion_course.layers.folding import fold_pixels, unfold_pixels


@pytest.mark.parametrize(("shape", "fold"), [((2, 4, 6, 1), 2), ((1, 6, 9, 3), 3), ((3, 8, 8, 2), 4)])
def test_unfold_is_the_inverse(shape, fold):
    x = np.random.default_rng(0).random(shape, "float32")
    folded = fold_pixels(x, fold)
    assert folded.shape == (shape[0], shape[1] // fold, shape[2] // fold, shape[3] * fold**2)
    np.testing.assert_array_equal(unfold_pixels(folded, fold), x)


def test_a_channel_is_one_place_of_the_square():
    x = np.random.default_rng(1).random((2, 6, 4, 3), "float32")
    folded = np.asarray(fold_pixels(x, 2))
    for i in range(2):
        for j in range(2):
            np.testing.assert_array_equal(
                folded[..., (2 * i + j) * 3 : (2 * i + j + 1) * 3], x[:, i::2, j::2]
            )


def test_sizes_that_do_not_divide_are_refused():
    with pytest.raises(ValueError, match=r"divisible by 2. Received: shape \(1, 5, 4, 1\)"):
        fold_pixels(np.zeros((1, 5, 4, 1), "float32"))
    with pytest.raises(ValueError, match="divisible by 2"):
        unfold_pixels(np.zeros((1, 2, 2, 6), "float32"))
