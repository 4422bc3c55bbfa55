"""Both ends of a denoising network, the same whatever lies between: what it is told, and its prediction."""

import keras
from keras import layers

from diffusion_course.layers.embeddings import TimeEmbedding
from diffusion_course.layers.folding import fold_pixels, unfold_pixels
from diffusion_course.layers.normalization import GroupNorm


def stem(
    image_shape,
    *,
    fold: int,
    width: int,
    embedding_units: int,
    num_classes: int | None = None,
    context_dim: int | None = None,
    pooled_dim: int | None = None,
    extra_channels: int = 0,
    **common,
):
    """The inputs of a denoiser, and what its blocks work on.

    Args:
        image_shape: (H, W, C).
        fold: side of the square of pixels that becomes channels; divides H and W.
        width: channels after the first convolution.
        embedding_units: of the step.
        num_classes: adds the input ``label``, (B,) integers from 0 to ``num_classes``, whose embedding is added to the
            step's. The last number, ``num_classes``, means "no class".
        context_dim: adds the input ``context``, (B, M, context_dim), e.g. a text's hidden states.
        pooled_dim: adds the input ``pooled``, (B, pooled_dim), e.g. a text's pooled vector, which is projected and
            added to the step's embedding: GLIDE's second path beside the context.
        extra_channels: adds the input ``extra``, (B, H, W, extra_channels), joined to the picture's channels, e.g. a
            mask and what it leaves of a picture.
        **common: of each layer, e.g. its dtype.

    Returns:
        The dict of inputs, the features (B, H / fold, W / fold, width), and the embedding (B, embedding_units).
    """
    inputs = {"x": keras.Input(tuple(image_shape), name="x"), "t": keras.Input((), dtype="int32", name="t")}
    embedding = TimeEmbedding(units=embedding_units, name="time_embedding", **common)(inputs["t"])
    if num_classes is not None:
        inputs["label"] = keras.Input((), dtype="int32", name="label")
        # Zero at first: an untrained network does not know the classes apart.
        table = {"embeddings_initializer": "zeros", "name": "label_embedding", **common}
        label = layers.Embedding(num_classes + 1, embedding_units, **table)(inputs["label"])
        embedding = layers.Add(name="embedding", **common)([embedding, label])
    if pooled_dim is not None:
        inputs["pooled"] = keras.Input((pooled_dim,), name="pooled")
        pooled = layers.Dense(embedding_units, name="pooled_embedding", **common)(inputs["pooled"])
        embedding = layers.Add(name="embedding_with_pooled", **common)([embedding, pooled])
    if context_dim is not None:
        inputs["context"] = keras.Input((None, context_dim), name="context")
    h = inputs["x"]
    if extra_channels:
        inputs["extra"] = keras.Input((*image_shape[:2], extra_channels), name="extra")
        h = layers.Concatenate(name="with_extra", **common)([h, inputs["extra"]])
    h = fold_pixels(h, fold) if fold > 1 else h
    return inputs, layers.Conv2D(width, 3, padding="same", name="first", **common)(h), embedding


def head(h, *, fold: int, out_channels: int, groups: int, epsilon: float = 1e-5, **common):
    """From the last block's features (B, H / fold, W / fold, width) to the prediction (B, H, W, out_channels)."""
    h = GroupNorm(groups, epsilon=epsilon, name="last_norm", **common)(h)
    h = layers.Activation("silu", name="last_silu", **common)(h)
    # float32 and zero at the start: the loss is computed from this, and an untrained network predicts nothing
    last = {"kernel_initializer": "zeros", "name": "last", "dtype": "float32"}
    h = layers.Conv2D(fold * fold * out_channels, 3, padding="same", **last)(h)
    return unfold_pixels(h, fold) if fold > 1 else h


def common_of(kwargs: dict) -> dict:
    """What all layers of a model share: its dtype policy, where the caller names one.

    Raises:
        TypeError: an argument that no model has. Keras would take a misspelled one and build the default network.
    """
    unknown = sorted(set(kwargs) - {"dtype", "trainable"})
    if unknown:
        raise TypeError(f"A network must not be given arguments that it does not have. Received: {unknown}")
    return {"dtype": kwargs["dtype"]} if kwargs.get("dtype") is not None else {}


def config_of(model: keras.Model, names, *, layer: str = "first") -> dict:
    """A functional model's configuration: some of its attributes, and what Keras would lose, name and dtype policy.

    Args:
        model: whose.
        names: of its attributes.
        layer: name of a layer that has the model's policy.
    """
    own = {name: getattr(model, name) for name in names}
    # A functional model has no policy of its own to speak of; its layers have.
    dtype = keras.dtype_policies.serialize(model.get_layer(layer).dtype_policy)
    return {**own, "name": model.name, "trainable": model.trainable, "dtype": dtype}
