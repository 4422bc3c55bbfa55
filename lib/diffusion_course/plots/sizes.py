"""Where the weights and the work of a network are: a bar for each of its parts, divided by kind."""

from collections.abc import Mapping

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from diffusion_course.plots.style import CLASS_COLOURS, WIDTH

HATCHES = ("", "///", "...", "xxx", "\\\\\\", "ooo")  # a second sign for each kind


def part_bars(panels: Mapping[str, Mapping[str, Mapping[str, float]]], *, width: float = WIDTH) -> Figure:
    """Horizontal bars, from the first part at the top to the last, with the same kinds in all panels.

    Args:
        panels: title with its unit -> part -> kind -> amount, from left to right. All panels have the same parts.
        width: of the figure in inches.

    Raises:
        ValueError: no panels, or panels with other parts.
    """
    parts = [list(panel) for panel in panels.values()]
    if not parts or any(found != parts[0] for found in parts) or not parts[0]:
        raise ValueError(f"`panels` must hold the same parts, at least one each. Received: {parts}")
    kinds = list(dict.fromkeys(kind for panel in panels.values() for part in panel.values() for kind in part))
    names = parts[0]
    size = (width, 1.3 + 0.32 * len(names))
    figure, axes = plt.subplots(1, len(panels), figsize=size, sharey=True, squeeze=False)
    for ax, (title, panel) in zip(axes[0], panels.items(), strict=True):
        ends = dict.fromkeys(names, 0.0)
        for k, kind in enumerate(kinds):
            amounts = [panel[name].get(kind, 0.0) for name in names]
            style = {"color": CLASS_COLOURS[k], "hatch": HATCHES[k % len(HATCHES)], "edgecolor": "white"}
            ax.barh(names, amounts, left=list(ends.values()), label=kind, height=0.75, lw=0.4, **style)
            ends = {name: ends[name] + amount for name, amount in zip(names, amounts, strict=True)}
        ax.set_xlim(0, 1.05 * max(ends.values()))
        ax.set_xlabel(title)
        ax.grid(axis="x", alpha=0.3)
        ax.set_axisbelow(True)
    axes[0][0].invert_yaxis()
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="upper center", ncols=min(len(kinds), 5), frameon=False, fontsize=9,
        bbox_to_anchor=(0.5, 1.0),
    )  # fmt: skip
    figure.tight_layout(rect=(0, 0, 1, 1 - 0.3 / size[1]))
    return figure
