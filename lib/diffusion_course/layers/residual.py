"""Residual block with time injection, the part of which U-Nets and ResNet denoisers are made.

Built by hand in chapter 07.
"""

import keras
from keras import layers, ops

from diffusion_course.layers.normalization import GroupNorm, check_groups


@keras.saving.register_keras_serializable(package="diffusion_course")
class ResidualBlock(layers.Layer):
    """norm, SiLU, conv; norm, told the time, SiLU, conv; all added to the input.

    The last convolution starts at zero, so that an untrained block passes its input on. Where the number of channels
    changes, a 1 x 1 convolution carries the input over.

    Args:
        channels: of the output.
        groups: of the normalisation; divides the channels of input and output.
        dropout: share of activations dropped in training, 0 to 1 (exclusive).
        time: how the embedding comes in. "scale_shift": it scales and shifts what the second norm gives. "add": it is
            added before the second norm, as in Ho et al. 2020 and Stable Diffusion.
        epsilon: of both norms.

    Call arguments:
        x: (B, H, W, C).
        embedding: (B, D), from `TimeEmbedding`.

    Returns:
        (B, H, W, channels).

    Raises:
        ValueError: channels of input or output are not divisible by ``groups``, or another ``time``.

    Reference: He et al. 2015 (arXiv:1512.03385) for the residual; Dhariwal and Nichol 2021 (arXiv:2105.05233), who
    call scale and shift by the time adaptive group normalisation.
    """

    def __init__(
        self,
        *,
        channels: int,
        groups: int = 8,
        dropout: float = 0.0,
        time: str = "scale_shift",
        epsilon: float = 1e-5,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_groups(channels, groups)
        if time not in ("scale_shift", "add"):
            raise ValueError(f"`time` must be scale_shift or add. Received: {time!r}")
        self.channels, self.groups, self.dropout_rate = channels, groups, dropout
        self.adds, self.epsilon = time == "add", epsilon
        like = {"dtype": self.dtype_policy}
        norm = {"epsilon": epsilon, **like}
        self.norm_1 = GroupNorm(groups, name="norm_1", **norm)
        self.conv_1 = layers.Conv2D(channels, 3, padding="same", name="conv_1", **like)
        # Where scale and shift come from the embedding, the norm has none of its own.
        self.norm_2 = GroupNorm(groups, affine=self.adds, name="norm_2", **norm)
        self.time = layers.Dense(channels if self.adds else 2 * channels, name="time", **like)
        self.dropout = layers.Dropout(dropout, name="dropout", **like)
        self.conv_2 = layers.Conv2D(
            channels, 3, padding="same", kernel_initializer="zeros", name="conv_2", **like
        )
        self.shortcut = None

    def build(self, x_shape, embedding_shape):
        check_groups(x_shape[-1], self.groups)
        inner = (*x_shape[:-1], self.channels)
        self.norm_1.build(x_shape)
        self.conv_1.build(x_shape)
        self.norm_2.build(inner)
        self.time.build(embedding_shape)
        self.conv_2.build(inner)
        if x_shape[-1] != self.channels:
            self.shortcut = layers.Conv2D(self.channels, 1, name="shortcut", dtype=self.dtype_policy)
            self.shortcut.build(x_shape)
        self.built = True

    def call(self, x, embedding, training=False):
        h = self.conv_1(ops.silu(self.norm_1(x)))  # (B, H, W, channels)
        told = self.time(ops.silu(embedding))[:, None, None, :]  # (B, 1, 1, channels), or twice as many
        if self.adds:
            h = self.norm_2(h + told)
        else:
            scale, shift = ops.split(told, 2, axis=-1)  # (B, 1, 1, channels) each
            h = self.norm_2(h, 1 + scale, shift)
        h = self.conv_2(self.dropout(ops.silu(h), training=training))
        return h + (x if self.shortcut is None else self.shortcut(x))

    def compute_output_shape(self, x_shape, embedding_shape):
        return (*x_shape[:-1], self.channels)

    def get_config(self):
        own = {"channels": self.channels, "groups": self.groups, "dropout": self.dropout_rate}
        own |= {"time": "add" if self.adds else "scale_shift", "epsilon": self.epsilon}
        return {**super().get_config(), **own}
