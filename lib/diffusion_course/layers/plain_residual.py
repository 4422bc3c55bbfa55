"""A residual block that is told nothing but the picture, for encoders and decoders.

For chapter 14, which is to come.
"""

import keras
from keras import layers, ops

from diffusion_course.layers.normalization import GroupNorm, check_groups


@keras.saving.register_keras_serializable(package="diffusion_course")
class PlainResidualBlock(layers.Layer):
    """norm, SiLU, conv; norm, SiLU, conv; all added to the input.

    Unlike `layers.residual.ResidualBlock`, this is not told the time. Here too the last convolution starts at zero, so
    that an untrained block passes its input on, and a 1 x 1 convolution carries the input over where channels change.

    Args:
        channels: of the output.
        groups: of the normalisation; divides the channels of input and output.
        epsilon: of both norms.

    Call arguments:
        x: (B, H, W, C).

    Returns:
        (B, H, W, channels).

    Raises:
        ValueError: channels of input or output are not divisible by ``groups``.

    Reference: He et al. 2016, "Identity mappings in deep residual networks" (arXiv:1603.05027), figure 4e, for the
    order; Esser, Rombach and Ommer 2021 (arXiv:2012.09841) for its use in an autoencoder.
    """

    def __init__(self, *, channels: int, groups: int = 8, epsilon: float = 1e-5, **kwargs):
        super().__init__(**kwargs)
        check_groups(channels, groups)
        self.channels, self.groups, self.epsilon = channels, groups, epsilon
        like = {"dtype": self.dtype_policy}
        self.norm_1 = GroupNorm(groups, epsilon=epsilon, name="norm_1", **like)
        self.conv_1 = layers.Conv2D(channels, 3, padding="same", name="conv_1", **like)
        self.norm_2 = GroupNorm(groups, epsilon=epsilon, name="norm_2", **like)
        self.conv_2 = layers.Conv2D(
            channels, 3, padding="same", kernel_initializer="zeros", name="conv_2", **like
        )
        self.shortcut = None

    def build(self, x_shape):
        check_groups(x_shape[-1], self.groups)
        inner = (*x_shape[:-1], self.channels)
        self.norm_1.build(x_shape)
        self.conv_1.build(x_shape)
        self.norm_2.build(inner)
        self.conv_2.build(inner)
        if x_shape[-1] != self.channels:
            self.shortcut = layers.Conv2D(self.channels, 1, name="shortcut", dtype=self.dtype_policy)
            self.shortcut.build(x_shape)
        self.built = True

    def call(self, x):
        h = self.conv_1(ops.silu(self.norm_1(x)))  # (B, H, W, channels)
        h = self.conv_2(ops.silu(self.norm_2(h)))
        return h + (x if self.shortcut is None else self.shortcut(x))

    def compute_output_shape(self, x_shape):
        return (*x_shape[:-1], self.channels)

    def get_config(self):
        own = {"channels": self.channels, "groups": self.groups, "epsilon": self.epsilon}
        return {**super().get_config(), **own}
