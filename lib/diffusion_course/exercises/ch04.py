"""Exercises of chapter 04: a threshold, what alarms are worth, rare anomalies, the AUROC."""

import math

import numpy as np

from diffusion_course.exercises.base import Exercise, Wrong, expect, register

# ---------------------------------------------------------------- 04.1


def pick_threshold(normal_scores, rate):
    allowed = int(rate * len(normal_scores))  # so many may lie above
    return np.sort(normal_scores)[len(normal_scores) - allowed - 1]


def _test_pick_threshold(answer):
    rng = np.random.default_rng(0)
    for n, rate in ((200, 0.05), (50, 0.1), (40, 0.0)):
        scores = rng.permutation(np.exp(rng.normal(size=n)))
        got, want = np.asarray(answer(scores, rate)), pick_threshold(scores, rate)
        expect(got.shape == (), f"the result must be one number. Got shape {got.shape}.")
        above, allowed = int((scores > got).sum()), int(rate * n)
        if got == want:
            continue
        case = f"of {n} normal scores {above} lie above your threshold, and {allowed} may"
        expect(
            not np.isclose(got, np.sort(scores)[min(allowed, n - 1)]) and above < n / 2,
            f"{case}: you cut at the lower end; strange beats have large scores.",
        )
        expect(
            not np.isclose(got, scores.mean() + scores.std()),
            f"{case}: mean plus standard deviation promises no rate at all; count instead.",
        )
        expect(above <= allowed, f"{case}: that is too many.")
        expect(above >= allowed, f"{case}: go lower, or you give anomalies away.")
        raise Wrong(
            f"the count is right, but take the smallest such number among the scores: {want:.4f}. Got {got:.4f}."
        )


# ---------------------------------------------------------------- 04.2


def precision_recall_f1(alarm, is_anomaly):
    caught = (alarm & is_anomaly).sum()
    precision = caught / alarm.sum()
    recall = caught / is_anomaly.sum()
    return precision, recall, 2 * precision * recall / (precision + recall)


def _test_precision_recall_f1(answer):
    # 100 beats: 8 anomalies caught, 2 missed, 4 false alarms
    is_anomaly = np.arange(100) < 10
    alarm = is_anomaly.copy()
    alarm[:2], alarm[50:54] = False, True
    got = answer(alarm, is_anomaly)
    expect(
        isinstance(got, (tuple, list, np.ndarray)) and len(got) == 3,
        "return three numbers: precision, recall, F1.",
    )
    want = precision_recall_f1(alarm, is_anomaly)
    if np.allclose(got, want):
        return
    expect(
        not np.allclose(got, precision_recall_f1(~alarm, ~is_anomaly)),
        "these are the numbers for normal as the positive class; here the anomaly is what we look for.",
    )
    expect(not np.allclose(got[:2], want[1::-1]), "precision and recall have changed places.")
    accuracy = (alarm == is_anomaly).mean()
    expect(
        not np.isclose(got, accuracy).any(), f"{accuracy:.2f} is the accuracy: it also counts passed beats."
    )
    expect(
        not (np.allclose(got[:2], want[:2]) and np.isclose(got[2], (want[0] + want[1]) / 2)),
        "F1 is the harmonic mean, 2 P R / (P + R), not the ordinary one.",
    )
    raise Wrong(f"expected precision {want[0]:.3f}, recall {want[1]:.3f}, F1 {want[2]:.3f}. Got {got}.")


# ---------------------------------------------------------------- 04.3


def precision_at(recall, false_alarm_rate, prevalence):
    caught = prevalence * recall
    false_alarms = (1 - prevalence) * false_alarm_rate
    return caught / (caught + false_alarms)


def _test_precision_at(answer):
    for recall, rate, prevalence in ((0.9, 0.02, 0.42), (0.98, 0.02, 0.001), (0.5, 0.2, 0.1)):
        got, want = float(answer(recall, rate, prevalence)), precision_at(recall, rate, prevalence)
        case = f"recall {recall:g}, false alarm rate {rate:g}, prevalence {prevalence:g}"
        if math.isclose(got, want, rel_tol=1e-9):
            continue
        expect(
            not math.isclose(got, recall / (recall + rate)),
            f"{case}: weigh both by how common they are; you assumed as many anomalies as normal beats.",
        )
        expect(
            not math.isclose(got, prevalence * recall / (prevalence * recall + rate)),
            f"{case}: false alarms come from normal beats only, a share 1 - prevalence of all.",
        )
        expect(
            not math.isclose(got, prevalence * recall + (1 - prevalence) * (1 - rate)),
            f"{case}: that is the accuracy; precision asks how many of the alarms are right.",
        )
        expect(0 <= got <= 1, f"{case}: a precision lies between 0 and 1. Got {got:.4g}.")
        raise Wrong(f"{case}: expected {want:.4f}. Got {got:.4f}.")


