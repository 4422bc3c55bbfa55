"""Class Gaussians: moments of their samples, agreement with NumPy's sampler, refusals."""

import numpy as np
import pytest

from diffusion_course.models.class_gaussian import fit_class_gaussian


@pytest.fixture
def fitted():
    rng = np.random.default_rng(0)
    mix = np.array([[2.0, 0.0, 0.0], [1.0, 0.5, 0.0], [-1.0, 0.2, 0.1]])
    labels = np.repeat([0, 1], 500)
    codes = rng.normal(size=(1000, 3)) @ mix.T + np.array([[5.0, 0, 0], [0, -5, 0]])[labels]
    return codes, labels, fit_class_gaussian(codes, labels)


@pytest.mark.parametrize("label", [0, 1])
def test_samples_have_the_moments_of_their_class(fitted, label):
    codes, labels, model = fitted
    samples = model.sample(label, np.random.default_rng(1).normal(size=(200_000, 3)))
    mine = codes[labels == label]
    np.testing.assert_allclose(samples.mean(axis=0), mine.mean(axis=0), atol=0.03)
    np.testing.assert_allclose(np.cov(samples, rowvar=False), np.cov(mine, rowvar=False), atol=0.08)


def test_equals_numpy_for_the_same_noise(fitted):
    codes, labels, model = fitted
    mine = codes[labels == 1]
    noise = np.random.default_rng(7).standard_normal((50, 3))
    theirs = np.random.default_rng(7).multivariate_normal(
        mine.mean(axis=0), np.cov(mine, rowvar=False), 50, method="cholesky"
    )
    np.testing.assert_allclose(model.sample(1, noise), theirs, atol=1e-3)


def test_no_noise_gives_the_mean(fitted):
    _, _, model = fitted
    np.testing.assert_allclose(model.sample(0, np.zeros((2, 3))), [model.means[0]] * 2, rtol=1e-6)


def test_a_coordinate_that_never_varies_is_kept():
    codes = np.random.default_rng(0).normal(size=(50, 2)) * [1.0, 0.0] + [0.0, 3.0]
    samples = fit_class_gaussian(codes, np.zeros(50, int)).sample(0, np.ones((1, 2)))
    assert abs(samples[0, 1] - 3.0) < 0.01


def test_refusals(fitted):
    codes, labels, model = fitted
    with pytest.raises(ValueError, match="from 0 to 1. Received: label=2"):
        model.sample(2, np.zeros((1, 3)))
    with pytest.raises(ValueError, match=r"shape \(N, 3\). Received: shape \(1, 2\)"):
        model.sample(0, np.zeros((1, 2)))
    with pytest.raises(ValueError, match="Received: 3 of class 1"):
        fit_class_gaussian(codes[:503], labels[:503])
    with pytest.raises(ValueError, match="shapes"):
        fit_class_gaussian(codes, labels[:-1])
