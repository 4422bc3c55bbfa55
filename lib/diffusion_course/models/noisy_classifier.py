"""A classifier that is told how much noise its picture holds: half of a U-Net, pooled.

Used in chapter 13, where its gradient guides a denoiser.
"""

import keras
from keras import layers

from diffusion_course.layers.normalization import GroupNorm
from diffusion_course.layers.resampling import Downsample
from diffusion_course.layers.residual import ResidualBlock
from diffusion_course.models.stem_and_head import common_of, config_of, stem


@keras.saving.register_keras_serializable(package="diffusion_course")
class NoisyClassifier(keras.Model):
    """The way down of a U-Net, then the mean over all places: logits of a noised picture's class.

    Args:
        num_classes: K, at least 2.
        image_shape: (H, W, C); H and W divisible by ``fold``.
        fold: side of the square of pixels that is folded into channels before the first convolution.
        widths: channels at each resolution, from the picture inwards; each level after the first halves height and
            width.
        num_res_blocks: residual blocks per level.
        groups: of each group normalisation; divides all widths.
        embedding_units: size of the time embedding, by default twice the first width.
        dropout: share of activations dropped in training.

    Call arguments:
        inputs: ``{"x": noised pictures (B, H, W, C), "t": steps (B,), integers}``, as for `UNet`.

    Returns:
        (B, K), logits, float32; zero before training, so that an untrained one leads nowhere.

    Raises:
        ValueError: a size breaks one of these rules.

    Reference: Dhariwal and Nichol 2021 (arXiv:2105.05233), section 4, who pool with attention; here the mean does.
    """

    def __init__(
        self,
        *,
        num_classes: int = 10,
        image_shape=(28, 28, 1),
        fold: int = 2,
        widths=(32, 64),
        num_res_blocks: int = 2,
        groups: int = 8,
        embedding_units: int | None = None,
        dropout: float = 0.0,
        name="noisy_classifier",  # not numbered: weight files address variables by path
        **kwargs,
    ):
        if num_classes < 2:
            raise ValueError(f"`num_classes` must be at least 2. Received: num_classes={num_classes}")
        image_shape, widths = tuple(image_shape), tuple(widths)
        if fold < 1 or image_shape[0] % fold or image_shape[1] % fold:
            raise ValueError(
                f"`image_shape` must have height and width divisible by `fold`. "
                f"Received: image_shape={image_shape}, fold={fold}"
            )
        if not widths:
            raise ValueError(f"`widths` must name at least one level. Received: widths={widths}")
        embedding_units = embedding_units or 2 * widths[0]
        common = common_of(kwargs)

        inputs, h, embedding = stem(
            image_shape, fold=fold, width=widths[0], embedding_units=embedding_units, **common
        )
        for level, n in enumerate(widths):
            if level:
                h = Downsample(channels=n, name=f"down_{level}_halve", **common)(h)
            for i in range(num_res_blocks):
                block = ResidualBlock(
                    channels=n, groups=groups, dropout=dropout, name=f"down_{level}_block_{i}", **common
                )
                h = block(h, embedding)
        h = layers.Activation("silu", name="last_silu", **common)(
            GroupNorm(groups, name="last_norm", **common)(h)
        )
        h = layers.GlobalAveragePooling2D(name="pool", **common)(h)  # (B, widths[-1])
        last = {"kernel_initializer": "zeros", "name": "logits", "dtype": "float32"}
        super().__init__(inputs, layers.Dense(num_classes, **last)(h), name=name, **kwargs)

        self.num_classes, self.image_shape, self.fold, self.widths = num_classes, image_shape, fold, widths
        self.num_res_blocks, self.groups, self.embedding_units = num_res_blocks, groups, embedding_units
        self.dropout = dropout

    def get_config(self):
        parts = ("num_classes", "image_shape", "fold", "widths", "num_res_blocks", "groups")
        return config_of(self, (*parts, "embedding_units", "dropout"))