# ---------------------------------------------------------------- 04.4


def area_under_roc(scores, is_anomaly):
    strange, usual = scores[is_anomaly][:, None], scores[~is_anomaly][None]  # (P, 1) and (1, Q)
    return float(((strange > usual) + 0.5 * (strange == usual)).mean())  # over all P x Q pairs


def _test_area_under_roc(answer):
    rng = np.random.default_rng(1)
    is_anomaly = rng.random(200) < 0.4
    plain = rng.normal(size=200) + is_anomaly
    for scores in (plain, np.round(plain)):  # the second has ties
        got, want = np.asarray(answer(scores, is_anomaly)), area_under_roc(scores, is_anomaly)
        expect(got.shape == (), f"the result must be one number. Got shape {got.shape}.")
        if np.isclose(got, want, rtol=1e-9):
            continue
        strange, usual = scores[is_anomaly][:, None], scores[~is_anomaly][None]
        expect(
            not np.isclose(got, 1 - want),
            "the other way round: count pairs in which the anomaly has the larger score.",
        )
        if len(np.unique(scores)) < len(scores):
            expect(
                not np.isclose(got, (strange > usual).mean()), "a tie is half a win; you count it as none."
            )
            expect(
                not np.isclose(got, (strange >= usual).mean()),
                "a tie is half a win; you count it as a whole.",
            )
        expect(
            not np.isclose(got, (strange > usual).sum()),
            "divide by the number of pairs, anomalies times normal beats.",
        )
        raise Wrong(f"expected {want:.5f}. Got {float(got):.5f}.")


# ---------------------------------------------------------------- table, with the wrong answers we have met


def _ordinary_mean(alarm, is_anomaly):
    precision, recall, _ = precision_recall_f1(alarm, is_anomaly)
    return precision, recall, (precision + recall) / 2


def _swapped(alarm, is_anomaly):
    precision, recall, f1 = precision_recall_f1(alarm, is_anomaly)
    return recall, precision, f1


def _with_accuracy(alarm, is_anomaly):
    accuracy = (alarm == is_anomaly).mean()
    return accuracy, precision_recall_f1(alarm, is_anomaly)[1], accuracy


def _wins(compare):
    return lambda s, a: compare(s[a][:, None], s[~a][None]).mean()


EXERCISES = register(
    Exercise(
        "04.1",
        pick_threshold,
        _test_pick_threshold,
        {
            "lower end": (lambda s, r: np.sort(s)[int(r * len(s))], "lower end"),
            "mean plus deviation": (lambda s, r: s.mean() + s.std(), "promises no rate"),
            "largest score": (lambda s, r: s.max(), "go lower"),
            "one too far": (lambda s, r: np.sort(s)[len(s) - int(r * len(s)) - 2], "too many"),
            "between two scores": (lambda s, r: pick_threshold(s, r) + 1e-9, "smallest"),
        },
    ),
    Exercise(
        "04.2",
        precision_recall_f1,
        _test_precision_recall_f1,
        {
            "normal as positive": (lambda a, t: precision_recall_f1(~a, ~t), "positive class"),
            "swapped": (_swapped, "changed places"),
            "accuracy": (_with_accuracy, "accuracy"),
            "ordinary mean": (_ordinary_mean, "harmonic"),
            "one number": (lambda a, t: (a & t).sum() / a.sum(), "three numbers"),
        },
    ),
    Exercise(
        "04.3",
        precision_at,
        _test_precision_at,
        {
            "prevalence ignored": (lambda r, f, p: r / (r + f), "how common"),
            "all beats are normal": (lambda r, f, p: p * r / (p * r + f), "normal beats only"),
            "accuracy": (lambda r, f, p: p * r + (1 - p) * (1 - f), "accuracy"),
            "not a share": (lambda r, f, p: r * p / f, "between 0 and 1"),
        },
    ),
    Exercise(
        "04.4",
        area_under_roc,
        _test_area_under_roc,
        {
            "other way round": (lambda s, a: 1 - area_under_roc(s, a), "other way round"),
            "ties lose": (_wins(np.greater), "as none"),
            "ties win": (_wins(np.greater_equal), "as a whole"),
            "not divided": (lambda s, a: (s[a][:, None] > s[~a][None]).sum(), "number of pairs"),
            "difference of means": (lambda s, a: s[a].mean() - s[~a].mean(), "expected"),
        },
    ),
)
