"""The denoiser of chapter 06: residual blocks at one resolution, told the step."""

import keras

from diffusion_course.layers.residual import ResidualBlock
from diffusion_course.models.stem_and_head import common_of, config_of, head, stem


@keras.saving.register_keras_serializable(package="diffusion_course")
class ResNetDenoiser(keras.Model):
    """Residual network that keeps the resolution: it sees as far as its convolutions reach, and no further.

    Args:
        image_shape: (H, W, C), H and W divisible by ``fold``.
        out_channels: channels of the output, by default C.
        fold: side of the square of pixels that is folded into channels, as in `UNet`.
        width: channels of all blocks.
        blocks: number of residual blocks, two 3 x 3 convolutions each: every block sees ``2 * fold`` pixels further
            to each side.
        groups: of each group normalisation; divides ``width``.
        embedding_units: size of the time embedding, by default four times ``width``.

    Call arguments:
        inputs: ``{"x": noisy pictures (B, H, W, C) in about [-1, 1], "t": steps (B,), integers}``.

    Returns:
        (B, H, W, out_channels), the prediction; zero before training.

    Raises:
        ValueError: a size breaks one of these rules.
    """

    def __init__(
        self,
        *,
        image_shape=(28, 28, 1),
        out_channels=None,
        fold=2,
        width=64,
        blocks=4,
        groups=8,
        embedding_units=None,
        name="resnet_denoiser",  # not numbered: weight files address variables by path
        **kwargs,
    ):
        height, wide, channels = image_shape
        if fold < 1 or height % fold or wide % fold:
            raise ValueError(
                f"`image_shape` must have height and width divisible by `fold` = {fold}. "
                f"Received: {tuple(image_shape)}"
            )
        out_channels, embedding_units = out_channels or channels, embedding_units or 4 * width
        common = common_of(kwargs)
        inputs, h, embedding = stem(
            image_shape, fold=fold, width=width, embedding_units=embedding_units, **common
        )
        for i in range(blocks):
            h = ResidualBlock(channels=width, groups=groups, name=f"block_{i}", **common)(h, embedding)
        h = head(h, fold=fold, out_channels=out_channels, groups=groups, **common)
        super().__init__(inputs, h, name=name, **kwargs)
        self.image_shape, self.out_channels, self.fold = tuple(image_shape), out_channels, fold
        self.width, self.blocks, self.groups, self.embedding_units = width, blocks, groups, embedding_units

    def get_config(self):
        parts = ("image_shape", "out_channels", "fold", "width", "blocks", "groups", "embedding_units")
        return config_of(self, parts)
