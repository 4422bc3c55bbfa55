"""What a guidance scale does to several measures at once."""

from collections.abc import Mapping, Sequence

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from diffusion_course.plots.style import CLASS_COLOURS, CLASS_MARKERS


def scale_curves(
    scales: Sequence[float], panels: Mapping[str, Mapping[str, Sequence[float]]], *, off: float = 1.0
) -> Figure:
    """Lines over guidance scales, a panel for each kind of measure; a dotted line stands where guidance is off.

    Scales lie evenly beside each other, whatever their distance: the interesting ones are the small ones.

    Args:
        scales: S values from low to high.
        panels: label of a vertical axis -> name of a line -> S values.
        off: the scale without guidance; not marked where it is none of ``scales``.

    Raises:
        ValueError: no panel, scales that do not rise, or a line of another length.
    """
    scales = list(scales)
    if not panels or not scales or scales != sorted(set(scales)):
        raise ValueError(
            f"`scales` must rise, with at least one panel. Received: {scales}, {len(panels)} panels"
        )
    wide = {1: (6.8,), 2: (4.6, 4.6)}.get(len(panels), (3.4,) * len(panels))
    figure, axes = plt.subplots(1, len(panels), figsize=(sum(wide), 3.6), squeeze=False)
    places = range(len(scales))
    for ax, (label, lines) in zip(axes[0], panels.items(), strict=True):
        for k, (name, values) in enumerate(lines.items()):
            if len(values) != len(scales):
                raise ValueError(
                    f"Each line must have {len(scales)} values. Received: {name} with {len(values)}"
                )
            pen = {"marker": CLASS_MARKERS[k], "color": CLASS_COLOURS[k % len(CLASS_COLOURS)], "label": name}
            ax.plot(places, values, **pen)
        if off in scales:
            ax.axvline(scales.index(off), color="0.5", ls=":", lw=1)
            ax.annotate("off", (scales.index(off), 1), (3, -10), xycoords=("data", "axes fraction"),
                        textcoords="offset points", fontsize=9, color="0.3")  # fmt: skip
        ax.set_xticks(places, [f"{s:g}" for s in scales])
        ax.set_xlabel("guidance scale")
        ax.set_ylabel(label)
        ax.set_ylim(bottom=0)
        ax.grid(alpha=0.3)
        if len(lines) > 1:
            ax.legend(frameon=False, fontsize=9)
    figure.tight_layout()
    return figure
