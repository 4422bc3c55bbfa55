"""Halving and doubling of the resolution, with a convolution each.

Built by hand in chapter 07.
"""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable(package="diffusion_course")
class Downsample(layers.Layer):
    """Halves height and width (rounded up) with a 3 x 3 convolution of stride 2.

    Where height and width are even, "same" puts its one row and column of zeros at the bottom and right, and
    "symmetric" one on every side. Both give the same size, but pictures of another half of the pixels: weights that
    were trained with one of them do not fit the other.

    Args:
        channels: of the output.
        padding: "same", Keras's, as in the encoder of Stable Diffusion; or "symmetric", as in its U-Net and in PyTorch.

    Call arguments:
        x: (B, H, W, C).

    Returns:
        (B, ceil(H / 2), ceil(W / 2), channels).

    Raises:
        ValueError: another padding.
    """

    def __init__(self, *, channels: int, padding: str = "same", **kwargs):
        super().__init__(**kwargs)
        if padding not in ("same", "symmetric"):
            raise ValueError(f"`padding` must be same or symmetric. Received: {padding!r}")
        self.channels, self.padding = channels, padding
        inner = "same" if padding == "same" else "valid"
        self.conv = layers.Conv2D(channels, 3, strides=2, padding=inner, name="conv", dtype=self.dtype_policy)

    def build(self, x_shape):
        self.conv.build((*x_shape[:1], None, None, x_shape[-1]))  # Keras would not count the padding below
        self.built = True

    def call(self, x):
        if self.padding == "symmetric":
            x = ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))  # (B, H + 2, W + 2, C)
        return self.conv(x)

    def compute_output_shape(self, x_shape):
        batch, height, width, _ = x_shape
        half = (None if side is None else -(-side // 2) for side in (height, width))
        return (batch, *half, self.channels)

    def get_config(self):
        return {**super().get_config(), "channels": self.channels, "padding": self.padding}


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
