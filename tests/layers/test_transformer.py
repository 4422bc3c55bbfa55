"""Transformer layers: Keras's attention on the same weights, what is masked, what the context decides."""

import keras
import numpy as np
import pytest
from helpers import numpy, shaken

from diffusion_course.layers.transformer import (
    GEGLU,
    BasicTransformerBlock,
    CrossAttention,
    SpatialTransformer,
)

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 6, 8)).astype("float32")
CONTEXT = RNG.standard_normal((2, 4, 5)).astype("float32")


@pytest.mark.parametrize("context", [None, CONTEXT], ids=["self", "cross"])
def test_attention_equals_keras_on_the_same_weights(context):
    ours = CrossAttention(heads=2)
    ours(X, context)
    shaken(ours)
    value = X if context is None else context
    theirs = keras.layers.MultiHeadAttention(num_heads=2, key_dim=4)
    theirs(X, value)
    w = {v.path.split("/", 1)[-1]: numpy(v) for v in ours.weights}
    # theirs: query (D, h, d) and bias, key, value likewise, output (h, d, D) and bias; ours has no bias before the end
    values = []
    for name in ("query", "key", "value"):
        kernel = w[f"{name}/kernel"]
        values += [kernel.reshape(kernel.shape[0], 2, 4), np.zeros((2, 4))]
    theirs.set_weights([*values, w["out/kernel"].reshape(2, 4, 8), w["out/bias"]])
    mask = RNG.random((2, 1, 6, value.shape[1])) < 0.7
    mask[..., 0] = True
    for own, other in ((None, None), (mask, mask[:, 0])):
        got, weights = ours(X, context, attention_mask=own, return_weights=True)
        want, scores = theirs(X, value, attention_mask=other, return_attention_scores=True)
        np.testing.assert_allclose(numpy(got), numpy(want), atol=1e-5)
        np.testing.assert_allclose(numpy(weights), numpy(scores), atol=1e-5)
        np.testing.assert_allclose(numpy(weights).sum(axis=-1), 1, atol=1e-5)


def test_what_is_masked_cannot_be_seen():
    layer = shaken_after(CrossAttention(heads=2), X, CONTEXT)
    mask = np.array([True, True, False, True])[None, None, None]
    changed = CONTEXT.copy()
    changed[:, 2] += 10
    one, other = (numpy(layer(X, c, attention_mask=mask)) for c in (CONTEXT, changed))
    np.testing.assert_allclose(one, other, atol=1e-5)
    assert np.abs(numpy(layer(X, CONTEXT)) - numpy(layer(X, changed))).max() > 0.01


def test_causal_mask_lets_the_past_through_alone():
    layer = shaken_after(CrossAttention(heads=2), X)
    causal = np.tril(np.ones((6, 6), bool))[None, None]
    changed = X.copy()
    changed[:, 4] += 10
    difference = np.abs(
        numpy(layer(changed, attention_mask=causal)) - numpy(layer(X, attention_mask=causal))
    ).max(axis=(0, 2))
    assert (difference[:4] < 1e-5).all() and (difference[4:] > 1e-3).all()


def test_geglu_is_value_times_gelu_of_the_gate():
    from math import erf

    layer = shaken_after(GEGLU(units=3), X)
    kernel, bias = (numpy(w) for w in layer.weights)
    value, gate = np.split(X @ kernel + bias, 2, axis=-1)
    gelu = gate * 0.5 * (1 + np.vectorize(erf)(gate / np.sqrt(2)))
    np.testing.assert_allclose(numpy(layer(X)), value * gelu, atol=1e-5)


def test_block_without_a_context_looks_at_itself_twice():
    block = shaken_after(BasicTransformerBlock(heads=2), X)
    np.testing.assert_allclose(
        numpy(block(X)),
        numpy(by_hand(block, X)),
        atol=1e-4,
    )


def by_hand(block, x):
    x = x + block.self_attention(block.norm_1(x))
    normed = block.norm_2(x)
    x = x + block.cross_attention(normed, normed)
    return x + block.out(block.mlp(block.norm_3(x)))


def test_untrained_spatial_transformer_passes_its_input_on_and_a_trained_one_sees_all():
    image = RNG.standard_normal((2, 4, 4, 8)).astype("float32")
    layer = SpatialTransformer(heads=2, groups=4)
    np.testing.assert_array_equal(numpy(layer(image, CONTEXT)), image)
    shaken(layer)
    out, moved, told = image.copy(), image.copy(), CONTEXT.copy()
    moved[0, 0, 0] += 1
    told[0, 3] += 1
    out = numpy(layer(image, CONTEXT))
    pixel = np.abs(numpy(layer(moved, CONTEXT)) - out)
    word = np.abs(numpy(layer(image, told)) - out)
    for change in (pixel, word):  # every pixel of its own picture, and none of the other
        assert (change[0].max(axis=-1) > 1e-5).all() and change[1].max() < 1e-6


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: CrossAttention(heads=3).build((None, 6, 8)), "divisible by `heads`.*channels=8, heads=3"),
        (lambda: SpatialTransformer(heads=3).build((None, 4, 4, 8)), "divisible by `heads`"),
        (lambda: SpatialTransformer(groups=3).build((None, 4, 4, 8)), "divisible by `groups`"),
    ],
)
def test_refuses_sizes(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def shaken_after(layer, *inputs):
    layer(*inputs)
    return shaken(layer)
