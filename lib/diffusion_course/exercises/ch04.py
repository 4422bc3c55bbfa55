"""Exercises of chapter 04: a threshold with a promise, a score, rare anomalies, the AUROC, the cheapest threshold."""

import numpy as np

from diffusion_course.exercises.base import Exercise

EXERCISES: dict[str, Exercise] = {}


def conformal_threshold(normal_scores, rate):
    n = len(normal_scores)
    # Of n + 1 ranks so many may be alarms; the tiny number undoes rounding: 100 * 0.02 counts as 2.
    alarms = int((n + 1) * rate + 1e-9)
    if alarms == 0:
        return np.inf  # too few scores: only a threshold that nothing exceeds keeps the promise
    return np.sort(normal_scores)[n - alarms]  # the (n + 1 - alarms)-th smallest


def _plain_share(scores, rate):
    """At most a share ``rate`` of the n scores lies above, without the new one."""
    return np.sort(scores)[len(scores) - int(rate * len(scores) + 1e-9) - 1]


EXERCISES["conformal_threshold"] = Exercise(
    "04.1",
    conformal_threshold,
    cases=[
        (np.exp(np.random.default_rng(n).normal(size=n)), rate)
        for n, rate in ((30, 0.02), (199, 0.02), (99, 0.02), (50, 0.1))
    ],
    rtol=1e-9,
    atol=0,
    wrong={
        "lower end": lambda s, r: np.sort(s)[int(r * len(s))],
        "mean plus deviation": lambda s, r: s.mean() + s.std(),
        "new beat forgotten": _plain_share,
        "largest score": lambda s, r: s.max(),
        "one too low": lambda s, r: np.sort(s)[max(len(s) - int((len(s) + 1) * r + 1e-9) - 1, 0)],
    },
    hints={
        "lower end": "you cut at the lower end; strange beats have large scores.",
        "mean plus deviation": "mean plus standard deviation promises no rate at all; count instead.",
        "new beat forgotten": (
            "the new beat is one of n + 1, not of n: k ranks may be alarms, the largest k with k / (n + 1) <= rate. If "
            "that is none, no score will do, and only infinity keeps the promise."
        ),
        "largest score": "the largest score keeps the promise only where one alarm in n + 1 is all that you may have.",
        "one too low": "one too low: more than the promised share of the n + 1 ranks lies above your threshold.",
    },
)


def averaged_score(residual, width):
    sums = np.cumsum(np.pad(residual, ((0, 0), (1, 0))), axis=1)  # (N, T + 1)
    average = (sums[:, width:] - sums[:, :-width]) / width  # (N, T - width + 1)
    return np.sqrt((average**2).mean(axis=1))


def _averaged(residual, width, mode="valid"):
    return np.stack([np.convolve(row, np.ones(width) / width, mode) for row in residual])


_residuals = np.random.default_rng(3).normal(size=(4, 20))

EXERCISES["averaged_score"] = Exercise(
    "04.2",
    averaged_score,
    cases=[(_residuals, 9), (_residuals, 1), (_residuals[:2], 20)],
    shape="one number per beat",
    wrong={
        "squared first": lambda r, w: np.sqrt(_averaged(r**2, w).mean(axis=1)),
        "size first": lambda r, w: np.sqrt((_averaged(np.abs(r), w) ** 2).mean(axis=1)),
        "sums": lambda r, w: w * averaged_score(r, w),
        "beyond the ends": lambda r, w: np.sqrt((_averaged(r, w, "same") ** 2).mean(axis=1)),
        "far beyond the ends": lambda r, w: np.sqrt((_averaged(r, w, "full") ** 2).mean(axis=1)),
        "no root": lambda r, w: averaged_score(r, w) ** 2,
        "mean size": lambda r, w: np.abs(_averaged(r, w)).mean(axis=1),
        "largest": lambda r, w: np.abs(_averaged(r, w)).max(axis=1),
    },
    hints={
        "squared first": "average the residual with its sign, and square afterwards: noise must be able to cancel.",
        "size first": "average the residual with its sign: in a mean of sizes nothing cancels.",
        "sums": "an average was asked for: divide the sum of a window by its width.",
        "beyond the ends": "windows that reach beyond the beat count too; take whole ones only, T - width + 1.",
        "far beyond the ends": "you have more windows than the beat has points; take whole windows only.",
        "no root": "the root is missing: root mean square.",
        "mean size": "that is the mean of the sizes; the root of the mean square was asked for.",
        "largest": "that is the largest value; the root of the mean square was asked for.",
    },
)


def precision_at(recall, false_alarm_rate, prevalence):
    caught = prevalence * recall
    false_alarms = (1 - prevalence) * false_alarm_rate
    return caught / (caught + false_alarms)


