"""A small network that paints white shapes (on black) as a caption says: pixels ask, words answer.

Built by hand in chapter 11. The task is that of `datasets.painting`.
"""

import keras
from keras import layers, ops

from diffusion_course.layers.transformer import CrossAttention

SIDE, CELLS = 32, 16


@keras.saving.register_keras_serializable(package="diffusion_course")
class WordPainter(keras.Model):
    """Convolutions say what each cell belongs to, cross-attention fetches a colour from the caption.

    Each word hears the word before it, through a causal convolution over two words. Nothing else brings words together:
    of the words of "red star blue ring", "star" alone holds both the shape and its colour.

    Args:
        units: of pixels and words.
        heads: of the attention; divides ``units``.
        words: how many words there are; 0 is the padding, which is not looked at.
        colours: how many there are; one class more means background.
        length: words of a caption.

    Call arguments:
        inputs: ``{"picture": (B, 32, 32, 1), 1 where a shape is, "words": (B, length), integers}``.

    Returns:
        ``{"logits": (B, 16, 16, colours + 1), "weights": (B, heads, 256, length)}``, the second how much each cell
        looked at each word; row 16 y + x belongs to the cell (y, x).
    """

    def __init__(self, *, units=64, heads=1, words=15, colours=8, length=8, name="word_painter", **kwargs):
        picture = keras.Input((SIDE, SIDE, 1), name="picture")
        ids = keras.Input((length,), dtype="int32", name="words")

        fine = layers.Conv2D(32, 4, strides=2, padding="same", activation="gelu", name="fine")(picture)
        h = layers.Conv2D(64, 3, strides=2, padding="same", activation="gelu", name="coarse_0")(fine)
        h = layers.Conv2D(64, 3, padding="same", activation="gelu", name="coarse_1")(h)  # (B, 8, 8, 64)
        h = layers.Concatenate(name="join")([fine, layers.UpSampling2D(name="double")(h)])
        h = layers.Conv2D(units, 1, name="pixels")(h)  # (B, 16, 16, D)
        pixels = layers.Reshape((CELLS * CELLS, units), name="sequence")(h)  # (B, 256, D)
        pixels = layers.LayerNormalization(name="norm")(pixels)

        # Wide apart from the start: with Keras's small vectors the words would look alike for hundreds of steps.
        spread = keras.initializers.RandomNormal(stddev=1.0)
        h = layers.Embedding(words, units, embeddings_initializer=spread, name="embedding")(ids)
        text = layers.Conv1D(units, 2, padding="causal", name="pairs")(h)  # (B, L, D)

        mask = ops.not_equal(ids, 0)[:, None, None, :]  # (B, 1, 1, L)
        attention = CrossAttention(heads=heads, name="attention")
        h, weights = attention(pixels, text, attention_mask=mask, return_weights=True)
        # No network behind it: what a cell fetches must be the colour.
        h = layers.Dense(colours + 1, name="logits")(pixels + h)
        logits = layers.Reshape((CELLS, CELLS, colours + 1), name="cells")(h)
        super().__init__(
            {"picture": picture, "words": ids}, {"logits": logits, "weights": weights}, name=name, **kwargs
        )
        self.sizes = {"units": units, "heads": heads, "words": words, "colours": colours, "length": length}

    def get_config(self):
        return {**self.sizes, "name": self.name}
