"""The U-Net: down to a small picture with many channels, up again, and at each size a bridge across."""

import keras
from keras import layers

from diffusion_course.layers.attention import SelfAttention2D
from diffusion_course.layers.resampling import Downsample, Upsample
from diffusion_course.layers.residual import ResidualBlock
from diffusion_course.models.denoiser_ends import way_in, way_out


@keras.saving.register_keras_serializable(package="diffusion_course")
class UNet(keras.Model):
    """Time-conditioned U-Net: residual blocks at several resolutions, joined by skip connections.

    Args:
        image_shape: (H, W, C); H and W divisible by ``fold * 2 ** (len(widths) - 1)``.
        out_channels: channels of the output; by default C, and 2 C for a learned variance.
        fold: side of the square of pixels that is folded into channels before the first convolution: 2 makes every
            layer work on a quarter of the pixels.
        widths: channels at each resolution, from the picture inwards; each level halves height and width.
        num_res_blocks: residual blocks per level on the way down; one more on the way up, as in the paper.
        attention: for each level, whether self-attention follows its blocks; by default nowhere. The middle has one
            if ``middle_attention``.
        middle_attention: self-attention between the two blocks at the bottom.
        heads: of each attention.
        groups: of each group normalisation; divides all widths.
        embedding_units: size of the time embedding, by default four times the first width.
        skips: whether the way up sees the features of the way down. False is the ablation of chapter 07.
        dropout: share of activations dropped in training.

    Call arguments:
        inputs: ``{"x": noisy pictures (B, H, W, C) in about [-1, 1], "t": steps (B,), integers}``.

    Returns:
        (B, H, W, out_channels), the prediction; zero before training.

    Raises:
        ValueError: a size breaks one of these rules.

    Reference: Ronneberger et al. 2015 (arXiv:1505.04597); Ho et al. 2020 (arXiv:2006.11239), appendix B; Dhariwal and
    Nichol 2021 (arXiv:2105.05233), section 3.
    """

    def __init__(
        self,
        *,
        image_shape=(28, 28, 1),
        out_channels=None,
        fold=1,
        widths=(64, 128, 256),
        num_res_blocks=2,
        attention=None,
        middle_attention=True,
        heads=4,
        groups=8,
        embedding_units=None,
        skips=True,
        dropout=0.0,
        name="unet",  # not numbered: weight files address variables by path
        **kwargs,
    ):
        height, width, channels = image_shape
        widths = tuple(widths)
        attention = (False,) * len(widths) if attention is None else tuple(map(bool, attention))
        if not widths or len(attention) != len(widths):
            raise ValueError(
                f"`attention` must have one entry per level. Received: attention={attention}, widths={widths}"
            )
        side = fold * 2 ** (len(widths) - 1)
        if fold < 1 or height % side or width % side:
            raise ValueError(
                f"`image_shape` must have height and width divisible by {side}. Received: {tuple(image_shape)}"
            )
        out_channels = out_channels or channels
        embedding_units = embedding_units or 4 * widths[0]
        policy = kwargs.get("dtype")
        common = {"dtype": policy} if policy is not None else {}

        def block(n, name):
            return ResidualBlock(channels=n, groups=groups, dropout=dropout, name=name, **common)

        def attend(wanted, h, name):
            return SelfAttention2D(heads=heads, groups=groups, name=name, **common)(h) if wanted else h

        inputs, h, embedding = way_in(
            image_shape, fold=fold, width=widths[0], embedding_units=embedding_units, **common
        )

        bridges = [h]
        for level, n in enumerate(widths):
            for i in range(num_res_blocks):
                h = block(n, f"down_{level}_block_{i}")(h, embedding)
                h = attend(attention[level], h, f"down_{level}_attention_{i}")
                bridges.append(h)
            if level < len(widths) - 1:
                h = Downsample(channels=n, name=f"down_{level}_halve", **common)(h)
                bridges.append(h)

        h = block(widths[-1], "middle_block_0")(h, embedding)
        h = attend(middle_attention, h, "middle_attention")
        h = block(widths[-1], "middle_block_1")(h, embedding)

        for level, n in reversed(list(enumerate(widths))):
            for i in range(num_res_blocks + 1):
                bridge = bridges.pop()
                if skips:
                    h = layers.Concatenate(name=f"up_{level}_join_{i}", **common)([h, bridge])
                h = block(n, f"up_{level}_block_{i}")(h, embedding)
                h = attend(attention[level], h, f"up_{level}_attention_{i}")
            if level:
                h = Upsample(channels=n, name=f"up_{level}_double", **common)(h)

        h = way_out(h, fold=fold, out_channels=out_channels, groups=groups, **common)
        super().__init__(inputs, h, name=name, **kwargs)

        self.image_shape, self.out_channels, self.fold, self.widths = (
            tuple(image_shape),
            out_channels,
            fold,
            widths,
        )
        self.num_res_blocks, self.attention, self.middle_attention = (
            num_res_blocks,
            attention,
            middle_attention,
        )
        self.heads, self.groups, self.embedding_units = heads, groups, embedding_units
        self.skips, self.dropout_rate = skips, dropout

    def get_config(self):
        names = (
            "image_shape",
            "out_channels",
            "fold",
            "widths",
            "num_res_blocks",
            "attention",
            "middle_attention",
        )
        names += ("heads", "groups", "embedding_units", "skips")
        own = {name: getattr(self, name) for name in names}
        return {**own, "dropout": self.dropout_rate, "name": self.name, "trainable": self.trainable}
