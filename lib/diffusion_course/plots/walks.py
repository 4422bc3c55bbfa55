"""What came of several walks, beside a quantity that was watched on the way (chapters 07 and 09)."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from diffusion_course.plots.grids import check_images
from diffusion_course.plots.style import CLASS_COLOURS, CLASS_MARKERS


def ends_and_curves(
    ends: Mapping[str, np.ndarray],
    curves: Mapping[str, Sequence[float]],
    expected: Sequence[float],
    *,
    xlabel: str = "calls so far",
    ylabel: str = "",
) -> Figure:
    """Left, a row of results for each walk; right, its curve over the calls, with a dotted line for what it should be.

    Args:
        ends: name -> (N, H, W, 1) in [0, 1], the same N each.
        curves: the same names -> S numbers, one per call.
        expected: S numbers.
        xlabel, ylabel: of the curves.

    Raises:
        ValueError: names differ, or a curve has not as many numbers as ``expected``.
    """
    if list(ends) != list(curves) or any(len(curve) != len(expected) for curve in curves.values()):
        raise ValueError(
            f"`curves` must have the names of `ends` and {len(expected)} numbers each. Received: {list(ends)} and "
            f"{ {name: len(curve) for name, curve in curves.items()} }"
        )
    rows = [np.concatenate(list(check_images(pictures)), axis=1) for pictures in ends.values()]
    side = rows[0].shape[0]
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(11.5, 0.9 + 0.72 * max(len(rows), 3)), width_ratios=(1.5, 1)
    )
    left.imshow(np.concatenate(rows), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    left.set_yticks(side / 2 + side * np.arange(len(rows)), list(ends))
    left.set_xticks([])
    left.tick_params(length=0)
    left.spines[:].set_visible(False)
    calls = np.arange(1, len(expected) + 1)
    right.plot(calls, expected, color="0.2", linestyle=":", linewidth=2, label="as it should be")
    for k, (name, curve) in enumerate(curves.items()):
        right.plot(
            calls,
            curve,
            color=CLASS_COLOURS[k],
            marker=CLASS_MARKERS[k],
            markersize=4,
            linewidth=1.3,
            label=name,
        )
    right.set_xlabel(xlabel)
    right.set_ylabel(ylabel)
    right.grid(alpha=0.3)
    right.legend(frameon=False, fontsize=8)
    figure.tight_layout()
    return figure
