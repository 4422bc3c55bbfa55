"""Charts of lines side by side, where one chart would mix scales."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from diffusion_course.plots.style import CLASS_COLOURS, CLASS_MARKERS

_DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), "-", "--")
_MARKED = 30  # more points than that are a line without signs


@dataclass(frozen=True)
class Panel:
    """One chart of lines.

    Attributes:
        lines: name -> (x values, y values), of one length each.
        title: printed above, left; may have two lines.
        xlabel, ylabel: with units.
        levels: name -> height of a thin dashed line, its name above its left end.
        levels_right: whether the names stand above the right ends instead.
        log_y: whether the y axis is logarithmic.
        xlim, ylim: as in Matplotlib; an ``xlim`` that falls turns the axis round.
        legend: whether it has one.
    """

    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]]
    title: str = ""
    xlabel: str = ""
    ylabel: str = ""
    levels: Mapping[str, float] = field(default_factory=dict)
    levels_right: bool = False
    log_y: bool = False
    xlim: tuple[float, float] | None = None
    ylim: tuple[float, float] | None = None
    legend: bool = True


def line_panels(panels: Sequence[Panel], columns: int | None = None, height: float = 3.0) -> Figure:
    """Charts in rows; a name has the same colour, sign and dash in all of them.

    Args:
        panels: filled row by row.
        columns: panels a row; by default all of them in one.
        height: of a row, in inches.

    Raises:
        ValueError: no panel, more names than colours, or a line whose x and y differ in length.
    """
    names = list(dict.fromkeys(name for panel in panels for name in panel.lines))
    if not panels or len(names) > len(CLASS_COLOURS):
        raise ValueError(
            f"`panels` must be one or more, with at most {len(CLASS_COLOURS)} names. "
            f"Received: {len(panels)} panels with {len(names)} names"
        )
    columns = columns or len(panels)
    rows = -(-len(panels) // columns)
    size = (max(4.4 * columns, 5.4) if columns < 3 else 3.4 * columns, height * rows)
    figure, grid = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    for axes, panel in zip(grid.flat, panels, strict=False):
        for name, (x, y) in panel.lines.items():
            if len(x) != len(y):
                raise ValueError(
                    f"x and y must be of one length. Received: {name} with {len(x)} and {len(y)}"
                )
            k = names.index(name)
            sign = {"marker": CLASS_MARKERS[k], "markersize": 4} if len(x) <= _MARKED else {}
            axes.plot(x, y, color=CLASS_COLOURS[k], linestyle=_DASHES[k % len(_DASHES)], label=name, **sign)
        _finish(axes, panel)
    for axes in list(grid.flat)[len(panels) :]:
        axes.set_axis_off()
    return figure


def _finish(axes, panel: Panel) -> None:
    axes.set(xlabel=panel.xlabel, ylabel=panel.ylabel)
    axes.set_title(panel.title, loc="left", fontsize=10)
    if panel.log_y:
        axes.set_yscale("log")
    if panel.xlim is not None:
        axes.set_xlim(*panel.xlim)
    if panel.ylim is not None:
        axes.set_ylim(*panel.ylim)
    axes.grid(alpha=0.3)
    for name, height in panel.levels.items():
        axes.axhline(height, color="0.35", linestyle="--", linewidth=1)
        place, side = (0.98, "right") if panel.levels_right else (0.02, "left")
        axes.text(
            place,
            height,
            name,
            fontsize=8,
            color="0.25",
            ha=side,
            va="bottom",
            transform=axes.get_yaxis_transform(),
        )
    if panel.legend and panel.lines:
        axes.legend(frameon=False, fontsize=8)


def density_panels(
    axis: np.ndarray, densities: Mapping[str, np.ndarray], *, xlabel: str, xlims: Sequence = ()
) -> Figure:
    """Densities of one number, each with the Gaussian of the same mean and spread.

    Args:
        axis: (N,), even steps.
        densities: title -> (N,), which integrate to 1 over ``axis``.
        xlabel: what the number is.
        xlims: the part of the axis that each panel shows, (low, high) or None; the whole by default.
    """
    figure, panels = plt.subplots(1, len(densities), figsize=(8.8, 2.8), layout="constrained")
    for axes, (title, density), xlim in zip(
        np.atleast_1d(panels), densities.items(), list(xlims) or [None] * len(densities), strict=True
    ):
        axes.fill_between(axis, density, color=CLASS_COLOURS[0], alpha=0.5, label="exact")
        axes.plot(
            axis,
            gaussian_like(axis, density),
            color="0.1",
            linestyle="--",
            label="Gaussian with its\nmean and spread",
        )
        axes.set_title(title, loc="left", fontsize=10)
        axes.set(xlabel=xlabel, yticks=[], ylim=(0, 1.75 * density.max()), xlim=xlim)
    np.atleast_1d(panels)[0].legend(frameon=False, fontsize=8, loc="upper right")
    return figure


def gaussian_like(axis: np.ndarray, density: np.ndarray) -> np.ndarray:
    """The normal density (N,) with the mean and the variance of a ``density`` (N,) over an even ``axis`` (N,)."""
    width = axis[1] - axis[0]
    mean = (axis * density).sum() * width
    variance = ((axis - mean) ** 2 * density).sum() * width
    return np.exp(-((axis - mean) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)
