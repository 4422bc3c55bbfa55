"""Inception Score at its two ends, between them, and against its definition."""

import numpy as np
import pytest
from scipy.stats import entropy

from diffusion_course.metrics.inception_score import inception_score


def test_confident_and_varied_predictions_reach_the_number_of_classes():
    assert inception_score(np.tile(np.eye(7), (20, 1)), splits=4) == pytest.approx((7, 0))


@pytest.mark.parametrize("row", [[0.1] * 10, [0, 1, 0], [0.7, 0.2, 0.1]])
def test_equal_predictions_score_one(row):
    """Unsure about every picture, or sure that all are the same: both are worthless."""
    assert inception_score(np.tile(row, (30, 1))) == pytest.approx((1, 0))


def test_between_the_ends_it_is_the_definition():
    p = np.random.default_rng(0).dirichlet(np.full(5, 0.3), size=400)
    parts = [np.exp(np.mean([entropy(row, part.mean(0)) for row in part])) for part in np.split(p, 4)]
    mean, std = inception_score(p, splits=4)
    assert 1 < mean < 5
    assert (mean, std) == pytest.approx((np.mean(parts), np.std(parts)))


def test_float32_rows_are_accepted():
    p = np.tile(np.eye(3), (5, 1)).astype("float32") * np.float32(1.0003)
    assert inception_score(p, splits=1)[0] == pytest.approx(3)


@pytest.mark.parametrize(
    ("p", "words"),
    [
        (np.ones(4) / 4, "shape"),
        (np.ones((4, 1)), "shape"),
        (np.ones((0, 3)), "shape"),
        ([[0.5, 0.4]], "sum to 1"),
        ([[1.2, -0.2]], "at least 0"),
        ([[np.nan, 1.0]], "at least 0"),
        (np.random.default_rng(0).normal(size=(5, 3)), "at least 0"),  # logits
    ],
)
def test_what_is_no_probability_is_refused(p, words):
    with pytest.raises(ValueError, match=words):
        inception_score(p)


@pytest.mark.parametrize("splits", [0, 6])
def test_bad_splits_are_refused(splits):
    with pytest.raises(ValueError, match=f"from 1 to 5. Received: splits={splits}"):
        inception_score(np.ones((5, 2)) / 2, splits=splits)
