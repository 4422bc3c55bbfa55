"""Networks as drawings: which feature maps there are, and which go where."""

from collections.abc import Sequence

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle

from diffusion_course.plots.style import CLASS_COLOURS, WIDTH


def unet_diagram(
    maps: Sequence[tuple[str, tuple[int, int, int]]],
    bridges: Sequence[tuple[int, int]] = (),
    *,
    width: float = WIDTH,
) -> Figure:
    """Feature maps from left to right in the order of computation, lower where the resolution is lower.

    A box is as high as its map, and the wider the more channels it has. Bridges are arcs above the boxes.

    Args:
        maps: (name, (H, W, C)) of each feature map.
        bridges: (i, j), map i also goes to map j further right.
        width: of the figure in inches.

    Raises:
        ValueError: no maps, or a bridge that does not lead to the right.
    """
    if not maps:
        raise ValueError("`maps` must hold at least one feature map. Received: none")
    for i, j in bridges:
        if not 0 <= i < j < len(maps):
            raise ValueError(
                f"`bridges` must lead from a map to one further right, 0 to {len(maps) - 1}. Received: {(i, j)}"
            )
    heights = [shape[0] for _, shape in maps]
    levels = sorted(set(heights), reverse=True)
    most = max(shape[2] for _, shape in maps)
    figure, axes = plt.subplots(figsize=(width, 1.5 + 1.35 * len(levels)))
    font = float(np.clip(120 / len(maps), 6, 9))
    middle = {side: -k * 1.7 for k, side in enumerate(levels)}  # the row of each resolution
    tops = []
    for x, (name, (h, w, c)) in enumerate(maps):
        high, wide = 0.35 + 0.65 * h / levels[0], 0.2 + 0.5 * c / most
        y = middle[h]
        colour = CLASS_COLOURS[levels.index(h) % len(CLASS_COLOURS)]
        axes.add_patch(
            Rectangle((x - wide / 2, y - high / 2), wide, high, color=colour, alpha=0.55, lw=0, zorder=2)
        )
        axes.text(x, y - high / 2 - 0.06, f"{h}×{w}\n×{c}", ha="center", va="top", fontsize=font)
        axes.text(x, y, name, ha="center", va="center", rotation=90, fontsize=font, zorder=4)
        tops.append(y + high / 2)
        if x:
            axes.add_patch(
                FancyArrowPatch(
                    (x - 1, middle[heights[x - 1]]), (x, y), arrowstyle="-|>", mutation_scale=7, color="0.6",
                    shrinkA=12, shrinkB=12, zorder=1,
                )
            )  # fmt: skip
    for i, j in bridges:
        rise = 0.12 + 0.07 * (j - i)  # an outer bridge passes above the inner ones
        y = max(tops[i], tops[j])
        axes.plot(
            [i, i, j], [tops[i] + 0.03, y + rise, y + rise], color="0.25", lw=1, ls="--", zorder=3,
            solid_capstyle="butt",
        )  # fmt: skip
        axes.annotate(
            "", (j, tops[j] + 0.03), (j, y + rise), arrowprops={"arrowstyle": "-|>", "color": "0.25", "lw": 1}
        )
    axes.set_xlim(-0.7, len(maps) - 0.3)
    axes.set_ylim(
        min(middle.values()) - 0.95, 0.75 + 0.12 + 0.07 * max([j - i for i, j in bridges], default=0)
    )
    axes.set_axis_off()
    return figure


_SHORT = {
    "Conv2D": "conv",
    "ResidualBlock": "block",
    "Downsample": "halve",
    "Upsample": "double",
    "SelfAttention2D": "attn",
}


def unet_maps(network) -> tuple[list[tuple[str, tuple[int, int, int]]], list[tuple[int, int]]]:
    """What `unet_diagram` wants to know of a U-Net of the library.

    Args:
        network: a `UNet` (any model whose layers have its names and kinds, in its order).

    Returns:
        ``maps``, (kind, (H, W, C)) of each feature map in the order of computation, and ``bridges``, (i, j): map i is
        concatenated to the input of map j.
    """
    maps, stack, bridges = [], [], []
    for layer in network.layers:
        kind = type(layer).__name__
        if kind == "Concatenate":
            bridges.append((stack.pop(), len(maps)))  # to the block that follows
        if kind not in _SHORT:
            continue
        maps.append((_SHORT[kind], tuple(layer.output.shape[1:])))
        if layer.name.startswith("down") and "attention" in layer.name:
            stack[-1] = len(maps) - 1  # the bridge starts behind the attention
        elif layer.name == "first" or layer.name.startswith("down"):
            stack.append(len(maps) - 1)
    return maps, bridges
