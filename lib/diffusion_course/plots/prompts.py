"""Sentences, and the pictures that a model made of them."""

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from diffusion_course.plots.display import SHARP
from diffusion_course.plots.grids import check_images, whole_scale
from diffusion_course.plots.style import DPI, WIDTH

LINE = 12  # points from one line of text to the next
FONT = 8.5
LETTER = 0.55  # width of a letter, as a share of the font's size


def prompt_sheet(
    pictures: np.ndarray, prompts: Sequence[str], columns: int = 4, width: float = WIDTH
) -> Figure:
    """Pictures in rows, each with its sentence below it.

    Args:
        pictures: (N, H, W, 1 or 3) in [0, 1].
        prompts: N texts, wrapped to the width of a picture.
        columns: pictures per row.
        width: wished width of the figure in inches; each picture takes at least 56 screen pixels while there is room.

    Raises:
        ValueError: pictures of another shape, another number of texts, or no column.
    """
    images = check_images(pictures, "pictures")
    if len(images) != len(prompts) or not len(images) or columns < 1:
        raise ValueError(
            "There must be pictures, a text for each, and at least one column. "
            f"Received: {len(images)} pictures, {len(prompts)} texts, columns={columns}"
        )
    columns = min(columns, len(images))
    height, side = images.shape[1:3]
    wide = whole_scale(1.12 * side, columns, width / 0.775) * side  # of a picture, in pixels of the PNG
    high, gap, point = wide * height / side, 0.12 * wide, SHARP * DPI / 72
    letters = max(8, int(wide / point / (LETTER * FONT)))
    texts = [textwrap.wrap(text, letters) or [""] for text in prompts]
    tops = [0.0]
    for first in range(0, len(images), columns):
        lines = max(len(text) for text in texts[first : first + columns])
        tops.append(tops[-1] + high + (lines * LINE + 8) * point)
    total = (columns * (wide + gap) - gap, tops.pop() if len(tops) > 1 else high)
    figure = plt.figure(figsize=tuple(value / (SHARP * DPI) for value in total))
    axes = figure.add_axes((0, 0, 1, 1))  # its units are pixels of the PNG
    for k, (image, text) in enumerate(zip(images, texts, strict=True)):
        left, top = k % columns * (wide + gap), tops[k // columns]
        place = (left, left + wide, top + high, top)
        axes.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="nearest", extent=place)
        axes.text(left, top + high + 3 * point, "\n".join(text), fontsize=FONT, va="top", linespacing=1.25)
    axes.set(xlim=(0, total[0]), ylim=(total[1], 0), aspect="auto")
    axes.set_axis_off()
    return figure
