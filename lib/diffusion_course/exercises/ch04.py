"""Exercises of chapter 04: a threshold, what alarms are worth, rare anomalies, the AUROC."""

import numpy as np

from diffusion_course.exercises.base import Exercise

EXERCISES: dict[str, Exercise] = {}


def pick_threshold(normal_scores, rate):
    allowed = int(rate * len(normal_scores))  # so many may lie above
    return np.sort(normal_scores)[len(normal_scores) - allowed - 1]


def _above(threshold, scores, rate):
    """How many scores too many lie above a threshold."""
    return int((scores > threshold).sum()) - int(rate * len(scores))


EXERCISES["pick_threshold"] = Exercise(
    "04.1",
    pick_threshold,
    cases=[
        (np.exp(np.random.default_rng(n).normal(size=n)), rate)
        for n, rate in ((200, 0.05), (50, 0.1), (40, 0.0))
    ],
    rtol=0,
    atol=0,
    wrong={
        "lower end": lambda s, r: np.sort(s)[int(r * len(s))],
        "mean plus deviation": lambda s, r: s.mean() + s.std(),
        "one too far": lambda s, r: np.sort(s)[len(s) - int(r * len(s)) - 2],
        "largest score": lambda s, r: s.max(),
        "between two scores": lambda s, r: pick_threshold(s, r) + 1e-9,
    },
    hints={
        "lower end": "you cut at the lower end; strange beats have large scores.",
        "mean plus deviation": "mean plus standard deviation promises no rate at all; count instead.",
        "one too far": "more than a share `rate` of the normal scores lies above your threshold: go higher.",
        "largest score": "fewer than allowed lie above your threshold: go lower, or you give anomalies away.",
        "between two scores": "the count is right, but take the smallest such number among the scores.",
    },
    kinds={
        "one too far": lambda got, want, s, r: _above(got, s, r) > 0,
        "largest score": lambda got, want, s, r: _above(got, s, r) < 0,
        "between two scores": lambda got, want, s, r: _above(got, s, r) == 0,
    },
)


def precision_recall_f1(alarm, is_anomaly):
    caught = (alarm & is_anomaly).sum()
    precision = caught / alarm.sum()
    recall = caught / is_anomaly.sum()
    return precision, recall, 2 * precision * recall / (precision + recall)


def _with_accuracy(alarm, is_anomaly):
    accuracy = (alarm == is_anomaly).mean()
    return accuracy, precision_recall_f1(alarm, is_anomaly)[1], accuracy


def _plain_mean(alarm, is_anomaly):
    precision, recall, _ = precision_recall_f1(alarm, is_anomaly)
    return precision, recall, (precision + recall) / 2


_beat = np.arange(100)

EXERCISES["precision_recall_f1"] = Exercise(
    "04.2",
    precision_recall_f1,
    # 100 beats: 8 anomalies caught, 2 missed, 4 false alarms.
    cases=[(((2 <= _beat) & (_beat < 10)) | ((50 <= _beat) & (_beat < 54)), _beat < 10)],
    shape="three numbers: precision, recall, F1",
    wrong={
        "normal as positive": lambda a, t: precision_recall_f1(~a, ~t),
        "swapped": lambda a, t: np.array(precision_recall_f1(a, t))[[1, 0, 2]],
        "accuracy": _with_accuracy,
        "ordinary mean": _plain_mean,
    },
    hints={
        "normal as positive": "these numbers have normal as the positive class; here the anomaly is what we look for.",
        "swapped": "precision and recall have changed places.",
        "accuracy": "one of these is the accuracy: it also counts passed beats.",
        "ordinary mean": "F1 is the harmonic mean, 2 P R / (P + R), not the ordinary one.",
    },
    kinds={
        "swapped": lambda got, want, a, t: np.allclose(got[:2], want[1::-1]),
        "accuracy": lambda got, want, a, t: np.isclose(got, (a == t).mean()).any(),
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
