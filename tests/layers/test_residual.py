"""Residual block, halving, doubling: shapes, identities at the start, what the time does, saving."""

import numpy as np
import pytest
from helpers import numpy, shaken

from diffusion_course.layers.resampling import Downsample, Upsample
from diffusion_course.layers.residual import ResidualBlock

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 6, 6, 8)).astype("float32")
E = RNG.standard_normal((2, 12)).astype("float32")


def test_untrained_block_is_the_identity():
    np.testing.assert_array_equal(numpy(ResidualBlock(channels=8, groups=4)(X, E)), X)


@pytest.mark.parametrize("time", ["scale_shift", "add"])
def test_block_equals_its_formula(time):
    block = ResidualBlock(channels=8, groups=4, time=time)
    block(X, E)
    shaken(block)
    w = {v.path.split("/", 1)[-1]: numpy(v) for v in block.weights}

    def norm(x):  # group normalisation by hand
        g = x.reshape(2, 6, 6, 4, 2)
        mean, var = g.mean(axis=(1, 2, 4), keepdims=True), g.var(axis=(1, 2, 4), keepdims=True)
        return ((g - mean) / np.sqrt(var + 1e-5)).reshape(x.shape)

    def silu(x):
        return x / (1 + np.exp(-x))

    def conv(x, kernel, bias):
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))  # (B, H, W, C, 3, 3)
        return np.einsum("bhwcij,ijcd->bhwd", windows, kernel) + bias

    h = conv(silu(norm(X) * w["norm_1/gamma"] + w["norm_1/beta"]), w["conv_1/kernel"], w["conv_1/bias"])
    told = (silu(E) @ w["time/kernel"] + w["time/bias"])[:, None, None, :]
    if time == "add":
        h = norm(h + told) * w["norm_2/gamma"] + w["norm_2/beta"]
    else:
        scale, shift = np.split(told, 2, axis=-1)
        h = norm(h) * (1 + scale) + shift
    h = conv(silu(h), w["conv_2/kernel"], w["conv_2/bias"])
    np.testing.assert_allclose(numpy(block(X, E)), X + h, atol=2e-4)


def test_block_listens_to_the_time():
    block = ResidualBlock(channels=8, groups=4)
    block(X, E)
    shaken(block)
    assert np.abs(numpy(block(X, E)) - numpy(block(X, E + 1))).max() > 1e-2


def test_sizes():
    assert Downsample(channels=5)(X).shape == (2, 3, 3, 5)
    assert Downsample(channels=5)(X[:, :5, :5]).shape == (2, 3, 3, 5)
    assert (
        Upsample(channels=5)(X).shape == (2, 12, 12, 5) == Upsample(channels=5).compute_output_shape(X.shape)
    )


def test_where_the_zeros_go():
    """A kernel that takes its upper left pixel: "same" reads every even pixel, "symmetric" the one before it."""
    kernel = np.zeros((3, 3, 8, 8), "float32")
    kernel[0, 0] = np.eye(8)
    found = {}
    for padding in ("same", "symmetric"):
        layer = Downsample(channels=8, padding=padding)
        layer(X)
        layer.conv.set_weights([kernel, np.zeros(8)])
        found[padding] = numpy(layer(X))
    np.testing.assert_array_equal(found["same"], X[:, ::2, ::2])
    shifted = np.pad(X, ((0, 0), (1, 0), (1, 0), (0, 0)))[:, :6:2, :6:2]
    np.testing.assert_array_equal(found["symmetric"], shifted)


def test_doubling_repeats_before_it_smooths():
    layer = Upsample(channels=8)
    layer(X)
    kernel = np.zeros((3, 3, 8, 8), "float32")
    kernel[1, 1] = np.eye(8)
    layer.conv.set_weights([kernel, np.zeros(8)])
    np.testing.assert_allclose(numpy(layer(X)), X.repeat(2, axis=1).repeat(2, axis=2), atol=1e-6)


@pytest.mark.parametrize("channels, groups", [(8, 3), (0, 1), (8, 0)])
def test_refuses_groups(channels, groups):
    with pytest.raises(ValueError, match="divisible by `groups`. Received"):
        ResidualBlock(channels=channels, groups=groups)


def test_refuses_inputs_that_do_not_split():
    with pytest.raises(ValueError, match="divisible by `groups`. Received"):
        ResidualBlock(channels=8, groups=4).build((None, 6, 6, 6), (None, 12))
