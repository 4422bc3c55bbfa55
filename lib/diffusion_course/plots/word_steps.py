"""Which word drove which pixel, and when: maps of a text's words at moments of a walk from noise to a picture."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from diffusion_course.plots.attention import heat
from diffusion_course.plots.grids import image_rows
from diffusion_course.plots.style import WIDTH


def relative_heat(maps: np.ndarray) -> np.ndarray:
    """Maps (S, H, W) of one word as colours (S, H, W, 3), yellow where the word gets most at any moment.

    Words differ much in how often they are looked at; by a common scale only the loudest could be seen.
    """
    maps = np.asarray(maps, "float64")
    return heat(maps / max(maps.max(), 1e-12))


def word_steps(
    pictures: np.ndarray,
    maps: np.ndarray,
    words: Sequence[str],
    labels: Sequence[str],
    *,
    width: float = WIDTH,
) -> Figure:
    """A row for each moment: the picture that the network expects, and how much its pixels look at each word.

    Args:
        pictures: (S, H, W, 3) in [0, 1].
        maps: (S, h, w, L); h and w divide H and W. Of each word dark blue is 0 and yellow its largest weight in any
            row, which is written above its column.
        words: L names.
        labels: S texts, left of the rows.
        width: wished width of the figure, as in `image_rows`.

    Raises:
        ValueError: numbers of moments or words differ.
    """
    pictures, maps = np.asarray(pictures), np.asarray(maps)
    if not len(pictures) == len(maps) == len(labels) or maps.shape[-1] != len(words):
        raise ValueError(
            "There must be as many `pictures`, `maps` and `labels`, and a word per map. Received: "
            f"{len(pictures)}, {len(maps)}, {len(labels)}; {maps.shape[-1]} maps for {len(words)} words"
        )
    factor = pictures.shape[1] // maps.shape[1]
    coloured = np.stack([relative_heat(maps[..., k]) for k in range(len(words))], axis=1)  # (S, L, h, w, 3)
    coloured = coloured.repeat(factor, axis=2).repeat(factor, axis=3)
    rows = [np.concatenate([p[None], m]) for p, m in zip(pictures, coloured, strict=True)]
    most = maps.max(axis=(0, 1, 2))
    heads = ["expected", *(f"{word}\n{value:.2f}" for word, value in zip(words, most, strict=True))]
    return image_rows(rows, labels, heads, width=width)
