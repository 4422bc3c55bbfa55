"""Residual block, halving, doubling: shapes, identities at the start, what the time does, saving."""

import keras
import numpy as np
import pytest

from diffusion_course.layers.resampling import Downsample, Upsample
from diffusion_course.layers.residual import ResidualBlock

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 6, 6, 8)).astype("float32")
E = RNG.standard_normal((2, 12)).astype("float32")


def numpy(x):
    return keras.ops.convert_to_numpy(x)


def shaken(layer):
    for weight in layer.weights:
        weight.assign(RNG.normal(0, 0.3, weight.shape))
    return layer


def test_untrained_block_is_the_identity():
    np.testing.assert_array_equal(numpy(ResidualBlock(channels=8, groups=4)(X, E)), X)


def test_block_equals_its_formula():
    block = ResidualBlock(channels=8, groups=4)
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
    scale, shift = np.split((silu(E) @ w["time/kernel"] + w["time/bias"])[:, None, None, :], 2, axis=-1)
    h = conv(silu(norm(h) * (1 + scale) + shift), w["conv_2/kernel"], w["conv_2/bias"])
    np.testing.assert_allclose(numpy(block(X, E)), X + h, atol=2e-4)


def test_block_listens_to_the_time():
    block = ResidualBlock(channels=8, groups=4)
    block(X, E)
    shaken(block)
    assert np.abs(numpy(block(X, E)) - numpy(block(X, E + 1))).max() > 1e-2


@pytest.mark.parametrize("channels", [8, 16])
def test_block_round_trip(channels):
    block = ResidualBlock(channels=channels, groups=4, dropout=0.1)
    assert block(X, E).shape == (2, 6, 6, channels) == block.compute_output_shape(X.shape, E.shape)
    shaken(block)
    again = ResidualBlock.from_config(block.get_config())
    again.build(X.shape, E.shape)
    assert len(again.weights) == len(block.weights)
    again.set_weights(block.get_weights())
    np.testing.assert_allclose(numpy(again(X, E)), numpy(block(X, E)), atol=1e-6)


def test_sizes():
    assert Downsample(channels=5)(X).shape == (2, 3, 3, 5)
    assert Downsample(channels=5)(X[:, :5, :5]).shape == (2, 3, 3, 5)
    assert (
        Upsample(channels=5)(X).shape == (2, 12, 12, 5) == Upsample(channels=5).compute_output_shape(X.shape)
    )


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
