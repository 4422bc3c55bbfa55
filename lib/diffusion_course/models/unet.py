"""The U-Net: down to a small picture with many channels, up again, and at each size a bridge across.

Built by hand in chapter 07.
"""

import keras
from keras import layers

from diffusion_course.layers.attention import SelfAttention2D
from diffusion_course.layers.resampling import Downsample, Upsample
from diffusion_course.layers.residual import ResidualBlock
from diffusion_course.layers.transformer import SpatialTransformer
from diffusion_course.models.stem_and_head import common_of, config_of, head, stem


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
        attention: for each level, whether attention follows its blocks; by default nowhere. The middle has one if
            ``middle_attention``. It is self-attention; with a ``context_dim`` a transformer that sees the context too.
        middle_attention: attention between the two blocks at the bottom.
        heads: of each attention; or one number for each level, the last of which is the middle's too.
        transformer_depth: blocks of each transformer; without a ``context_dim`` there are none.
        transformer_epsilon, approximate: ``epsilon`` and ``approximate`` of each `SpatialTransformer`.
        groups: of each group normalisation; divides all widths.
        embedding_units: size of the time embedding, by default four times the first width.
        skips: whether the way up sees the features of the way down. False is the ablation of chapter 07.
        dropout: share of activations dropped in training.
        context_dim: size of a position of the ``context``; None for a network without one.
        pooled_dim: size of ``pooled``, a vector that is added to the time embedding; None for a network without one.
        num_classes: how many classes the ``label`` may name; None for a network without one.
        extra_channels: channels of ``extra``, which is joined to ``x``.
        time: how blocks are told the step, "scale_shift" or "add", as in `ResidualBlock`.
        padding: of the halving convolutions, "same" or "symmetric", as in `Downsample`.

    Call arguments:
        inputs: ``{"x": noisy pictures (B, H, W, C) in about [-1, 1], "t": steps (B,), integers}``, and conditions, each
            if the network was built for it: ``"context"`` (B, M, context_dim), ``"pooled"`` (B, pooled_dim),
            ``"label"`` (B,) from 0 to num_classes, which means "no class", and ``"extra"`` (B, H, W, extra_channels).

    Returns:
        (B, H, W, out_channels), the prediction; zero before training.

    Raises:
        ValueError: a size breaks one of these rules.

    Reference: Ronneberger et al. 2015 (arXiv:1505.04597); Ho et al. 2020 (arXiv:2006.11239), appendix B; Dhariwal and
    Nichol 2021 (arXiv:2105.05233), section 3; Rombach et al. 2022 (arXiv:2112.10752), section 3.3, for the context.
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
        transformer_depth=1,
        transformer_epsilon=1e-6,
        approximate=False,
        groups=8,
        embedding_units=None,
        skips=True,
        dropout=0.0,
        context_dim=None,
        pooled_dim=None,
        num_classes=None,
        extra_channels=0,
        time="scale_shift",
        padding="same",
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
        heads = heads if isinstance(heads, int) else tuple(heads)
        heads_at = (heads,) * len(widths) if isinstance(heads, int) else heads
        if len(heads_at) != len(widths):
            raise ValueError(f"`heads` must have one number per level. Received: {heads}, widths={widths}")
        side = fold * 2 ** (len(widths) - 1)
        if fold < 1 or height % side or width % side:
            raise ValueError(
                f"`image_shape` must have height and width divisible by {side}. Received: {tuple(image_shape)}"
            )
        out_channels = out_channels or channels
        embedding_units = embedding_units or 4 * widths[0]
        common = common_of(kwargs)

        inputs, h, embedding = stem(
            image_shape,
            fold=fold,
            width=widths[0],
            embedding_units=embedding_units,
            num_classes=num_classes,
            context_dim=context_dim,
            pooled_dim=pooled_dim,
            extra_channels=extra_channels,
            **common,
        )
        context = inputs.get("context")

        def block(n, name):
            return ResidualBlock(channels=n, groups=groups, dropout=dropout, time=time, name=name, **common)

        def attend(wanted, h, level, name):
            if not wanted:
                return h
            common_to_both = {"heads": heads_at[level], "groups": groups, "name": name, **common}
            if context is None:
                return SelfAttention2D(**common_to_both)(h)
            own = {"depth": transformer_depth, "epsilon": transformer_epsilon, "approximate": approximate}
            return SpatialTransformer(**own, **common_to_both)(h, context)

        bridges = [h]
        for level, n in enumerate(widths):
            for i in range(num_res_blocks):
                h = block(n, f"down_{level}_block_{i}")(h, embedding)
                h = attend(attention[level], h, level, f"down_{level}_attention_{i}")
                bridges.append(h)
            if level < len(widths) - 1:
                h = Downsample(channels=n, padding=padding, name=f"down_{level}_halve", **common)(h)
                bridges.append(h)

        h = block(widths[-1], "middle_block_0")(h, embedding)
        h = attend(middle_attention, h, -1, "middle_attention")
        h = block(widths[-1], "middle_block_1")(h, embedding)

        for level, n in reversed(list(enumerate(widths))):
            for i in range(num_res_blocks + 1):
                bridge = bridges.pop()
                if skips:
                    h = layers.Concatenate(name=f"up_{level}_join_{i}", **common)([h, bridge])
                h = block(n, f"up_{level}_block_{i}")(h, embedding)
                h = attend(attention[level], h, level, f"up_{level}_attention_{i}")
            if level:
                h = Upsample(channels=n, name=f"up_{level}_double", **common)(h)

        h = head(h, fold=fold, out_channels=out_channels, groups=groups, **common)
        super().__init__(inputs, h, name=name, **kwargs)

        self.image_shape, self.out_channels, self.fold = tuple(image_shape), out_channels, fold
        self.widths, self.num_res_blocks = widths, num_res_blocks
        self.attention, self.middle_attention, self.heads = attention, middle_attention, heads
        self.transformer_depth, self.groups, self.embedding_units = transformer_depth, groups, embedding_units
        self.transformer_epsilon, self.approximate = transformer_epsilon, approximate
        self.skips, self.dropout = skips, dropout
        self.context_dim, self.pooled_dim, self.num_classes = context_dim, pooled_dim, num_classes
        self.extra_channels = extra_channels
        self.time, self.padding = time, padding

    def get_config(self):
        parts = ("image_shape", "out_channels", "fold", "widths", "num_res_blocks", "attention")
        parts += ("middle_attention", "heads", "transformer_depth", "groups", "embedding_units", "skips")
        parts += ("transformer_epsilon", "approximate")
        parts += ("dropout", "context_dim", "pooled_dim", "num_classes", "extra_channels", "time", "padding")
        return config_of(self, parts)
