"""Parts of the text encoder: Keras's attention on the same weights, no look ahead, the end found wherever it is."""

import keras
import numpy as np
import pytest
from helpers import numpy, shaken

from diffusion_course.layers.text_transformer import CausalBlock, EndPooling, TokenEmbedding, gelu, quick_gelu

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 6, 8)).astype("float32")


def shaken_block(**kwargs):
    block = CausalBlock(heads=2, **kwargs)
    block.build(X.shape)
    return shaken(block)


@pytest.mark.parametrize("activation", ["gelu", "quick_gelu"])
def test_block_equals_keras_attention_and_a_formula_on_the_same_weights(activation):
    from math import erf

    block = shaken_block(activation=activation)
    w = {v.path.split("/", 1)[-1]: numpy(v) for v in block.weights}
    attention = keras.layers.MultiHeadAttention(num_heads=2, key_dim=4)
    attention.build(X.shape, X.shape)
    values = []
    for name in ("query", "key", "value"):
        values += [w[f"attention/{name}/kernel"].reshape(8, 2, 4), w[f"attention/{name}/bias"].reshape(2, 4)]
    attention.set_weights([*values, w["attention/out/kernel"].reshape(2, 4, 8), w["attention/out/bias"]])

    def norm(x, i):
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
        return x * w[f"norm_{i}/gamma"] + w[f"norm_{i}/beta"]

    normed = norm(X, 1)
    h = X + numpy(attention(normed, normed, use_causal_mask=True))
    inner = norm(h, 2) @ w["mlp/kernel"] + w["mlp/bias"]
    if activation == "gelu":
        inner = inner * 0.5 * (1 + np.vectorize(erf)(inner / np.sqrt(2)))
    else:
        inner = inner / (1 + np.exp(-1.702 * inner))
    np.testing.assert_allclose(numpy(block(X)), h + inner @ w["out/kernel"] + w["out/bias"], atol=1e-4)


def test_quick_gelu_is_near_gelu_but_not_it():
    x = np.linspace(-4, 4, 200, dtype="float32")
    difference = np.abs(numpy(gelu(x)) - numpy(quick_gelu(x))).max()
    assert 0.01 < difference < 0.03


def test_no_position_sees_a_later_one():
    block, changed = shaken_block(), X.copy()
    changed[:, 3] *= -1
    difference = np.abs(numpy(block(changed)) - numpy(block(X))).max(axis=(0, 2))
    assert difference[:3].max() < 1e-6 and (difference[3:] > 1e-3).all()


def test_embedding_is_the_token_s_vector_plus_the_place_s():
    layer = TokenEmbedding(vocabulary_size=5, length=4, units=3)
    layer.build((None, None))
    tokens, places = (numpy(w) for w in shaken(layer).weights)
    ids = np.array([[4, 0, 4]])
    np.testing.assert_allclose(numpy(layer(ids))[0], tokens[[4, 0, 4]] + places[:3], atol=1e-6)
    with pytest.raises(ValueError, match=r"at most 4 tokens. Received: shape \(1, 5\)"):
        layer(np.zeros((1, 5), "int32"))


def test_pooling_takes_the_first_end_or_the_last_position():
    hidden = np.arange(4 * 3 * 2, dtype="float32").reshape(4, 3, 2)
    ids = np.array([[7, 9, 9], [9, 0, 9], [7, 8, 9], [7, 8, 8]])
    pooled = numpy(EndPooling(end_id=9)(hidden, ids))
    np.testing.assert_array_equal(pooled, hidden[[0, 1, 2, 3], [1, 0, 2, 2]])
    # what is not chosen does not spoil it
    hidden[0, 2] = np.nan
    np.testing.assert_array_equal(numpy(EndPooling(end_id=9)(hidden, ids))[0], hidden[0, 1])


def test_refuses():
    with pytest.raises(ValueError, match="must be one of gelu, quick_gelu. Received: 'relu'"):
        CausalBlock(activation="relu")
    with pytest.raises(ValueError, match="divisible by `heads`. Received: channels=8, heads=3"):
        CausalBlock(heads=3).build((None, 6, 8))
