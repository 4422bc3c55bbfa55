"""Matrices as coloured squares: who resembles whom, who sees whom."""

from collections.abc import Sequence

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from diffusion_course.plots.style import WIDTH


def heat_maps(
    matrices: Sequence[np.ndarray],
    titles: Sequence[str],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    label: str,
    limits: tuple[float, float] | None = None,
    xlabel: str = "",
    ylabel: str = "",
    width: float = WIDTH,
) -> Figure:
    """Matrices of one shape beside each other, on one scale of colours; what is NaN stays grey.

    Args:
        matrices: K arrays (N, M).
        titles: K texts above them.
        rows: N texts, left of the first one.
        columns: M texts below each, turned by a quarter where they are words.
        label: what the colours mean.
        limits: values of the darkest and the brightest colour; by default the extremes of all matrices.
        xlabel, ylabel: of the axes.
        width: of the figure in inches.

    Raises:
        ValueError: a matrix is not (N, M), or there are not as many titles as matrices.
    """
    matrices = [np.asarray(matrix, "float64") for matrix in matrices]
    shape = (len(rows), len(columns))
    if len(titles) != len(matrices) or not matrices or any(matrix.shape != shape for matrix in matrices):
        raise ValueError(
            f"`matrices` must hold arrays of shape {shape}, one for each title. "
            f"Received: shapes {[matrix.shape for matrix in matrices]}, {len(titles)} titles"
        )
    low, high = limits or (min(map(np.nanmin, matrices)), max(map(np.nanmax, matrices)))
    side = width / len(matrices)
    figure, axes = plt.subplots(
        1,
        len(matrices),
        figsize=(width, side * shape[0] / shape[1] + 0.4),
        squeeze=False,
        layout="constrained",
    )
    colours = plt.get_cmap("cividis").with_extremes(bad="0.85")
    turned = 90 if any(len(text) > 2 for text in columns) else 0
    for k, (ax, matrix) in enumerate(zip(axes[0], matrices, strict=True)):
        picture = ax.imshow(np.ma.masked_invalid(matrix), cmap=colours, vmin=low, vmax=high, aspect="auto")
        ax.set_title(titles[k], loc="left", fontsize=10)
        ax.set_xticks(range(shape[1]), columns, rotation=turned, fontsize=8)
        ax.set_yticks(range(shape[0]), rows if k == 0 else [""] * shape[0], fontsize=8)
        ax.set_xlabel(xlabel)
        ax.tick_params(length=0)
    axes[0, 0].set_ylabel(ylabel)
    figure.colorbar(picture, ax=axes[0].tolist(), label=label, shrink=0.9)
    return figure
