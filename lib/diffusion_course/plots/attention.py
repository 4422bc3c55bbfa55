"""Where pixels look: maps of attention, one per word, and the matrix that they are columns of."""

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from diffusion_course.plots.grids import image_rows
from diffusion_course.plots.style import WIDTH


def heat(weights: np.ndarray) -> np.ndarray:
    """Weights from 0 to 1 as colours (..., 3) from dark blue to yellow, in a scale that every eye can read."""
    return np.asarray(colormaps["cividis"](np.clip(weights, 0, 1)))[..., :3]


def word_maps(
    pictures: np.ndarray,
    painted: np.ndarray,
    weights: np.ndarray,
    words: Sequence[Sequence[str]],
    labels: Sequence[str] | None = None,
    width: float = WIDTH,
) -> Figure:
    """A row per example: what the network saw, what it made of it, and how much each cell looked at each word.

    Args:
        pictures: (R, H, W, 1) in [0, 1].
        painted: (R, H, W, 3) in [0, 1].
        weights: (R, h, w, L); h and w divide H and W. Dark blue is 0, yellow 1.
        words: R lists of at most L words; beyond them, padding.
        labels: R texts, left of the rows.
        width: wished width of the figure, as in `image_rows`.

    Raises:
        ValueError: numbers of examples differ.
    """
    if not len(pictures) == len(painted) == len(weights) == len(words):
        raise ValueError(
            "There must be as many `pictures`, `painted`, `weights` and `words`. "
            f"Received: {len(pictures)}, {len(painted)}, {len(weights)}, {len(words)}"
        )
    factor = pictures.shape[1] // weights.shape[1]
    rows, notes = [], []
    for picture, paint, map_, names in zip(pictures, painted, weights, words, strict=True):
        maps = heat(np.moveaxis(map_, -1, 0)).repeat(factor, 1).repeat(factor, 2)  # (L, H, W, 3)
        rows.append(np.concatenate([np.repeat(picture, 3, -1)[None], paint[None], maps]))
        notes.append(["picture", "painted", *names, *["–"] * (map_.shape[-1] - len(names))])
    return image_rows(rows, [""] * len(rows) if labels is None else labels, notes=notes, width=width)


def word_matrix(weights: np.ndarray, words: Sequence[str], deciding: np.ndarray) -> Figure:
    """Rows of an attention matrix, those of cells that belong to shapes, sorted by shape.

    Args:
        weights: (N, L), a row per cell. Dark blue is 0, yellow 1.
        words: at most L; beyond them, padding.
        deciding: (N,), for each cell the place of the word that names its shape; -1 for none.

    Raises:
        ValueError: no cell belongs to a shape.
    """
    if not (deciding >= 0).any():
        raise ValueError("At least one cell must belong to a shape. Received: `deciding` of -1 alone")
    order = np.argsort(deciding, kind="stable")[(deciding < 0).sum() :]
    figure, ax = plt.subplots(figsize=(5.2, 3.6))
    ax.imshow(weights[order], cmap="cividis", vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    length = weights.shape[1]
    ax.set_xticks(range(length), [*words, *["–"] * (length - len(words))], rotation=45, fontsize=9)
    starts = np.flatnonzero(np.diff(deciding[order], prepend=-1))
    ax.set_yticks(starts, [f"cells of the {words[deciding[order[s]]]}" for s in starts], fontsize=9)
    for s in starts[1:]:
        ax.axhline(s - 0.5, color="white", lw=0.8)
    figure.tight_layout()
    return figure
