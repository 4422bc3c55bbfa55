"""Fréchet distance against closed forms, SciPy's matrix root, and what theory says of its bias."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from diffusion_course.metrics.frechet import fid, fid_infinity, fit_gaussian, frechet_distance


def rotation(d, rng):
    return np.linalg.qr(rng.normal(size=(d, d)))[0]


def covariance(d, rng):
    x = rng.normal(size=(3 * d, d))
    return x.T @ x / len(x)


def test_one_dimension_by_hand():
    assert frechet_distance([1.0], [[4.0]], [4.0], [[9.0]]) == pytest.approx(3**2 + (2 - 3) ** 2)


@pytest.mark.parametrize("rotated", [False, True])
def test_commuting_covariances_have_a_closed_form(rotated):
    rng = np.random.default_rng(0)
    a, b = rng.uniform(0.1, 4, (2, 7))
    a[2] = b[2] = b[3] = 0  # dead features, in one set and in both
    mean = rng.normal(size=7)
    q = rotation(7, rng) if rotated else np.eye(7)
    distance = frechet_distance(mean, q @ np.diag(a) @ q.T, np.zeros(7), q @ np.diag(b) @ q.T)
    assert distance == pytest.approx(mean @ mean + np.sum((np.sqrt(a) - np.sqrt(b)) ** 2), rel=1e-10)


def test_equals_scipys_root_where_that_one_is_reliable():
    rng = np.random.default_rng(1)
    a, b, mean = covariance(12, rng), covariance(12, rng), rng.normal(size=12)
    expected = mean @ mean + np.trace(a) + np.trace(b) - 2 * np.trace(sqrtm(a @ b).real)
    assert frechet_distance(mean, a, 0 * mean, b) == pytest.approx(expected, rel=1e-9)


def test_zero_for_itself_symmetric_and_blind_to_rotation():
    rng = np.random.default_rng(2)
    a, b, mean, q = covariance(9, rng), covariance(9, rng), rng.normal(size=9), rotation(9, rng)
    assert frechet_distance(mean, a, mean, a) == pytest.approx(0, abs=1e-12)
    there = frechet_distance(mean, a, 0 * mean, b)
    assert frechet_distance(0 * mean, b, mean, a) == pytest.approx(there, rel=1e-12)
    turned = frechet_distance(q @ mean, q @ a @ q.T, 0 * mean, q @ b @ q.T)
    assert turned == pytest.approx(there, rel=1e-10)


def test_dead_and_doubled_features_cost_no_accuracy():
    """Rounding in zero eigenvalues must not appear as its square root."""
    x = np.random.default_rng(3).normal(size=(50, 6))
    features = 1e3 * np.concatenate([x, x, np.zeros((50, 90))], axis=1)  # rank 6 of 102
    assert fid(features, features) < 1e-12 * np.trace(fit_gaussian(features)[1])
    assert fid(features, 2 * features) == pytest.approx(2e6 * fid(x, 2 * x), rel=1e-10)


def test_fit_gaussian_is_unbiased():
    rng = np.random.default_rng(4)
    fits = [fit_gaussian(rng.normal(2, 3, size=(3, 2))) for _ in range(4000)]
    np.testing.assert_allclose(np.mean([m for m, _ in fits], axis=0), [2, 2], atol=0.15)
    np.testing.assert_allclose(np.mean([c for _, c in fits], axis=0), 9 * np.eye(2), atol=0.6)
    assert fit_gaussian(np.arange(4.0)[:, None])[1].shape == (1, 1)


def gaussians(rng, n, d=8):
    """Two samples whose distance is d * (0.5**2 + (1.5 - 1)**2) = 4."""
    return rng.normal(0, 1, (n, d)), rng.normal(0.5, 1.5, (n, d))


def test_samples_approach_the_closed_form():
    assert fid(*gaussians(np.random.default_rng(5), 100_000)) == pytest.approx(4, rel=0.02)


def test_bias_shrinks_like_one_over_n_and_extrapolation_removes_most_of_it():
    rng = np.random.default_rng(6)

    def bias(measure, n):
        return np.mean([measure(rng.normal(size=(n, 8)), rng.normal(size=(n, 8))) for _ in range(150)])

    small, large = bias(fid, 100), bias(fid, 400)
    assert small / large == pytest.approx(4, rel=0.15)
    extrapolated = bias(lambda a, b: fid_infinity(a, b, rng=rng), 400)
    assert abs(extrapolated) < 0.15 * large


def test_extrapolation_finds_a_distance_that_is_not_zero():
    rng = np.random.default_rng(7)
    found, plain = [], []
    for _ in range(600):  # the estimates themselves are noisy: only many show a bias
        a, b = gaussians(rng, 300)
        found.append(fid_infinity(a, b, rng=rng))
        plain.append(fid(a, b))
    assert abs(np.mean(found) - 4) < 3 * np.std(found) / np.sqrt(600)
    assert np.mean(plain) - 4 > 3 * abs(np.mean(found) - 4)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([0.0], [[1.0]], [0.0, 0.0], np.eye(2)), "shape"),
        (([0.0], [[np.nan]], [0.0], [[1.0]]), "finite"),
        (([0.0, 0.0], [[1.0, 0.5], [0.0, 1.0]], [0.0, 0.0], np.eye(2)), "`cov_a` must be symmetric"),
        (([0.0, 0.0], np.eye(2), [0.0, 0.0], [[1.0, 2.0], [2.0, 1.0]]), "`cov_b` must have no negative"),
    ],
)
def test_what_is_no_gaussian_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        frechet_distance(*arguments)


@pytest.mark.parametrize("features", [np.zeros(5), np.zeros((1, 3)), np.full((4, 2), np.inf)])
def test_bad_features_are_refused(features):
    with pytest.raises(ValueError, match="`features` must"):
        fit_gaussian(features)


@pytest.mark.parametrize("settings", [{"points": 1}, {"smallest": 0}, {"smallest": 1}, {"smallest": 0.001}])
def test_extrapolation_refuses_bad_settings(settings):
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="Received: "):
        fid_infinity(*gaussians(rng, 50), rng=rng, **settings)
