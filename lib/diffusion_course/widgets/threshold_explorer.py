"""Chapter 04's widget: move the threshold over the scores and watch the confusion table."""

from collections.abc import Mapping

import numpy as np

from diffusion_course.widgets.pictures import image_html
from diffusion_course.widgets.threshold_logic import Detector, in_words, table_html

# Anomalies among 1,000 beats; None: as many as the test set has.
SHARES = {"as in the test set": None}
SHARES |= {f"{n} per 1,000 beats": n for n in (500, 200, 100, 50, 20, 10, 5, 2, 1)}


def _histogram(detector: Detector, threshold: float, title: str = ""):
    """A figure that pyplot does not know of, so that no notebook shows it twice."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from diffusion_course.plots.detection import score_histogram

    figure = Figure(figsize=(7.4, 3.0), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    scores = np.concatenate([detector.normals, detector.anomalies])
    truth = np.arange(len(scores)) >= len(detector.normals)
    score_histogram(scores, truth, threshold=threshold, title=title, axes=figure.add_subplot())
    return figure


def still_figure(detectors: Mapping[str, Detector], thresholds: Mapping[str, float]):
    """What the widget shows at first, for readers without a kernel.

    Returns:
        A Matplotlib Figure and its description in words.
    """
    name = next(iter(detectors))
    table = detectors[name].confusion(thresholds[name])
    figure = _histogram(detectors[name], thresholds[name], name)
    figure.supxlabel(in_words(table).replace(": recall", ":\nrecall"), fontsize=9)
    alt = (
        f"Histograms of the scores of normal beats and anomalies for the detector {name}, with the threshold at "
        f"{thresholds[name]:.3g}. {in_words(table)} Run the cell to move the threshold yourself."
    )
    return figure, alt


def threshold_explorer(
    scores: Mapping[str, np.ndarray], is_anomaly: np.ndarray, thresholds: Mapping[str, float]
):
    """Shows the scores of test cases with a threshold to move, and what it means for alarms.

    Args:
        scores: name of the detector -> (N,) positive scores, larger means stranger.
        is_anomaly: (N,) bool.
        thresholds: name -> the threshold at which to begin.

    Returns:
        A widget; where no kernel runs, it shows a still figure instead.

    Raises:
        ValueError: there is no detector, or one has no threshold, or see `check_scores`.
    """
    if not scores or set(scores) != set(thresholds):
        raise ValueError(
            "`scores` and `thresholds` must name the same detectors, at least one. "
            f"Received: {sorted(scores)} and {sorted(thresholds)}"
        )
    detectors = {name: Detector.from_scores(s, is_anomaly) for name, s in scores.items()}
    from diffusion_course.widgets.panel import Panel, choice, log_slider, rearranged, stops

    def draw(name, threshold, share):
        result = detectors[name].confusion(threshold, SHARES[share])
        alt = f"Score histograms with the threshold at {threshold:.3g}. {in_words(result)}"
        return image_html(_histogram(detectors[name], threshold), alt) + table_html(result)

    name, threshold = (
        choice("detector", detectors),
        log_slider("threshold", thresholds[next(iter(detectors))]),
    )

    def begin_where_this_detector_does(_change=None):
        low, high = np.log10(detectors[name.value].limits())
        with rearranged(threshold):
            # Widen first: a slider refuses limits that exclude its value.
            threshold.min, threshold.max = -12, 12
            threshold.value = thresholds[name.value]
            threshold.min, threshold.max = float(low), float(high)

    begin_where_this_detector_does()
    name.observe(begin_where_this_detector_does, "value")
    controls = {"name": name, "threshold": threshold, "share": stops("anomalies", SHARES)}
    return Panel(draw, controls, lambda: still_figure(detectors, thresholds))
