"""Attention: its formula, what it must not depend on, and saving."""

import keras
import numpy as np
import pytest

from diffusion_course.layers.attention import SelfAttention2D, attention

RNG = np.random.default_rng(0)


def numpy(x):
    return keras.ops.convert_to_numpy(x)


def test_attention_equals_its_formula():
    q, k, v = (RNG.standard_normal((2, n, 3, 4)).astype("float32") for n in (5, 7, 7))
    out, weights = attention(q, k, v)
    for b in range(2):
        for h in range(3):
            scores = q[b, :, h] @ k[b, :, h].T / 2
            w = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
            np.testing.assert_allclose(numpy(weights)[b, h], w, atol=1e-5)
            np.testing.assert_allclose(numpy(out)[b, :, h], w @ v[b, :, h], atol=1e-5)


def test_a_query_that_matches_one_key_gets_its_value():
    k = 50 * np.eye(4, dtype="float32")[None, :, None]  # (1, 4, 1, 4)
    v = np.arange(8, dtype="float32").reshape(1, 4, 1, 2)
    out, _ = attention(k[:, 2:3], k, v)
    np.testing.assert_allclose(numpy(out)[0, 0, 0], [4, 5], atol=1e-5)


def test_layer_moves_with_its_pixels():
    # Self-attention has no sense of place: pixels in another order give the results in that order.
    layer = SelfAttention2D(heads=2, groups=4)
    x = RNG.standard_normal((1, 4, 4, 8)).astype("float32")
    np.testing.assert_array_equal(numpy(layer(x)), x)  # untrained: the identity
    for weight in layer.weights:
        weight.assign(RNG.normal(0, 0.5, weight.shape))
    order = RNG.permutation(16)
    shuffled = x.reshape(1, 16, 8)[:, order].reshape(x.shape)
    expected = numpy(layer(x)).reshape(1, 16, 8)[:, order].reshape(x.shape)
    np.testing.assert_allclose(numpy(layer(shuffled)), expected, atol=1e-5)


def test_layer_round_trip():
    layer = SelfAttention2D(heads=2, groups=4)
    x = RNG.standard_normal((2, 3, 5, 8)).astype("float32")
    assert layer(x).shape == x.shape == layer.compute_output_shape(x.shape)
    for weight in layer.weights:
        weight.assign(RNG.normal(0, 0.5, weight.shape))
    again = SelfAttention2D.from_config(layer.get_config())
    again.build(x.shape)
    again.set_weights(layer.get_weights())
    np.testing.assert_allclose(numpy(again(x)), numpy(layer(x)), atol=1e-6)


@pytest.mark.parametrize("heads, groups", [(3, 4), (0, 4), (2, 3)])
def test_refuses_sizes(heads, groups):
    with pytest.raises(ValueError, match="divisible by .*Received"):
        SelfAttention2D(heads=heads, groups=groups).build((None, 4, 4, 8))
