"""Detection measures against closed forms, pair counting and scikit-learn."""

import numpy as np
import pytest
from sklearn import metrics as sk

from diffusion_course.metrics.detection import (
    Confusion,
    auroc,
    auroc_interval,
    by_class,
    confusion,
    roc_curve,
    threshold_at,
)


def sample(n=300, ties=False, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < 0.4
    scores = rng.normal(size=n) + 1.5 * truth
    return (np.round(scores) if ties else scores), truth


@pytest.mark.parametrize("ties", [False, True])
def test_auroc_is_the_share_of_pairs_in_order(ties):
    scores, truth = sample(ties=ties)
    strange, usual = scores[truth][:, None], scores[~truth][None]
    pairs = np.mean((strange > usual) + 0.5 * (strange == usual))
    np.testing.assert_allclose(auroc(scores, truth), pairs, rtol=1e-12)
    np.testing.assert_allclose(auroc(scores, truth), sk.roc_auc_score(truth, scores), rtol=1e-12)


def test_auroc_at_its_ends_and_under_monotone_maps():
    scores, truth = sample()
    assert auroc(truth.astype(float), truth) == 1 and auroc(-truth.astype(float), truth) == 0
    assert auroc(np.zeros(len(truth)), truth) == 0.5
    assert auroc(np.exp(scores), truth) == auroc(scores, truth)
    np.testing.assert_allclose(auroc(-scores, truth), 1 - auroc(scores, truth))


@pytest.mark.parametrize("ties", [False, True])
def test_area_under_the_curve_is_the_auroc(ties):
    scores, truth = sample(ties=ties)
    false_alarms, recall, threshold = roc_curve(scores, truth)
    np.testing.assert_allclose(sk.auc(false_alarms, recall), auroc(scores, truth), rtol=1e-12)
    assert (false_alarms[0], recall[0]) == (0, 0) and (false_alarms[-1], recall[-1]) == (1, 1)
    for i in (0, len(threshold) // 2, -1):
        table = confusion(scores, truth, threshold[i])
        np.testing.assert_allclose([table.false_alarm_rate, table.recall], [false_alarms[i], recall[i]])


def test_interval_has_the_width_that_theory_gives():
    """Hanley and McNeil's standard error for normal scores, within a fifth."""
    scores, truth = sample(2000)
    a = auroc(scores, truth)
    low, high = auroc_interval(scores, truth, rng=np.random.default_rng(1))
    q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
    m, n = truth.sum(), (~truth).sum()
    error = np.sqrt((a * (1 - a) + (m - 1) * (q1 - a * a) + (n - 1) * (q2 - a * a)) / (m * n))
    assert low < a < high
    np.testing.assert_allclose((high - low) / 3.92, error, rtol=0.2)


def test_interval_of_tied_scores_matches_resampled_auroc():
    scores, truth = sample(60, ties=True)
    rng, again = np.random.default_rng(3), np.random.default_rng(3)
    usual, strange = np.sort(scores[~truth]), scores[truth]
    kinds = np.repeat([False, True], [len(usual), len(strange)])
    values = [
        auroc(np.r_[again.choice(usual, len(usual)), again.choice(strange, len(strange))], kinds)
        for _ in range(200)
    ]
    np.testing.assert_allclose(
        auroc_interval(scores, truth, draws=200, rng=rng), np.quantile(values, [0.025, 0.975])
    )


def test_threshold_keeps_its_promise_on_new_normal_cases():
    rng = np.random.default_rng(0)
    rates = [np.mean(rng.normal(size=200) > threshold_at(rng.normal(size=99), 0.1)) for _ in range(2000)]
    np.testing.assert_allclose(np.mean(rates), 0.1, atol=0.005)  # exact for n + 1 = 100


def test_threshold_is_the_stated_order_statistic():
    scores = np.random.default_rng(0).permutation(np.arange(1, 100))  # 99 scores
    assert threshold_at(scores, 0.02) == 98
    assert threshold_at(scores, 0.01) == 99
    assert np.sum(scores > threshold_at(scores, 0.2)) == 19


def test_threshold_refuses_more_than_the_scores_can_say():
    with pytest.raises(ValueError, match="at least 99 normal scores. Received: 50"):
        threshold_at(np.arange(50), 0.01)
    for rate in (0, 1, 2):
        with pytest.raises(ValueError, match=f"Received: false_alarm_rate={rate}"):
            threshold_at(np.arange(50), rate)
    with pytest.raises(ValueError, match="finite"):
        threshold_at(np.full(50, np.nan), 0.1)


@pytest.mark.parametrize("threshold", [-1.0, 0.3, 2.0])
def test_confusion_agrees_with_scikit_learn(threshold):
    scores, truth = sample()
    table, alarm = confusion(scores, truth, threshold), scores > threshold
    ((passed, false_alarms), (missed, caught)) = sk.confusion_matrix(truth, alarm)
    assert table == Confusion(caught, missed, false_alarms, passed)
    np.testing.assert_allclose(table.precision, sk.precision_score(truth, alarm))
    np.testing.assert_allclose(table.recall, sk.recall_score(truth, alarm))
    np.testing.assert_allclose(table.f1, sk.f1_score(truth, alarm))
    np.testing.assert_allclose(table.accuracy, sk.accuracy_score(truth, alarm))


def test_a_score_on_the_threshold_raises_no_alarm():
    assert confusion([1.0, 2.0, 2.0], np.array([False, True, False]), 2.0) == Confusion(0, 1, 0, 2)


def test_ratios_without_cases_are_not_a_number():
    empty = Confusion(0, 0, 0, 0)
    values = [empty.recall, empty.precision, empty.f1, empty.accuracy, empty.false_alarm_rate]
    assert np.isnan(values).all()


def test_by_class_splits_the_whole():
    scores, truth = sample()
    labels = np.where(truth, 2 + np.arange(len(truth)) % 3, 1)
    parts, whole = by_class(scores, labels, 1.0), confusion(scores, truth, 1.0)
    assert sorted(parts) == [2, 3, 4]
    assert sum(p.count for p in parts.values()) == truth.sum()
    assert sum(p.caught for p in parts.values()) == whole.caught
    weighted = sum(p.auroc * p.count for p in parts.values()) / truth.sum()
    np.testing.assert_allclose(weighted, auroc(scores, truth))


@pytest.mark.parametrize(
    ("scores", "truth", "words"),
    [
        ([1.0, 2.0], np.array([True]), "same shape"),
        ([[1.0, 2.0]], np.array([[True, False]]), "same shape"),
        ([1.0, np.nan], np.array([True, False]), "finite"),
        ([1.0, 2.0], np.array([1, 0]), "bool"),
        ([1.0, 2.0], np.array([True, True]), "both kinds. Received: 2 anomalies among 2"),
    ],
)
def test_bad_input_is_refused(scores, truth, words):
    with pytest.raises(ValueError, match=words):
        auroc(scores, truth)


@pytest.mark.parametrize("settings", [{"draws": 10}, {"level": 1.0}])
def test_interval_refuses_bad_settings(settings):
    scores, truth = sample()
    with pytest.raises(ValueError, match="Received: draws="):
        auroc_interval(scores, truth, rng=np.random.default_rng(0), **settings)
