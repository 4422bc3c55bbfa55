"""Numbers over time or over a setting."""

from collections.abc import Mapping, Sequence

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from diffusion_course.plots.style import CLASS_COLOURS, CLASS_MARKERS


def plot_lines(
    x: Sequence[float],
    lines: Mapping[str, Sequence[float]],
    *,
    xlabel: str,
    ylabel: str,
    title: str = "",
    log_x: bool = False,
    log_y: bool = False,
) -> Figure:
    """Lines with markers over common x values, each with its own colour, sign and legend entry.

    Args:
        x: common values.
        lines: name -> y values, as many as ``x``.
        xlabel, ylabel: with units.
        title: printed above.
        log_x, log_y: logarithmic axes; a logarithmic x axis is labelled at the values of ``x``.

    Raises:
        ValueError: a line has another length than ``x``.
    """
    figure, axes = plt.subplots(figsize=(6.8, 3.8))
    for k, (name, y) in enumerate(lines.items()):
        if len(y) != len(x):
            raise ValueError(f"Each line must have {len(x)} values. Received: {name} with {len(y)}")
        axes.plot(x, y, marker=CLASS_MARKERS[k], color=CLASS_COLOURS[k], label=name)
    if log_x:
        axes.set_xscale("log", base=2)
        axes.set_xticks(list(x), [f"{v:g}" for v in x])
        axes.minorticks_off()
    elif all(float(v).is_integer() for v in x):
        axes.xaxis.get_major_locator().set_params(integer=True)  # no epoch 1.5
    if log_y:
        axes.set_yscale("log")
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    if title:
        axes.set_title(title, loc="left", fontsize=11)
    return figure
