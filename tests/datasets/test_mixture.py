"""The toy whose score is a formula: against differences of its density, Bayes' rule on samples, and its own samples."""

import numpy as np
import pytest
from scipy.integrate import dblquad

from diffusion_course.datasets.mixture import GaussianMixture, three_humps

UNEVEN = GaussianMixture([[-1.0, 0.5], [0.8, -0.4]], [0.3, 0.6], [1, 3])
X = np.random.default_rng(0).normal(size=(40, 2)) * 1.5


@pytest.mark.parametrize("sigma", [0.0, 0.3, 2.0])
def test_score_is_the_gradient_of_the_log_density(sigma):
    step = 1e-5
    slope = [
        (UNEVEN.log_density(X + d, sigma) - UNEVEN.log_density(X - d, sigma)) / (2 * step)
        for d in step * np.eye(2)
    ]
    np.testing.assert_allclose(UNEVEN.score(X, sigma), np.stack(slope, axis=1), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("sigma", [0.0, 0.5])
def test_density_integrates_to_one(sigma):
    total, _ = dblquad(lambda y, x: np.exp(UNEVEN.log_density([[x, y]], sigma)[0]), -7, 7, -7, 7, epsabs=1e-6)
    assert total == pytest.approx(1, abs=1e-5)


def test_tweedie_is_the_posterior_mean():
    sigma = np.linspace(0.1, 3, len(X))
    np.testing.assert_allclose(
        X + sigma[:, None] ** 2 * UNEVEN.score(X, sigma), UNEVEN.clean_mean(X, sigma), atol=1e-12
    )


def test_posterior_mean_is_that_of_samples_that_landed_nearby():
    rng, sigma = np.random.default_rng(1), 0.8
    clean = UNEVEN.sample(400_000, rng)
    noise = rng.standard_normal(clean.shape)
    x = clean + sigma * noise
    near = np.linalg.norm(x - [0.1, 0.0], axis=1) < 0.1
    assert near.sum() > 1000
    here = np.array([[0.1, 0.0]])
    np.testing.assert_allclose(clean[near].mean(axis=0), UNEVEN.clean_mean(here, sigma)[0], atol=0.06)
    np.testing.assert_allclose(noise[near].mean(axis=0), UNEVEN.noise_mean(here, sigma)[0], atol=0.06)


def test_samples_have_the_shares_centres_and_widths():
    toy = three_humps()
    points = toy.sample(20_000, np.random.default_rng(2))
    np.testing.assert_allclose(toy.shares_of(points), toy.shares, atol=0.015)
    hump = toy.hump_of(points)
    for k in range(3):
        np.testing.assert_allclose(points[hump == k].mean(axis=0), toy.centres[k], atol=0.04)
        np.testing.assert_allclose(points[hump == k].std(axis=0), toy.widths[k], atol=0.03)


def test_far_from_all_humps_nothing_overflows():
    far = np.array([[1e4, -1e4]])
    assert np.isfinite(UNEVEN.score(far, 0.1)).all() and np.isfinite(UNEVEN.log_density(far, 0.1)).all()


@pytest.mark.parametrize("arguments", [([1.0], [1], [1]), ([[0.0]], [0.0], [1]), ([[0.0]], [1.0], [1, 1])])
def test_refuses_what_is_no_mixture(arguments):
    with pytest.raises(ValueError, match="Received: shapes"):
        GaussianMixture(*arguments)


def test_refuses_points_of_another_dimension():
    with pytest.raises(ValueError, match=r"\(N, 2\).*\(4, 3\)"):
        UNEVEN.score(np.zeros((4, 3)), 1.0)
