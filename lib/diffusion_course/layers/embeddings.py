"""Embeddings: how a network is told a number, here the step of the diffusion process.

Built by hand in chapter 07.
"""

import math

import keras
from keras import layers, ops


def sinusoidal_embedding(t, dim: int, max_period: float = 10_000.0):
    """Numbers as waves: cosines and sines at frequencies from 1 down to 1 / ``max_period``, evenly on a log scale.

    Fast waves tell neighbouring steps apart, slow ones tell early from late.

    Args:
        t: (B,), integers or floats.
        dim: size of the embedding, even.
        max_period: the period of the slowest wave is about 2 pi times this.

    Returns:
        (B, dim) float32 in [-1, 1], cosines first.

    Raises:
        ValueError: ``dim`` is odd or not positive.

    Reference: Vaswani et al., "Attention is all you need", 2017 (arXiv:1706.03762), section 3.5; Ho et al. 2020 use it
    for the time step.
    """
    if dim < 2 or dim % 2:
        raise ValueError(f"`dim` must be even and positive. Received: dim={dim}")
    half = dim // 2
    frequencies = ops.exp(-math.log(max_period) / half * ops.arange(half, dtype="float32"))  # (dim/2,)
    # float32 whatever the policy: bfloat16 cannot tell t = 999 from t = 1000
    angles = ops.cast(t, "float32")[:, None] * frequencies[None, :]  # (B, dim/2)
    return ops.concatenate([ops.cos(angles), ops.sin(angles)], axis=-1)


@keras.saving.register_keras_serializable(package="diffusion_course")
class TimeEmbedding(layers.Layer):
    """The step as a vector that residual blocks can use: waves, then two dense layers with SiLU between.

    Args:
        units: size of the result.
        waves: size of the sinusoidal embedding, even; by default a quarter of ``units``.

    Call arguments:
        t: (B,) integers. Not floats: under mixed precision Keras would round them.

    Returns:
        (B, units).

    Reference: Ho et al. 2020, appendix B.
    """

    def __init__(self, *, units: int, waves: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.units, self.waves = units, waves or max(2, units // 4 // 2 * 2)
        like = {"dtype": self.dtype_policy}
        self.first = layers.Dense(units, activation="silu", name="first", **like)
        self.second = layers.Dense(units, name="second", **like)

    def build(self, t_shape):
        self.first.build((None, self.waves))
        self.second.build((None, self.units))
        self.built = True

    def call(self, t):
        return self.second(self.first(sinusoidal_embedding(t, self.waves)))

    def compute_output_shape(self, t_shape):
        return (t_shape[0], self.units)

    def get_config(self):
        return {**super().get_config(), "units": self.units, "waves": self.waves}
