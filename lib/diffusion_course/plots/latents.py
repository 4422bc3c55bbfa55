"""Two-dimensional latent spaces: where the codes lie, and what every point decodes to."""

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from diffusion_course.plots.grids import montage, sheet_axes
from diffusion_course.plots.style import CLASS_COLOURS, CLASS_MARKERS, WIDTH

Limits = tuple[tuple[float, float], tuple[float, float]]


def check_codes(codes: np.ndarray) -> np.ndarray:
    """Returns codes as an array (N, 2).

    Raises:
        ValueError: they have another shape.
    """
    codes = np.asarray(codes)
    if codes.ndim != 2 or codes.shape[1] != 2:
        raise ValueError(f"`codes` must have shape (N, 2). Received: shape {codes.shape}")
    return codes


def latent_map(
    codes: np.ndarray,
    labels: np.ndarray,
    class_names: Sequence[str],
    *,
    limits: Limits | None = None,
    title: str = "",
    axes: Axes | None = None,
    legend: bool = True,
    names: bool = False,
) -> Figure:
    """Scatter plot of codes, coloured and marked by class.

    Args:
        codes: (N, 2).
        labels: (N,) integers that index ``class_names``.
        class_names: at most ten names.
        limits: ((x_low, x_high), (y_low, y_high)); by default what the codes fill.
        title: printed above.
        axes: where to draw; a new figure by default.
        legend: whether to draw one, to the right.
        names: whether to write each class's name at the middle of its codes, where others may cover it.

    Raises:
        ValueError: shapes do not match, or there are more than ten classes.
    """
    codes = check_codes(codes)
    if len(labels) != len(codes) or len(class_names) > len(CLASS_COLOURS):
        raise ValueError(
            f"`labels` must be as many as `codes`, and classes at most {len(CLASS_COLOURS)}. "
            f"Received: {len(labels)} labels, {len(codes)} codes, {len(class_names)} classes"
        )
    if axes is None:
        _, axes = plt.subplots(figsize=(7.2, 5.6))
    for k, name in enumerate(class_names):
        mine = codes[np.asarray(labels) == k]
        axes.scatter(
            *mine.T, s=9, color=CLASS_COLOURS[k], marker=CLASS_MARKERS[k], alpha=0.6, linewidths=0, label=name
        )
    for k, name in enumerate(class_names if names else ()):
        if (mine := codes[np.asarray(labels) == k]).size:
            text = axes.text(*np.median(mine, axis=0), name, fontsize=9, ha="center", va="center")
            text.set_path_effects([withStroke(linewidth=3, foreground="white")])
    if limits is not None:
        axes.set_xlim(limits[0])
        axes.set_ylim(limits[1])
    axes.set_xlabel("latent coordinate $z_1$")
    axes.set_ylabel("latent coordinate $z_2$")
    if title:
        axes.set_title(title, loc="left", fontsize=11)
    if legend:
        marks = axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, markerscale=2.5)
        for handle in marks.legend_handles:
            handle.set_alpha(1)
    return axes.figure


def plane_points(limits: Limits, columns: int, rows: int) -> np.ndarray:
    """Centres of a grid of cells that tile a rectangle of the plane.

    Args:
        limits: ((x_low, x_high), (y_low, y_high)).
        columns, rows: number of cells along x and y.

    Returns:
        (rows * columns, 2) float32, row by row from the top left, as a picture is read.
    """
    (x0, x1), (y0, y1) = limits
    x = x0 + (np.arange(columns) + 0.5) * (x1 - x0) / columns
    y = y1 - (np.arange(rows) + 0.5) * (y1 - y0) / rows
    return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2).astype("float32")


def decoded_plane(
    decode: Callable[[np.ndarray], np.ndarray],
    limits: Limits,
    *,
    columns: int = 20,
    rows: int = 16,
    codes: np.ndarray | None = None,
    title: str = "",
    axes: Axes | None = None,
) -> Figure:
    """What the decoder makes of every point of a rectangle of the latent plane.

    Args:
        decode: (N, 2) -> (N, H, W, 1) in [0, 1].
        limits: ((x_low, x_high), (y_low, y_high)).
        columns, rows: number of pictures along x and y.
        codes: (N, 2); if given, cells that hold no code are tinted: there the decoder was never trained.
        title: printed above.
        axes: where to draw; a new figure by default.
    """
    points = plane_points(limits, columns, rows)
    images = np.asarray(decode(points))
    rgb = np.repeat(images[..., :1], 3, axis=-1)
    if codes is not None:
        (x0, x1), (y0, y1) = limits
        edges = [np.linspace(x0, x1, columns + 1), np.linspace(y0, y1, rows + 1)]
        counts, _, _ = np.histogram2d(*check_codes(codes).T, bins=edges)
        empty = (counts.T[::-1] == 0).ravel()
        # Orange over dark pixels, so that the picture stays readable.
        rgb[empty] = np.maximum(rgb[empty], np.array([0.80, 0.36, 0.0]) * 0.55)
    sheet = montage(rgb, columns, gap=0)
    if axes is None:
        axes = sheet_axes(sheet, columns, images.shape[2], WIDTH)
    axes.imshow(sheet, extent=(*limits[0], *limits[1]), interpolation="nearest", aspect="auto")
    axes.set_xlabel("latent coordinate $z_1$")
    axes.set_ylabel("latent coordinate $z_2$")
    if title:
        axes.set_title(title, loc="left", fontsize=11)
    return axes.figure
