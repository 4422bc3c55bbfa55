"""Both ends of a denoising network, the same whatever lies between: pictures and steps in, a prediction out."""

import keras
from keras import layers

from diffusion_course.layers.embeddings import TimeEmbedding
from diffusion_course.layers.folding import fold_pixels, unfold_pixels
from diffusion_course.layers.normalization import GroupNorm


def way_in(image_shape, *, fold: int, width: int, embedding_units: int, **common):
    """The inputs of a denoiser, and what its blocks work on.

    Args:
        image_shape: (H, W, C).
        fold: side of the square of pixels that becomes channels; divides H and W.
        width: channels after the first convolution.
        embedding_units: of the step.
        **common: of each layer, e.g. its dtype.

    Returns:
        ``{"x", "t"}``, the features (B, H / fold, W / fold, width), and the embedding (B, embedding_units).
    """
    inputs = {"x": keras.Input(tuple(image_shape), name="x"), "t": keras.Input((), dtype="int32", name="t")}
    embedding = TimeEmbedding(units=embedding_units, name="time_embedding", **common)(inputs["t"])
    h = fold_pixels(inputs["x"], fold) if fold > 1 else inputs["x"]
    return inputs, layers.Conv2D(width, 3, padding="same", name="first", **common)(h), embedding


def way_out(h, *, fold: int, out_channels: int, groups: int, **common):
    """From the last block's features (B, H / fold, W / fold, width) to the prediction (B, H, W, out_channels)."""
    h = GroupNorm(groups, name="last_norm", **common)(h)
    h = layers.Activation("silu", name="last_silu", **common)(h)
    # float32 and zero at the start: the loss is computed from this, and an untrained network predicts nothing
    last = {"kernel_initializer": "zeros", "name": "last", "dtype": "float32"}
    h = layers.Conv2D(fold * fold * out_channels, 3, padding="same", **last)(h)
    return unfold_pixels(h, fold) if fold > 1 else h