EXERCISES["precision_at"] = Exercise(
    "04.3",
    precision_at,
    cases=[(0.9, 0.02, 0.42), (0.98, 0.02, 0.001), (0.5, 0.2, 0.1)],
    rtol=1e-9,
    wrong={
        "prevalence ignored": lambda r, f, p: r / (r + f),
        "all beats are normal": lambda r, f, p: p * r / (p * r + f),
        "accuracy": lambda r, f, p: p * r + (1 - p) * (1 - f),
        "not a share": lambda r, f, p: r * p / f,
    },
    hints={
        "prevalence ignored": "weigh both by how common they are; you assumed as many anomalies as normal beats.",
        "all beats are normal": "false alarms come from normal beats only, a share 1 - prevalence of all.",
        "accuracy": "that is the accuracy; precision asks how many of the alarms are right.",
        "not a share": "a precision lies between 0 and 1.",
    },
    kinds={"not a share": lambda got, want, r, f, p: not 0 <= got <= 1},
)


def area_under_roc(scores, is_anomaly):
    strange, usual = scores[is_anomaly][:, None], scores[~is_anomaly][None]  # (P, 1) and (1, Q)
    return float(((strange > usual) + 0.5 * (strange == usual)).mean())  # over all P x Q pairs


def _wins(compare):
    return lambda s, a: compare(s[a][:, None], s[~a][None])


_is_anomaly = np.random.default_rng(1).random(200) < 0.4
_scores = np.random.default_rng(2).normal(size=200) + _is_anomaly

EXERCISES["area_under_roc"] = Exercise(
    "04.4",
    area_under_roc,
    cases=[(_scores, _is_anomaly), (np.round(_scores), _is_anomaly)],  # the second has ties
    rtol=1e-9,
    wrong={
        "other way round": lambda s, a: 1 - area_under_roc(s, a),
        "ties lose": lambda s, a: _wins(np.greater)(s, a).mean(),
        "ties win": lambda s, a: _wins(np.greater_equal)(s, a).mean(),
        "not divided": lambda s, a: _wins(np.greater)(s, a).sum(),
        "difference of means": lambda s, a: s[a].mean() - s[~a].mean(),
    },
    hints={
        "other way round": "the other way round: count pairs in which the anomaly has the larger score.",
        "ties lose": "a tie is half a win; you count it as none.",
        "ties win": "a tie is half a win; you count it as a whole.",
        "not divided": "divide by the number of pairs, anomalies times normal beats.",
        "difference of means": "only the order of the scores counts, pair by pair, not how far they lie apart.",
    },
)


def cheapest_threshold(scores, is_anomaly, prevalence, price):
    best, cheapest = None, np.inf
    for threshold in np.sort(scores):
        missed = (scores[is_anomaly] <= threshold).mean()
        false_alarms = (scores[~is_anomaly] > threshold).mean()
        cost = price * prevalence * missed + (1 - prevalence) * false_alarms
        if cost < cheapest - 1e-12:
            best, cheapest = threshold, cost
    return best


def _cheapest(cost):
    """The score with the least ``cost(missed share, false alarm rate, prevalence, price)``."""

    def threshold(scores, is_anomaly, prevalence, price):
        found = [
            cost((scores[is_anomaly] <= t).mean(), (scores[~is_anomaly] > t).mean(), prevalence, price)
            for t in np.sort(scores)
        ]
        return np.sort(scores)[int(np.argmin(found))]

    return threshold


EXERCISES["cheapest_threshold"] = Exercise(
    "04.5",
    cheapest_threshold,
    cases=[(_scores, _is_anomaly, 0.01, 20.0), (_scores, _is_anomaly, 0.2, 3.0)],
    rtol=1e-9,
    wrong={
        "prevalence of the set": lambda s, a, p, c: cheapest_threshold(s, a, a.mean(), c),
        "price ignored": _cheapest(lambda missed, false, p, c: p * missed + (1 - p) * false),
        "price of the alarm": _cheapest(lambda missed, false, p, c: p * missed + c * (1 - p) * false),
        "all alike": _cheapest(lambda missed, false, p, c: c * missed + false),
        "the cost": lambda s, a, p, c: min(
            c * p * (s[a] <= t).mean() + (1 - p) * (s[~a] > t).mean() for t in s
        ),
    },
    hints={
        "prevalence of the set": "the beats to come are not mixed like this set: weigh both rates by `prevalence`.",
        "price ignored": "a missed anomaly costs `price` false alarms.",
        "price of the alarm": "the price belongs to the missed anomaly; a false alarm costs 1.",
        "all alike": "a share `prevalence` of all beats is anomalous, the others are normal: weigh both rates.",
        "the cost": "that is the least cost; the threshold was asked for.",
    },
)
