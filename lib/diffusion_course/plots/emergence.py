"""What a network has learned of a text by when: a line for each attribute over the steps of a training."""

from collections.abc import Mapping, Sequence

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from diffusion_course.plots.style import CLASS_COLOURS, CLASS_MARKERS

TOGETHER, PRODUCT = "together", "product"
ORDER = (
    "size",
    "colour",
    "shape",
    "background",
    "position",
    "relation",
)  # so that colours mean the same anywhere


def emergence_curves(panels: Mapping[str, tuple[Sequence[int], Mapping[str, Sequence[float]]]]) -> Figure:
    """Shares of pictures that follow the text over training steps, a panel for each training or kind of prompt.

    Attributes are coloured lines with signs; "together", all of them at once, is thick and black; "product", of the
    attributes' shares, is dashed.

    Args:
        panels: title -> (S steps that rise, name -> S shares from 0 to 1).

    Raises:
        ValueError: no panel, steps that do not rise, or a line of another length.
    """
    if not panels:
        raise ValueError("`panels` must hold at least one. Received: none")
    wide = 6.8 if len(panels) == 1 else 9.6 / len(panels)
    figure, axes = plt.subplots(1, len(panels), figsize=(wide * len(panels), 3.7), squeeze=False, sharey=True)
    handles = {}
    for ax, (title, (steps, lines)) in zip(axes[0], panels.items(), strict=True):
        steps = list(steps)
        if not steps or steps != sorted(set(steps)):
            raise ValueError(f"Steps must rise, at least one. Received: {title} with {steps}")
        for name, values in lines.items():
            if len(values) != len(steps):
                raise ValueError(
                    f"Each line must have {len(steps)} values. Received: {name} with {len(values)}"
                )
            handles.setdefault(name, ax.plot(steps, values, label=name, **_pen(name))[0])
        ax.set_title(title, loc="left", fontsize=11)
        ax.set_xlabel("training steps")
        ax.set_ylim(-0.02, 1.04)
        ax.set_xlim(left=0)
        ax.grid(alpha=0.3)
    axes[0][0].set_ylabel("share right")
    figure.tight_layout(rect=(0, 0.13, 1, 1))
    figure.legend(
        handles.values(), handles, loc="lower center", ncols=len(handles), frameon=False, fontsize=9,
        columnspacing=1.2, handletextpad=0.4,
    )  # fmt: skip
    return figure


def _pen(name: str) -> dict:
    if name == TOGETHER:
        return {"color": "black", "lw": 2.5, "zorder": 3}
    if name == PRODUCT:
        return {"color": "black", "lw": 1.2, "ls": "--", "zorder": 3}
    k = ORDER.index(name) if name in ORDER else len(ORDER)
    return {"color": CLASS_COLOURS[k], "marker": CLASS_MARKERS[k], "ms": 4, "lw": 1.4}
