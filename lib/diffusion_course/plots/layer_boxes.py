"""A network as a row of boxes: what each layer gives, from left to right."""

from collections.abc import Mapping, Sequence

from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from diffusion_course.plots.style import CLASS_COLOURS, WIDTH


def layer_boxes(
    layers: Sequence[tuple[str, tuple[int, ...]]],
    parts: Mapping[str, tuple[int, int]],
    *,
    width: float = WIDTH,
) -> Figure:
    """Boxes in the order of computation, as high as the maps that they stand for; a vector is a flat line.

    Args:
        layers: (name, (H, W, C) or (d,)) of each layer's output.
        parts: name of a part of the network -> (first, last) box of it; written below, between the two.
        width: of the figure in inches.

    Raises:
        ValueError: there are no layers, or a part names a box that is not there.
    """
    if not layers:
        raise ValueError("`layers` must hold at least one. Received: none")
    tallest = max(shape[0] for _, shape in layers if len(shape) == 3)
    figure, axes = plt.subplots(figsize=(width, 2.8))
    for i, (name, shape) in enumerate(layers):
        is_map = len(shape) == 3
        height = shape[0] / tallest if is_map else 0.07
        colour = CLASS_COLOURS[0 if is_map else 1]
        axes.add_patch(Rectangle((i - 0.16, -height / 2), 0.32, height, color=colour, alpha=0.85))
        size = " × ".join(map(str, shape)) if is_map else f"{shape[0]} numbers"
        axes.text(i, 0.58, f"{name}\n{size}", ha="center", va="bottom", fontsize=8)
        if i:
            axes.annotate("", (i - 0.2, 0), (i - 0.8, 0), arrowprops={"arrowstyle": "->", "color": "0.4"})
    for name, (first, last) in parts.items():
        if not 0 <= first <= last < len(layers):
            raise ValueError(
                f"`parts` must name boxes from 0 to {len(layers) - 1}. Received: {name!r}: {(first, last)}"
            )
        axes.text((first + last) / 2, -0.62, name, ha="center", va="top", fontsize=11)
    axes.set(xlim=(-0.6, len(layers) - 0.4), ylim=(-0.85, 1.25))
    axes.set_axis_off()
    return figure
