"""Halving and doubling of the resolution, with a convolution each."""

import keras
from keras import layers


@keras.saving.register_keras_serializable(package="diffusion_course")
class Downsample(layers.Layer):
    """Halves height and width (rounded up) with a 3 x 3 convolution of stride 2.

    Args:
        channels: of the output.

    Call arguments:
        x: (B, H, W, C).

    Returns:
        (B, ceil(H / 2), ceil(W / 2), channels).
    """

    def __init__(self, *, channels: int, **kwargs):
        super().__init__(**kwargs)
        self.channels = channels
        self.conv = layers.Conv2D(
            channels, 3, strides=2, padding="same", name="conv", dtype=self.dtype_policy
        )

    def build(self, x_shape):
        self.conv.build(x_shape)
        self.built = True

    def call(self, x):
        return self.conv(x)

    def compute_output_shape(self, x_shape):
        return self.conv.compute_output_shape(x_shape)

    def get_config(self):
        return {**super().get_config(), "channels": self.channels}


@keras.saving.register_keras_serializable(package="diffusion_course")
class Upsample(layers.Layer):
    """Doubles height and width by repeating pixels, then smooths with a 3 x 3 convolution.

    Args:
        channels: of the output.

    Call arguments:
        x: (B, H, W, C).

    Returns:
        (B, 2 H, 2 W, channels).

    Reference: Odena, Dumoulin and Olah, "Deconvolution and checkerboard artifacts", Distill, 2016, for why not a
    transposed convolution.
    """

    def __init__(self, *, channels: int, **kwargs):
        super().__init__(**kwargs)
        self.channels = channels
        # Nearest, not bilinear: bilinear fails with mixed precision and XLA on TensorFlow (keras issue 20931).
        self.repeat = layers.UpSampling2D(2, interpolation="nearest", name="repeat", dtype=self.dtype_policy)
        self.conv = layers.Conv2D(channels, 3, padding="same", name="conv", dtype=self.dtype_policy)

    def build(self, x_shape):
        self.conv.build(self.repeat.compute_output_shape(x_shape))
        self.built = True

    def call(self, x):
        return self.conv(self.repeat(x))

    def compute_output_shape(self, x_shape):
        return (*self.repeat.compute_output_shape(x_shape)[:-1], self.channels)

    def get_config(self):
        return {**super().get_config(), "channels": self.channels}
