"""The image encoder of the course's CLIP: a picture to one vector (chapter 12)."""

import keras
from keras import layers

from diffusion_course.layers.folding import fold_pixels
from diffusion_course.layers.normalization import GroupNorm
from diffusion_course.layers.plain_residual import PlainResidualBlock
from diffusion_course.layers.resampling import Downsample
from diffusion_course.models.stem_and_head import common_of, config_of

POOLINGS = ("flatten", "mean")


@keras.saving.register_keras_serializable(package="diffusion_course")
class ImageEncoder(keras.Model):
    """A few residual blocks at falling resolution, then one dense layer.

    Args:
        image_shape: (H, W, C); H and W divisible by ``fold * 2 ** (len(widths) - 1)``.
        width: size of the result.
        fold: side of the square of pixels that is folded into channels at the door, as in `UNet`.
        widths: channels at each resolution; each level halves height and width.
        num_res_blocks: residual blocks per level.
        groups: of each group normalisation; divides all widths.
        pooling: what the dense layer sees of the last feature map: "flatten", all of its pixels, so that it knows what
            lies where; or "mean", their mean, for pictures in which places do not matter.

    Call arguments:
        image: (B, H, W, C) in [-1, 1].

    Returns:
        (B, width) float32.

    Raises:
        ValueError: a size breaks one of these rules, or another pooling.

    Reference: Radford et al. 2021 (arXiv:2103.00020), section 2.4, whose ResNets this resembles in small; there
    attention pools, which knows places too.
    """

    def __init__(
        self,
        *,
        image_shape=(32, 32, 3),
        width: int = 128,
        fold: int = 2,
        widths=(32, 64, 96),
        num_res_blocks: int = 1,
        groups: int = 8,
        pooling: str = "flatten",
        name="image_encoder",  # not numbered: weight files address variables by path
        **kwargs,
    ):
        widths = tuple(widths)
        check_sides(image_shape, fold, widths)
        if pooling not in POOLINGS:
            raise ValueError(f"`pooling` must be one of {', '.join(POOLINGS)}. Received: {pooling!r}")
        common = common_of(kwargs)
        image = keras.Input(tuple(image_shape), name="image")
        h = fold_pixels(image, fold) if fold > 1 else image
        h = layers.Conv2D(widths[0], 3, padding="same", name="image_first", **common)(h)
        for level, n in enumerate(widths):
            for i in range(num_res_blocks):
                block = {"channels": n, "groups": groups, "name": f"image_{level}_block_{i}"}
                h = PlainResidualBlock(**block, **common)(h)
            if level < len(widths) - 1:
                h = Downsample(channels=n, name=f"image_{level}_halve", **common)(h)
        h = GroupNorm(groups, name="image_norm", **common)(h)
        h = layers.Activation("silu", name="image_silu", **common)(h)
        pool = layers.Flatten if pooling == "flatten" else layers.GlobalAveragePooling2D
        h = pool(name="image_pooling", **common)(h)
        h = layers.Dense(width, name="image_out", dtype="float32")(h)
        super().__init__(image, h, name=name, **kwargs)

        self.image_shape, self.width, self.fold, self.widths = tuple(image_shape), width, fold, widths
        self.num_res_blocks, self.groups, self.pooling = num_res_blocks, groups, pooling

    def get_config(self):
        parts = ("image_shape", "width", "fold", "widths", "num_res_blocks", "groups", "pooling")
        return config_of(self, parts, layer="image_first")


def check_sides(image_shape, fold: int, widths) -> None:
    """Raises ValueError unless folding, and a halving between any two levels, divide height and width."""
    side = fold * 2 ** (len(widths) - 1) if widths else 0
    if fold < 1 or not widths or image_shape[0] % side or image_shape[1] % side:
        raise ValueError(
            "`image_shape` must have height and width divisible by fold * 2 ** (levels - 1). "
            f"Received: {tuple(image_shape)}, fold={fold}, {len(widths)} levels"
        )
