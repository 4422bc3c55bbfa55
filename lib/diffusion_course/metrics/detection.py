"""How good is a detector of anomalies? Scores in, numbers out; **anomaly** is the positive class everywhere."""

import math
from dataclasses import dataclass

import numpy as np


def check_scores(scores: np.ndarray, is_anomaly: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns scores as float64 (N,) and truths as bool (N,).

    Raises:
        ValueError: shapes differ, a score is not finite, or one of the two kinds is missing.
    """
    scores, is_anomaly = np.asarray(scores, "float64"), np.asarray(is_anomaly)
    if scores.ndim != 1 or is_anomaly.shape != scores.shape:
        raise ValueError(
            "`scores` and `is_anomaly` must have the same shape (N,). "
            f"Received: shapes {scores.shape} and {is_anomaly.shape}"
        )
    if not np.isfinite(scores).all():
        raise ValueError(f"`scores` must be finite. Received: {scores[~np.isfinite(scores)][0]}")
    if is_anomaly.dtype != bool:
        raise ValueError(f"`is_anomaly` must be of type bool. Received: {is_anomaly.dtype}")
    if is_anomaly.all() or not is_anomaly.any():
        raise ValueError(
            "`is_anomaly` must hold both kinds. "
            f"Received: {int(is_anomaly.sum())} anomalies among {len(is_anomaly)}"
        )
    return scores, is_anomaly


def _average_ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1; equal values share the average of the ranks that they fill."""
    _, group, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return (last - (count - 1) / 2)[group]


def auroc(scores: np.ndarray, is_anomaly: np.ndarray) -> float:
    """Area under the ROC curve: the chance that a random anomaly scores higher than a random normal case.

    Computed from ranks, as Mann and Whitney's U divided by the number of pairs; a tie counts half.

    Args:
        scores: (N,), larger means stranger.
        is_anomaly: (N,) bool.

    Returns:
        0 to 1; 0.5 is guessing.

    Raises:
        ValueError: see `check_scores`.

    Reference: Hanley and McNeil, "The meaning and use of the area under a receiver operating characteristic
    (ROC) curve", Radiology 143 (1982).
    """
    scores, is_anomaly = check_scores(scores, is_anomaly)
    anomalies, normals = int(is_anomaly.sum()), int((~is_anomaly).sum())
    u = _average_ranks(scores)[is_anomaly].sum() - anomalies * (anomalies + 1) / 2
    return float(u / (anomalies * normals))


def auroc_interval(
    scores: np.ndarray,
    is_anomaly: np.ndarray,
    *,
    draws: int = 1_000,
    level: float = 0.95,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Bootstrap interval of the AUROC: how much would it move with another test set of this size?

    Normal cases and anomalies are drawn apart, with replacement, so that every draw has as many of each. The
    interval covers the chance of the test set, not that of training.

    Args:
        scores, is_anomaly: as in `auroc`.
        draws: number of resampled test sets.
        level: share of them inside the interval.
        rng: source of the draws.

    Returns:
        (low, high), percentiles of the resampled AUROCs.

    Raises:
        ValueError: see `check_scores`; or ``draws`` or ``level`` out of range.

    Reference: Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13.
    """
    scores, is_anomaly = check_scores(scores, is_anomaly)
    if draws < 100 or not 0 < level < 1:
        raise ValueError(
            "`draws` must be at least 100 and `level` between 0 and 1. "
            f"Received: draws={draws}, level={level}"
        )
    normals, anomalies = np.sort(scores[~is_anomaly]), scores[is_anomaly]
    values = []
    for _ in range(draws):
        drawn = np.sort(rng.choice(normals, len(normals)))
        strange = rng.choice(anomalies, len(anomalies))
        below = np.searchsorted(drawn, strange, "left") + np.searchsorted(drawn, strange, "right")
        values.append(below.mean() / (2 * len(drawn)))
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def roc_curve(scores: np.ndarray, is_anomaly: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The ROC curve: share of false alarms and share of anomalies caught, for every threshold that matters.

    A case raises the alarm when its score is **above** the threshold.

    Returns:
        ``(false_alarm_rate, recall, threshold)``, each (K,), from (0, 0) at the highest score to (1, 1) at
        minus infinity.

    Raises:
        ValueError: see `check_scores`.
    """
    scores, is_anomaly = check_scores(scores, is_anomaly)
    threshold = np.append(np.unique(scores)[::-1], -np.inf)

    def share_above(of: np.ndarray) -> np.ndarray:
        return 1 - np.searchsorted(np.sort(of), threshold, "right") / len(of)

    return share_above(scores[~is_anomaly]), share_above(scores[is_anomaly]), threshold


def threshold_at(normal_scores: np.ndarray, false_alarm_rate: float) -> float:
    """The threshold above which a new normal case lies with at most the stated chance.

    It is the k-th smallest score, k = ceil((n + 1) (1 - rate)). Where a new normal case comes from the same source
    as these n, all n + 1 ranks are equally likely, and so its chance to lie above is at most ``rate``. The n
    scores must come from normal cases that the model was **not** trained on; no anomaly is needed.

    Args:
        normal_scores: (n,), from a validation split.
        false_alarm_rate: between 0 and 1.

    Returns:
        The threshold; flag ``score > threshold``.

    Raises:
        ValueError: the rate is out of range, or smaller than n scores can support (n >= 1 / rate - 1).

    Reference: Laxhammar and Falkman, "Conformal prediction for distribution-independent anomaly detection in
    streaming vessel data", StreamKDD (2010).
    """
    normal_scores = np.asarray(normal_scores, "float64")
    if not 0 < false_alarm_rate < 1:
        raise ValueError(
            f"`false_alarm_rate` must lie between 0 and 1. Received: false_alarm_rate={false_alarm_rate}"
        )
    if normal_scores.ndim != 1 or not np.isfinite(normal_scores).all():
        raise ValueError(f"`normal_scores` must be finite, shape (n,). Received: shape {normal_scores.shape}")
    n = len(normal_scores)
    # The tiny number undoes rounding: (99 + 1) * (1 - 0.02) must count as 98, not as a little more.
    k = math.ceil((n + 1) * (1 - false_alarm_rate) - 1e-9)
    if k > n:
        raise ValueError(
            f"A false alarm rate of {false_alarm_rate} must have at least {math.ceil(1 / false_alarm_rate - 1)} "
            f"normal scores. Received: {n}"
        )
    return float(np.sort(normal_scores)[k - 1])


@dataclass(frozen=True)
class Confusion:
    """What became of each case: four counts (or, in a what-if, expected counts).

    Attributes:
        caught: anomalies that raised the alarm (true positives).
        missed: anomalies that did not (false negatives).
        false_alarms: normal cases that raised it (false positives).
        passed: normal cases that did not (true negatives).
    """

    caught: float
    missed: float
    false_alarms: float
    passed: float

    @property
    def recall(self) -> float:
        """Share of the anomalies that raised the alarm. NaN without anomalies."""
        return _ratio(self.caught, self.caught + self.missed)

    @property
    def precision(self) -> float:
        """Share of the alarms that were anomalies. NaN without alarms."""
        return _ratio(self.caught, self.caught + self.false_alarms)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall. NaN where there is neither an anomaly nor an alarm."""
        return _ratio(2 * self.caught, 2 * self.caught + self.missed + self.false_alarms)

    @property
    def accuracy(self) -> float:
        """Share of all cases that were judged right; it depends on how many anomalies there are."""
        return _ratio(self.caught + self.passed, self.caught + self.missed + self.false_alarms + self.passed)

    @property
    def false_alarm_rate(self) -> float:
        """Share of the normal cases that raised the alarm. NaN without normal cases."""
        return _ratio(self.false_alarms, self.false_alarms + self.passed)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


def confusion(scores: np.ndarray, is_anomaly: np.ndarray, threshold: float) -> Confusion:
    """Counts right and wrong verdicts when ``score > threshold`` raises the alarm.

    Args:
        scores, is_anomaly: as in `auroc`.
        threshold: fixed before these scores were seen; see `threshold_at`.

    Raises:
        ValueError: see `check_scores`.
    """
    scores, is_anomaly = check_scores(scores, is_anomaly)
    alarm = scores > threshold
    return Confusion(
        caught=int((alarm & is_anomaly).sum()),
        missed=int((~alarm & is_anomaly).sum()),
        false_alarms=int((alarm & ~is_anomaly).sum()),
        passed=int((~alarm & ~is_anomaly).sum()),
    )


@dataclass(frozen=True)
class ClassResult:
    """One kind of anomaly: how many, how many caught, and its AUROC against all normal cases."""

    count: int
    caught: int
    auroc: float


def by_class(
    scores: np.ndarray, labels: np.ndarray, threshold: float, normal: int = 1
) -> dict[int, ClassResult]:
    """The same judgement, kind of anomaly by kind.

    Args:
        scores: (N,), larger means stranger.
        labels: (N,) integers.
        threshold: as in `confusion`.
        normal: the label that is not an anomaly.

    Returns:
        Label -> ClassResult, for every label but ``normal``.

    Raises:
        ValueError: see `check_scores`.
    """
    scores, labels = np.asarray(scores), np.asarray(labels)
    check_scores(scores, labels != normal)
    results = {}
    for label in np.unique(labels[labels != normal]):
        mine, keep = labels == label, (labels == label) | (labels == normal)
        caught = int((scores[mine] > threshold).sum())
        results[int(label)] = ClassResult(int(mine.sum()), caught, auroc(scores[keep], mine[keep]))
    return results
