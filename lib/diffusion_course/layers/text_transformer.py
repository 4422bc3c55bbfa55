"""The parts of a text encoder: tokens as vectors, blocks that look back only, and one vector for the whole text.

For chapter 12, which is to come.
"""

import keras
from keras import layers, ops

from diffusion_course.layers.attention import check_heads
from diffusion_course.layers.transformer import LAYER_NORM_EPSILON, CrossAttention


def quick_gelu(x):
    """x sigmoid(1.702 x): near GELU, and what the first CLIP models were trained with."""
    return x * ops.sigmoid(1.702 * x)


def gelu(x):
    """GELU as it is defined, with the error function; Keras's own default is the tanh approximation."""
    return ops.gelu(x, approximate=False)


ACTIVATIONS = {"gelu": gelu, "quick_gelu": quick_gelu}


@keras.saving.register_keras_serializable(package="diffusion_course")
class TokenEmbedding(layers.Layer):
    """A learned vector for each token, plus one for each place.

    Args:
        vocabulary_size: V, how many tokens there are.
        length: most tokens of a text.
        units: D, size of the vectors.

    Call arguments:
        ids: (B, L) integers from 0 to V - 1; L at most ``length``.

    Returns:
        (B, L, D).

    Raises:
        ValueError: L is known and larger than ``length``.

    Reference: Radford et al. 2021 (arXiv:2103.00020); the spread of the vectors at the start is that of its code.
    """

    def __init__(self, *, vocabulary_size: int, length: int, units: int, **kwargs):
        super().__init__(**kwargs)
        self.vocabulary_size, self.length, self.units = vocabulary_size, length, units

        def table(rows, spread, name):  # "embedding" in a name tells Muon to leave the weights to Adam
            start = keras.initializers.RandomNormal(stddev=spread)
            return layers.Embedding(
                rows, units, embeddings_initializer=start, name=name, dtype=self.dtype_policy
            )

        self.tokens = table(vocabulary_size, 0.02, "token_embedding")
        self.places = table(length, 0.01, "position_embedding")

    def build(self, ids_shape):
        self.tokens.build(ids_shape)
        self.places.build(ids_shape)
        self.built = True

    def call(self, ids):
        if ids.shape[1] is not None and ids.shape[1] > self.length:
            raise ValueError(f"A text must have at most {self.length} tokens. Received: shape {ids.shape}")
        return self.tokens(ids) + self.places(ops.arange(ops.shape(ids)[1]))  # (B, L, D) + (L, D)

    def compute_output_shape(self, ids_shape):
        return (*ids_shape, self.units)

    def get_config(self):
        own = {"vocabulary_size": self.vocabulary_size, "length": self.length, "units": self.units}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="diffusion_course")
class CausalBlock(layers.Layer):
    """Each position looks at itself and at those before it, then thinks for itself; both times added to the input.

    Unlike `layers.transformer.BasicTransformerBlock`, this has no context, sees no future, and its second part is a
    plain one of two dense layers.

    Args:
        heads: of the attention; divides the size of ``x``.
        mlp_ratio: inner units of the second part over the size of ``x``.
        activation: between its layers, "gelu" or "quick_gelu".

    Call arguments:
        x: (B, L, D).

    Returns:
        (B, L, D).

    Raises:
        ValueError: D is not divisible by ``heads``, or another activation.

    Reference: Radford et al., "Language models are unsupervised multitask learners", 2019, section 2.3, for the norms
    before each part; Radford et al. 2021 (arXiv:2103.00020), section 2.4, for its use in CLIP. All projections have a
    bias, as there.
    """

    def __init__(self, *, heads: int = 4, mlp_ratio: int = 4, activation: str = "gelu", **kwargs):
        super().__init__(**kwargs)
        if activation not in ACTIVATIONS:
            raise ValueError(
                f"`activation` must be one of {', '.join(ACTIVATIONS)}. Received: {activation!r}"
            )
        self.heads, self.mlp_ratio, self.activation = heads, mlp_ratio, activation
        like = {"dtype": self.dtype_policy}
        self.norm_1 = layers.LayerNormalization(epsilon=LAYER_NORM_EPSILON, name="norm_1", **like)
        self.attention = CrossAttention(heads=heads, bias=True, name="attention", **like)
        self.norm_2 = layers.LayerNormalization(epsilon=LAYER_NORM_EPSILON, name="norm_2", **like)

    def build(self, x_shape):
        units = x_shape[-1]
        check_heads(units, self.heads)
        like = {"dtype": self.dtype_policy}
        self.mlp = layers.Dense(self.mlp_ratio * units, name="mlp", **like)
        self.out = layers.Dense(units, name="out", **like)
        for child in (self.norm_1, self.attention, self.norm_2, self.mlp):
            child.build(x_shape)
        self.out.build((*x_shape[:-1], self.mlp_ratio * units))
        self.built = True

    def call(self, x):
        place = ops.arange(ops.shape(x)[1])  # (L,)
        past = place[:, None] >= place[None, :]  # (L, L): may position n see position m?
        x = x + self.attention(self.norm_1(x), attention_mask=past)  # (B, L, D)
        return x + self.out(ACTIVATIONS[self.activation](self.mlp(self.norm_2(x))))

    def compute_output_shape(self, x_shape):
        return tuple(x_shape)

    def get_config(self):
        own = {"heads": self.heads, "mlp_ratio": self.mlp_ratio, "activation": self.activation}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="diffusion_course")
class EndPooling(layers.Layer):
    """The hidden state at the end of a text: the first position of its end token, the only one that has seen it all.

    What follows is padding, which may be end tokens too. A text without an end is taken at its last position.

    Args:
        end_id: the end token's.

    Call arguments:
        hidden: (B, L, D).
        ids: (B, L) integers.

    Returns:
        (B, D).
    """

    def __init__(self, *, end_id: int, **kwargs):
        super().__init__(**kwargs)
        self.end_id = end_id

    def build(self, hidden_shape, ids_shape):
        self.built = True

    def call(self, hidden, ids):
        ends = ops.cast(ops.equal(ids, self.end_id), "int32")  # (B, L)
        # argmax finds the first of several ones, and the first of zeros alone
        place = ops.where(ops.any(ends > 0, axis=1), ops.argmax(ends, axis=1), ops.shape(ids)[1] - 1)  # (B,)
        chosen = ops.equal(ops.arange(ops.shape(ids)[1])[None], ops.cast(place, "int32")[:, None])  # (B, L)
        return ops.sum(ops.where(chosen[..., None], hidden, 0), axis=1)

    def compute_output_shape(self, hidden_shape, ids_shape):
        return (hidden_shape[0], hidden_shape[-1])

    def get_config(self):
        return {**super().get_config(), "end_id": self.end_id}
