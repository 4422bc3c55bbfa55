"""PSNR and SSIM: equal to scikit-image's, picture by picture, and right at the ends of their scales."""

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from diffusion_course.metrics.image_quality import psnr, ssim

RNG = np.random.default_rng(0)
CLEAN = RNG.random((3, 28, 24, 1))
NOISY = np.clip(CLEAN + 0.2 * RNG.standard_normal(CLEAN.shape), 0, 1)


def test_psnr_equals_scikit_image():
    want = [peak_signal_noise_ratio(a, b, data_range=1) for a, b in zip(CLEAN, NOISY, strict=True)]
    np.testing.assert_allclose(psnr(NOISY, CLEAN), want)


def test_ssim_equals_scikit_image():
    want = [
        structural_similarity(
            a[..., 0], b[..., 0], data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
        for a, b in zip(CLEAN, NOISY, strict=True)
    ]
    np.testing.assert_allclose(ssim(NOISY, CLEAN), want)


def test_known_values():
    grey = np.full((1, 28, 28, 1), 0.5)
    np.testing.assert_allclose(psnr(grey + 0.1, grey), 20)  # MSE 0.01
    np.testing.assert_allclose(psnr(grey - 0.5, grey), 10 * np.log10(4))
    assert psnr(grey, grey) == np.inf
    np.testing.assert_allclose(ssim(grey, grey), 1)


def test_ssim_of_two_constants_compares_their_brightness():
    a, b = np.full((1, 16, 16, 1), 0.2), np.full((1, 16, 16, 1), 0.6)
    np.testing.assert_allclose(ssim(a, b), (2 * 0.2 * 0.6 + 1e-4) / (0.2**2 + 0.6**2 + 1e-4))


def test_colours_are_averaged():
    a, b = np.concatenate([CLEAN, NOISY], -1), np.concatenate([NOISY, NOISY], -1)
    np.testing.assert_allclose(ssim(a, b), (ssim(CLEAN, NOISY) + 1) / 2)


@pytest.mark.parametrize("measure", [psnr, ssim])
def test_other_shapes_are_refused(measure):
    with pytest.raises(ValueError, match="one shape"):
        measure(CLEAN, NOISY[:2])
    with pytest.raises(ValueError, match="one shape"):
        measure(CLEAN[0], NOISY[0])


def test_pictures_smaller_than_the_window_are_refused():
    with pytest.raises(ValueError, match="at least 11 x 11"):
        ssim(CLEAN[:, :10], NOISY[:, :10])
