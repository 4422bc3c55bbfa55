"""Scores of residuals against closed forms."""

import numpy as np
import pytest

from diffusion_course.metrics.residual_scores import (
    mahalanobis,
    mean_absolute,
    smooth,
    smoothed_rms,
    standardised_rms,
)


def test_smooth_is_a_convolution():
    residual = np.random.default_rng(0).normal(size=(3, 20))
    for window in (1, 4, 20):
        want = [np.convolve(r, np.ones(window) / window, "valid") for r in residual]
        np.testing.assert_allclose(smooth(residual, window), want, atol=1e-12)


def test_smoothing_shrinks_noise_and_keeps_what_lasts():
    noise = np.random.default_rng(0).normal(size=(2000, 140))
    np.testing.assert_allclose(smoothed_rms(noise, 9).mean(), 1 / 3, rtol=0.03)
    np.testing.assert_allclose(smoothed_rms(np.full((1, 140), -2.0), 9), 2.0)


def test_mean_absolute_and_plain_rms():
    np.testing.assert_allclose(mean_absolute([[3.0, -4.0]]), [3.5])
    np.testing.assert_allclose(smoothed_rms([[3.0, -4.0]], 1), [np.sqrt(12.5)])


def test_standardised_scores_have_mean_square_one_on_their_reference():
    reference = np.random.default_rng(0).normal(size=(500, 30)) * np.linspace(0.1, 5, 30)
    np.testing.assert_allclose(np.mean(standardised_rms(reference, reference) ** 2), 1)


def test_mahalanobis_does_not_care_about_scale():
    rng = np.random.default_rng(0)
    reference, x = rng.normal(size=(2000, 5)), rng.normal(size=(7, 5))
    np.testing.assert_allclose(mahalanobis(10 * x, 10 * reference), mahalanobis(x, reference), rtol=1e-6)
    np.testing.assert_allclose(mahalanobis(x, reference), np.linalg.norm(x, axis=1), rtol=0.15)


@pytest.mark.parametrize("window", [0, 21, 2.0])
def test_bad_windows_are_refused(window):
    with pytest.raises(ValueError, match="from 1 to 20. Received"):
        smooth(np.zeros((1, 20)), window)


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"\(N, T\). Received: shape \(4,\)"):
        mean_absolute(np.zeros(4))
