"""A detector's scores: histograms with a threshold, and ROC curves."""

from collections.abc import Mapping

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from diffusion_course.plots.style import CLASS_COLOURS

_DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))


def score_histogram(
    scores: np.ndarray,
    is_anomaly: np.ndarray,
    *,
    threshold: float | None = None,
    xlabel: str = "score",
    title: str = "",
    axes: Axes | None = None,
    bins: int = 50,
) -> Figure:
    """Histograms of the scores of normal cases and of anomalies, on a logarithmic axis.

    Both are counts, drawn over each other: filled for normal cases, outlined and hatched for anomalies.

    Args:
        scores: (N,), positive.
        is_anomaly: (N,) bool.
        threshold: drawn as a vertical line, if given.
        xlabel: what the score is.
        title: printed above.
        axes: where to draw; a new figure by default.
        bins: number of bars.

    Raises:
        ValueError: a score is not positive.
    """
    scores, is_anomaly = np.asarray(scores), np.asarray(is_anomaly, bool)
    if not (scores > 0).all():
        raise ValueError(f"`scores` must be positive. Received: {scores.min()} as the smallest")
    if axes is None:
        _, axes = plt.subplots(figsize=(7.4, 3.2))
    edges = np.geomspace(scores.min() * 0.98, scores.max() * 1.02, bins + 1)
    axes.hist(scores[~is_anomaly], edges, color=CLASS_COLOURS[0], alpha=0.75, label="normal")
    axes.hist(
        scores[is_anomaly], edges, histtype="step", hatch="////", color=CLASS_COLOURS[2], label="anomaly"
    )
    if threshold is not None:
        axes.axvline(threshold, color="black", linestyle="--", linewidth=1.3, label="threshold")
    axes.set_xscale("log")
    ticks = [t for t in (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10) if edges[0] <= t <= edges[-1]]
    axes.set_xticks(ticks, [f"{t:g}" for t in ticks])
    axes.minorticks_off()
    axes.set_xlabel(xlabel)
    axes.set_ylabel("beats")
    axes.legend(frameon=False, fontsize=9)
    if title:
        axes.set_title(title, loc="left", fontsize=11)
    return axes.figure


def roc_curves(
    curves: Mapping[str, tuple[np.ndarray, np.ndarray]],
    *,
    zoom: float = 0.1,
    marks: Mapping[str, tuple[float, float]] | None = None,
) -> Figure:
    """ROC curves: whole on the left, the corner of few false alarms on the right.

    Args:
        curves: name -> (false alarm rate, recall), each (K,); at most five.
        zoom: largest false alarm rate of the right panel.
        marks: name -> (false alarm rate, recall) of the chosen threshold, drawn as a ring.
    """
    figure, panels = plt.subplots(1, 2, figsize=(8.8, 3.8))
    for axes in panels:
        for k, (name, (false_alarms, recall)) in enumerate(curves.items()):
            axes.plot(
                false_alarms, recall, color=CLASS_COLOURS[k], linestyle=_DASHES[k], linewidth=1.8,
                label=name, drawstyle="steps-post",
            )  # fmt: skip
            if marks and name in marks:
                axes.plot(*marks[name], "o", color=CLASS_COLOURS[k], markersize=9, fillstyle="none", mew=2)
        axes.set_xlabel("false alarms (share of normal beats)")
        axes.grid(alpha=0.3)
    panels[0].plot([0, 1], [0, 1], color="0.6", linewidth=1, linestyle=":")
    panels[0].text(
        0.5, 0.51, "guessing", color="0.4", fontsize=9, ha="center", va="bottom",
        rotation=45, rotation_mode="anchor", transform_rotates_text=True,
    )  # fmt: skip
    panels[0].set_ylabel("recall (share of anomalies caught)")
    panels[0].legend(frameon=False, fontsize=9, loc="lower right")
    panels[1].set_xlim(-0.002, zoom)
    panels[1].set_title("the left edge, enlarged", fontsize=10, loc="left")
    figure.tight_layout()
    return figure
