"""The latent explorer without a kernel: a map, three marked places and the pictures decoded there."""

import io

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from diffusion_course.plots.style import DPI
from diffusion_course.widgets.latent_logic import LatentMap, class_style

_TITLES = {"start": "A: the start", "crowd": "B: among many codes", "border": "C: where classes meet"}


def fallback_figure(
    latent_map: LatentMap, pictures: dict[str, tuple[tuple[float, float], np.ndarray]]
) -> Figure:
    """Draws the map with marked places and, beside it, their decoded pictures.

    Args:
        latent_map: the codes.
        pictures: for "start", "crowd" and "border": (place, pixels uint8 of shape (height, width)).

    Returns:
        A figure that pyplot does not know of, so that no notebook shows it twice.
    """
    figure = Figure(figsize=(8.4, 4.6), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(len(pictures), 2, width_ratios=(3.2, 1))
    plane = figure.add_subplot(grid[:, 0])
    points, labels = latent_map.subsample(2000)
    for label, name in enumerate(latent_map.class_names):
        colour, marker = class_style(label)
        mine = points[labels == label]
        plane.scatter(mine[:, 0], mine[:, 1], s=7, c=colour, marker=marker, linewidths=0, label=name)
    x_min, x_max, y_min, y_max = latent_map.limits
    plane.set(xlim=(x_min, x_max), ylim=(y_min, y_max), xlabel="latent 1", ylabel="latent 2", aspect="equal")
    plane.legend(loc="center left", bbox_to_anchor=(1, 0.5), markerscale=2.5, frameon=False, fontsize=8)
    for row, (kind, (place, pixels)) in enumerate(pictures.items()):
        letter, text = _TITLES[kind][0], _TITLES[kind]
        plane.plot(*place, "o", markersize=15, markerfacecolor="white", markeredgecolor="black")
        plane.text(*place, letter, ha="center", va="center", fontsize=9, fontweight="bold")
        axes = figure.add_subplot(grid[row, 1])
        axes.imshow(pixels, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axes.set_title(f"{text}\n({place[0]:.2f}, {place[1]:.2f})", fontsize=8)
        axes.set_axis_off()
    return figure


def fallback_alt(latent_map: LatentMap, pictures: dict[str, tuple[tuple[float, float], np.ndarray]]) -> str:
    """Words for those who cannot see the still picture."""
    places = " ".join(
        f"{_TITLES[kind]}, at ({place[0]:.2f}, {place[1]:.2f}). {latent_map.describe(place)}"
        for kind, (place, _) in pictures.items()
    )
    return (
        f"Latent map of {len(latent_map.points)} pictures in {len(latent_map.class_names)} classes, "
        f"with three marked places and the pictures decoded from them. {places} "
        "Run the cell to drag the point yourself."
    )


def small_png(figure: Figure) -> bytes:
    """Renders a figure as a PNG with a palette, which takes a third of the bytes of a full-colour one."""
    raw, small, dpi = io.BytesIO(), io.BytesIO(), 2 * DPI
    figure.savefig(raw, format="png", dpi=dpi)
    colours = Image.open(raw).convert("RGB").quantize(128, dither=Image.Dither.NONE)
    colours.save(small, "PNG", optimize=True, dpi=(dpi, dpi))
    return small.getvalue()
