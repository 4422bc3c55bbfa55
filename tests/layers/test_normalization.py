"""Group normalisation: equal to Keras's, also at the edges, and the scale and shift that come from elsewhere."""

import keras
import numpy as np
import pytest
from helpers import numpy

from diffusion_course.layers.normalization import GroupNorm, group_norm

RNG = np.random.default_rng(0)
X = (3 + 2 * RNG.standard_normal((4, 5, 7, 12))).astype("float32")


@pytest.mark.parametrize("groups", [1, 3, 12])
def test_equals_keras(groups):
    ours, theirs = GroupNorm(groups), keras.layers.GroupNormalization(groups, epsilon=1e-5)
    ours(X), theirs(X)
    weights = [RNG.standard_normal(12), RNG.standard_normal(12)]
    ours.set_weights(weights)
    theirs.set_weights(weights)
    np.testing.assert_allclose(numpy(ours(X)), numpy(theirs(X)), atol=2e-5)


def test_scale_and_shift_from_elsewhere():
    scale, shift = RNG.standard_normal((2, 4, 1, 1, 12)).astype("float32")
    layer = GroupNorm(3, affine=False)
    plain = numpy(layer(X))
    assert not layer.weights
    grouped = plain.reshape(4, 5, 7, 3, 4)
    np.testing.assert_allclose(grouped.mean(axis=(1, 2, 4)), 0, atol=1e-5)
    np.testing.assert_allclose(grouped.std(axis=(1, 2, 4)), 1, atol=1e-4)
    np.testing.assert_allclose(numpy(layer(X, scale, shift)), plain * scale + shift, atol=1e-5)


def test_constant_groups_give_the_shift():
    constant = np.full((2, 3, 3, 4), 7.3, "float32")
    np.testing.assert_allclose(numpy(group_norm(constant, 2.0, 0.5, groups=2)), 0.5, atol=1e-2)


def test_half_precision_keeps_its_moments_in_full():
    big = keras.ops.cast(X * 100, "bfloat16")
    normed = numpy(keras.ops.cast(group_norm(big, 1.0, 0.0, groups=3), "float32"))
    np.testing.assert_allclose(normed, numpy(group_norm(X * 100, 1.0, 0.0, groups=3)), atol=0.05)


def test_refuses_groups():
    with pytest.raises(ValueError, match="divisible by `groups`. Received"):
        GroupNorm(5)(X)
