"""CLIP: pictures and texts as directions in one space, where what belongs together lies close (chapter 12)."""

import math

import keras
import numpy as np
from keras import layers, ops

from diffusion_course.models.image_encoder import ImageEncoder
from diffusion_course.models.text_encoder import TextEncoder

LOG_SCALE_START, LOG_SCALE_MOST = math.log(1 / 0.07), math.log(100)


@keras.saving.register_keras_serializable(package="diffusion_course")
class AtMost(keras.constraints.Constraint):
    """Sets a weight back to ``most`` after a training step that takes it above; it can come down again by itself."""

    def __init__(self, most: float):
        self.most = most

    def __call__(self, value):
        return ops.minimum(value, self.most)

    def get_config(self):
        return {"most": self.most}


def unit_length(x):
    """Vectors (..., D) divided by their length, in float32: of their product only the angle is left."""
    x = ops.cast(x, "float32")
    # Not below a tiny number: the zero vector has no direction, and its gradient would be NaN.
    return x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis=-1, keepdims=True), 1e-12))


@keras.saving.register_keras_serializable(package="diffusion_course")
class CLIP(keras.Model):
    """An image encoder and a text encoder with one space in common, and a learned temperature.

    A bias-free projection takes the text's pooled vector into the space; the image encoder's last layer is its own.

    Args:
        image: arguments of the `ImageEncoder`; its ``width`` is that of the space.
        text: arguments of the `TextEncoder`.

    Attributes:
        image_encoder, text_encoder: the two; the latter is what a text-to-image model takes over.
        log_scale: logarithm of the inverse temperature, () float32; it starts at log(1 / 0.07) and stays below
            log(100).

    Call arguments:
        inputs: ``{"image": (B, H, W, C) in [-1, 1], "ids": (B, L) int32}``. The two batches need not have one size.

    Returns:
        ``{"image", "text"}``, each (B, D) float32, vectors of length 1.

    Reference: Radford et al. 2021 (arXiv:2103.00020), figure 3 and section 2.5.
    """

    def __init__(self, *, image: dict, text: dict, **kwargs):
        # the encoders cast for themselves; integers and the loss must not be cast at all
        super().__init__(**{"autocast": False, "name": "clip", **kwargs})
        self.image, self.text = dict(image), dict(text)
        like = {"dtype": self.dtype_policy}
        self.image_encoder = ImageEncoder(**{**like, **image})
        self.text_encoder = TextEncoder(**{**like, **text})
        self.text_projection = layers.Dense(
            self.image_encoder.width, use_bias=False, name="text_projection", dtype="float32"
        )
        self.text_projection.build((None, self.text_encoder.width))
        self.log_scale = self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(LOG_SCALE_START),
            constraint=AtMost(LOG_SCALE_MOST),
            dtype="float32",
            name="log_scale",
        )
        self.built = True

    def build(self, input_shape=None):
        self.built = True  # the parts built themselves

    def image_embedding(self, image, training=False):
        """Pictures (B, H, W, C) as (B, D), vectors of length 1."""
        return unit_length(self.image_encoder(image, training=training))

    def text_embedding(self, ids, training=False):
        """Token ids (B, L) as (B, D), vectors of length 1."""
        return unit_length(self.text_projection(self.text_encoder(ids, training=training)["pooled"]))

    def call(self, inputs, training=False):
        return {
            "image": self.image_embedding(inputs["image"], training),
            "text": self.text_embedding(inputs["ids"], training),
        }

    def embed_images(self, images, batch_size: int = 256) -> np.ndarray:
        """Pictures (N, H, W, C) in [-1, 1] as (N, D) float32 NumPy, vectors of length 1."""
        out = self.image_encoder.predict(images, batch_size=batch_size, verbose=0)
        return ops.convert_to_numpy(unit_length(out))

    def embed_texts(self, ids, batch_size: int = 256) -> np.ndarray:
        """Token ids (N, L) as (N, D) float32 NumPy, vectors of length 1."""
        out = self.text_encoder.predict(ids, batch_size=batch_size, verbose=0)["pooled"]
        return ops.convert_to_numpy(unit_length(self.text_projection(out)))

    def get_config(self):
        return {**super().get_config(), "image": self.image, "text": self.text}
