"""Signals over time: a signal with its reconstruction, and how the error runs along it."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from diffusion_course.plots.style import CLASS_COLOURS, WIDTH

_DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))


def signal_overlays(
    signals: np.ndarray, reconstructions: np.ndarray, titles: Sequence[str], columns: int = 4
) -> Figure:
    """Each signal with its reconstruction; the area between them is the error.

    Args:
        signals, reconstructions: (N, T).
        titles: N texts.
        columns: panels per row.

    Raises:
        ValueError: shapes or numbers differ.
    """
    signals, reconstructions = np.asarray(signals), np.asarray(reconstructions)
    if signals.ndim != 2 or signals.shape != reconstructions.shape or len(titles) != len(signals):
        raise ValueError(
            "`signals` and `reconstructions` must have the same shape (N, T), with N titles. "
            f"Received: shapes {signals.shape} and {reconstructions.shape}, {len(titles)} titles"
        )
    rows = -(-len(signals) // columns)
    figure, grid = plt.subplots(
        rows,
        columns,
        figsize=(WIDTH * 1.1, 1.9 * rows + 0.4),
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    time = np.arange(signals.shape[1])
    for axes, signal, reconstruction, title in zip(grid.flat, signals, reconstructions, titles, strict=False):
        axes.fill_between(
            time, signal, reconstruction, color=CLASS_COLOURS[1], alpha=0.45, linewidth=0, label="error"
        )
        axes.plot(time, signal, color="black", linewidth=1.1, label="beat")
        axes.plot(
            time,
            reconstruction,
            color=CLASS_COLOURS[0],
            linewidth=1.4,
            linestyle="--",
            label="reconstruction",
        )
        axes.set_title(title, fontsize=9, loc="left")
        axes.grid(alpha=0.2)
    for axes in grid.flat[len(signals) :]:
        axes.set_axis_off()
    handles, names = grid.flat[0].get_legend_handles_labels()
    figure.supxlabel("point of the beat", fontsize=10)
    figure.legend(handles, names, loc="outside upper left", ncols=3, frameon=False, fontsize=9)
    return figure


def lines_along(
    lines: Mapping[str, np.ndarray],
    *,
    ylabel: str,
    bands: Mapping[str, tuple[np.ndarray, np.ndarray]] | None = None,
    title: str = "",
) -> Figure:
    """One line per name along the points of a signal, told apart by colour and by dashes.

    Args:
        lines: at most five of (T,).
        ylabel: with units.
        bands: name -> (low, high), each (T,): a shaded range behind the line of that name.
        title: printed above.

    Raises:
        ValueError: there are more than five lines.
    """
    if len(lines) > len(_DASHES):
        raise ValueError(f"`lines` must be at most {len(_DASHES)}. Received: {len(lines)}")
    figure, axes = plt.subplots(figsize=(WIDTH * 0.95, 3.6))
    for k, (name, y) in enumerate(lines.items()):
        if bands and name in bands:
            axes.fill_between(range(len(y)), *bands[name], color=CLASS_COLOURS[k], alpha=0.2, linewidth=0)
        axes.plot(y, color=CLASS_COLOURS[k], linestyle=_DASHES[k], linewidth=1.7, label=name)
    axes.set_xlabel("point of the beat")
    axes.set_ylabel(ylabel)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=9)
    if title:
        axes.set_title(title, loc="left", fontsize=11)
    return figure
