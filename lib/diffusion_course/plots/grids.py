"""Pictures side by side."""

from collections.abc import Sequence

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from diffusion_course.plots.style import WIDTH


def check_images(images: np.ndarray, name: str = "images") -> np.ndarray:
    """Returns images as (N, H, W) or (N, H, W, 3), clipped to [0, 1].

    Raises:
        ValueError: the array is not (N, H, W, 1) or (N, H, W, 3).
    """
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise ValueError(
            f"`{name}` must have shape (N, H, W, 1) or (N, H, W, 3). Received: shape {images.shape}"
        )
    images = np.clip(images, 0, 1)
    return images[..., 0] if images.shape[-1] == 1 else images


def montage(images: np.ndarray, columns: int, gap: int = 1) -> np.ndarray:
    """One large picture from N small ones, filled row by row; unused places and gaps are white.

    Args:
        images: (N, H, W, 1 or 3) in [0, 1].
        columns: pictures per row.
        gap: white pixels between pictures.

    Returns:
        (rows * (H + gap) - gap, columns * (W + gap) - gap) or with a last axis of 3.
    """
    images = check_images(images)
    if columns < 1:
        raise ValueError(f"`columns` must be at least 1. Received: columns={columns}")
    n, h, w = images.shape[:3]
    rows = -(-n // columns)
    sheet = np.ones((rows * (h + gap) - gap, columns * (w + gap) - gap, *images.shape[3:]), images.dtype)
    for i, image in enumerate(images):
        y, x = (i // columns) * (h + gap), (i % columns) * (w + gap)
        sheet[y : y + h, x : x + w] = image
    return sheet


def image_grid(images: np.ndarray, columns: int = 8, title: str = "", width: float = WIDTH) -> Figure:
    """A grid of pictures without axes.

    Args:
        images: (N, H, W, 1 or 3) in [0, 1].
        columns: pictures per row.
        title: printed above; may be empty.
        width: of the figure in inches.
    """
    sheet = montage(images, columns)
    figure, axes = plt.subplots(
        figsize=(width, width * sheet.shape[0] / sheet.shape[1] + (0.35 if title else 0))
    )
    axes.imshow(sheet, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set_axis_off()
    if title:
        axes.set_title(title, loc="left", fontsize=11)
    return figure


def image_rows(
    rows: Sequence[np.ndarray],
    labels: Sequence[str],
    column_labels: Sequence[str] | None = None,
    width: float = WIDTH,
) -> Figure:
    """Labelled rows of pictures, for comparing column by column.

    Args:
        rows: R arrays (N, H, W, 1 or 3) in [0, 1], the same N each.
        labels: R texts, to the left of the rows.
        column_labels: N texts above the columns, or None.
        width: of the figure in inches.

    Raises:
        ValueError: numbers of rows, labels or pictures differ.
    """
    if len(rows) != len(labels) or len({len(r) for r in rows}) != 1:
        raise ValueError(
            "`rows` must hold as many arrays as there are `labels`, all of one length. "
            f"Received: lengths {[len(r) for r in rows]} and {len(labels)} labels"
        )
    n = len(rows[0])
    height = width * len(rows) / (n + 1.6)
    figure, grid = plt.subplots(len(rows), n, figsize=(width, height + 0.3), squeeze=False)
    for axes_row, images, label in zip(grid, rows, labels, strict=True):
        for axes, image in zip(axes_row, check_images(images), strict=True):
            axes.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            axes.set_xticks([])
            axes.set_yticks([])
            axes.spines[:].set_visible(False)
        axes_row[0].set_ylabel(label, rotation=0, ha="right", va="center", fontsize=10, labelpad=8)
    for axes, text in zip(grid[0], column_labels or (), strict=False):
        axes.set_title(text, fontsize=9)
    figure.subplots_adjust(wspace=0.05, hspace=0.05)
    return figure
