"""Pictures side by side."""

from collections.abc import Sequence

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from diffusion_course.plots.display import SHARP
from diffusion_course.plots.style import DPI, WIDTH

SIDE = 56  # screen pixels: narrower, nobody sees in a picture what the text says of it
WIDEST = 10.4  # inches: beyond it a page shrinks the figure, and the pictures with it
INNER = 0.775  # the share of a figure's width that Matplotlib gives to its axes, by default
GAP, NOTE = 6, 44  # pixels of the PNG between rows of pictures, without and with words in between


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


def whole_scale(side: float, columns: int, width: float, smallest: int = SIDE) -> float:
    """How much to enlarge pictures: by a whole number of the PNG's pixels, so that none is wider than another.

    Args:
        side: of a picture in its own pixels.
        columns: pictures beside each other.
        width: wished width of the figure in inches; it is exceeded where pictures would become smaller than they may,
            but not beyond WIDEST.
        smallest: how small pictures may become, in screen pixels.

    Returns:
        Pixels of the PNG per pixel of a picture; below 1 only for pictures that are larger than their place.
    """
    place = SHARP * DPI / columns / side
    room, wished = WIDEST * place, max(width * INNER * place, SHARP * smallest / side)
    if min(room, wished) < 1:
        return min(room, wished)
    return min(max(round(wished), -(-SHARP * smallest // side)), int(room))


def sheet_axes(sheet: np.ndarray, columns: int, pitch: int, width: float, smallest: int = SIDE) -> Axes:
    """Empty axes that fill a new figure, of the size of one `montage`; what is written around them is added outside.

    Args:
        sheet: what `montage` returned.
        columns: pictures per row.
        pitch: from one picture to the next, in pixels of the sheet.
        width, smallest: as in `whole_scale`.
    """
    scale = whole_scale(pitch, columns, width, smallest) / (SHARP * DPI)
    figure = plt.figure(figsize=(sheet.shape[1] * scale, sheet.shape[0] * scale))
    return figure.add_axes((0, 0, 1, 1))


def image_grid(images: np.ndarray, columns: int = 8, title: str = "", width: float = WIDTH) -> Figure:
    """A grid of pictures without axes.

    Args:
        images: (N, H, W, 1 or 3) in [0, 1].
        columns: pictures per row.
        title: printed above; may be empty.
        width: wished width of the figure in inches; each picture takes at least 56 screen pixels while there is room.
    """
    sheet = montage(images, columns)
    axes = sheet_axes(sheet, columns, np.shape(images)[2] + 1, width)
    axes.imshow(sheet, cmap="gray", vmin=0, vmax=1, interpolation="nearest", aspect="auto")
    axes.set_axis_off()
    if title:
        axes.set_title(title, loc="left", fontsize=11)
    return axes.figure


def image_rows(
    rows: Sequence[np.ndarray],
    labels: Sequence[str],
    column_labels: Sequence[str] | None = None,
    width: float = WIDTH,
    notes: Sequence[Sequence[str]] | None = None,
) -> Figure:
    """Labelled rows of pictures, for comparing column by column.

    Args:
        rows: R arrays (N, H, W, 1 or 3) in [0, 1], the same N each.
        labels: R texts, to the left of the rows.
        column_labels: N texts above the columns, or None.
        width: wished width of the figure in inches; each picture takes at least 56 screen pixels while there is room.
        notes: R rows of N short texts below the pictures, empty where there is none; or None.

    Raises:
        ValueError: numbers of rows, labels, notes or pictures differ.
    """
    n = {len(r) for r in rows} | {len(r) for r in notes or ()}
    if not len(rows) == len(labels) == len(rows if notes is None else notes) or len(n) != 1:
        raise ValueError(
            "`rows` must hold as many arrays as there are `labels` and `notes`, all of one length. "
            f"Received: lengths {[len(r) for r in rows]}, {len(labels)} labels"
            + (f" and notes of lengths {[len(r) for r in notes]}" if notes is not None else "")
        )
    (n,), rows = n, [check_images(r) for r in rows]
    height, side = rows[0].shape[1:3]
    wide = whole_scale(side, n, width) * side  # of a picture, in pixels of the PNG
    high = round(wide * height / side)
    left, top = [k * (wide + GAP) for k in range(n)], [0]
    for r in range(len(rows)):
        top.append(top[-1] + high + (NOTE if notes is not None and any(notes[r]) else GAP))
    total = (left[-1] + wide, top.pop() - GAP)
    figure = plt.figure(figsize=tuple(v / (SHARP * DPI) for v in total))
    axes = figure.add_axes((0, 0, 1, 1))  # its units are pixels of the PNG; labels stand outside
    for r, images in enumerate(rows):
        for k, image in enumerate(images):
            place = (left[k], left[k] + wide, top[r] + high, top[r])
            axes.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="nearest", extent=place)
            if notes is not None:
                axes.text(
                    left[k] + wide / 2, top[r] + high + 6, notes[r][k], fontsize=8, ha="center", va="top"
                )
    axes.set(xlim=(0, total[0]), ylim=(total[1], 0), aspect="auto")
    axes.set_yticks([y + high / 2 for y in top], labels, fontsize=10)
    texts = [] if column_labels is None else list(column_labels)[:n]
    axes.set_xticks([x + wide / 2 for x in left[: len(texts)]], texts, fontsize=9)
    axes.xaxis.tick_top()
    axes.tick_params(length=0, pad=6)
    axes.spines[:].set_visible(False)
    return figure
