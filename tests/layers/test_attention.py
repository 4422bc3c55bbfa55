"""Attention: its formula, what it must not depend on, and saving."""

import keras
import numpy as np
import pytest
from helpers import numpy

from diffusion_course.layers import attention as module
from diffusion_course.layers.attention import SelfAttention2D, attention, attention_in_parts

RNG = np.random.default_rng(0)


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


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_large_values_do_not_overflow(dtype):
    """q = k = 40 and 64 features: the product is 102,400, more than float16 can hold."""
    q, k = (keras.ops.full((1, 2, 1, 64), 40.0, dtype=dtype) for _ in range(2))
    out, weights = attention(q, k, q)
    np.testing.assert_allclose(numpy(keras.ops.cast(weights, "float32")), 0.5)
    np.testing.assert_allclose(numpy(keras.ops.cast(out, "float32")), 40)
    assert keras.backend.standardize_dtype(out.dtype) == dtype


def test_masked_keys_have_no_weight_and_no_query_is_left_without():
    q, k, v = (RNG.standard_normal((2, n, 3, 4)).astype("float32") for n in (5, 7, 7))
    mask = RNG.random((2, 1, 5, 7)) < 0.5
    mask[0, 0, 0] = False  # sees none
    mask[0, 0, 1:, 0] = mask[1, 0, :, 0] = True
    weights = numpy(attention(q, k, v, mask)[1])
    seen = np.broadcast_to(mask, weights.shape).copy()
    np.testing.assert_allclose(weights[0, :, 0], 1 / 7, atol=1e-6)
    seen[0, :, 0] = True
    assert (weights[~seen] == 0).all()
    np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-5)
    some = seen[1, 0, 2]
    alone = numpy(attention(q[1:, 2:3], k[1:, some], v[1:, some])[1])
    np.testing.assert_allclose(weights[1, :, 2][:, some], alone[0, :, 0], atol=1e-5)


@pytest.mark.parametrize("shape", [None, (1, 1, 1, 7), (2, 1, 5, 7), (5, 7)])
def test_parts_give_the_same_with_few_scores_at_a_time(monkeypatch, shape):
    q, k, v = (RNG.standard_normal((2, n, 3, 4)).astype("float32") for n in (5, 7, 7))
    mask = None if shape is None else RNG.random(shape) < 0.6
    whole, sizes = numpy(attention(q, k, v, mask)[0]), []

    def watched(q, k, v, mask):
        sizes.append(q.shape[0] * q.shape[1] * q.shape[2] * k.shape[1])
        return attention(q, k, v, mask)

    monkeypatch.setattr(module, "attention", watched)
    for most, parts in ((1, 5), (2 * 3 * 7 * 2, 3), (2 * 3 * 7 * 5, 1)):
        monkeypatch.setattr(module, "MOST_SCORES", most)
        sizes.clear()
        np.testing.assert_allclose(numpy(attention_in_parts(q, k, v, mask)), whole, atol=1e-6)
        assert len(sizes) == parts and max(sizes) <= max(most, 2 * 3 * 7)


@pytest.mark.parametrize("heads, groups", [(3, 4), (0, 4), (2, 3)])
def test_refuses_sizes(heads, groups):
    with pytest.raises(ValueError, match="divisible by .*Received"):
        SelfAttention2D(heads=heads, groups=groups).build((None, 4, 4, 8))
