"""Classical denoisers: they do what they are named for, and the fit finds what was planted."""

import numpy as np
import pytest

from diffusion_course.models.classical import (
    FittedFilter,
    fit_filter,
    gaussian,
    non_local_means,
    total_variation,
)

RNG = np.random.default_rng(0)
STEP = np.zeros((2, 20, 20, 1), "float32")
STEP[:, :, 10:] = 1
NOISY = STEP + 0.3 * RNG.standard_normal(STEP.shape).astype("float32")


def error(x):
    return float(np.mean((x - STEP) ** 2))


def test_gaussian_keeps_the_mean_and_pictures_apart():
    spot = np.zeros((2, 21, 21, 1), "float32")
    spot[0, 10, 10] = 1
    out = gaussian(spot, 1.5)
    np.testing.assert_allclose(out[0].sum(), 1, rtol=1e-5)
    assert out[1].max() == 0 and out[0].max() < 0.1
    np.testing.assert_array_equal(gaussian(NOISY, 0), NOISY)


def test_total_variation_removes_noise_and_keeps_the_edge():
    out = total_variation(NOISY, 0.3)
    assert error(out) < error(NOISY) / 4
    assert error(out) < error(gaussian(NOISY, 1.5))
    np.testing.assert_allclose(out[:1], total_variation(NOISY[:1], 0.3), atol=1e-6)  # pictures do not mix


def test_fit_finds_strength_and_line():
    def right_at_2(x, strength):
        return x if strength == 2 else RNG.random(x.shape)

    fitted = fit_filter(right_at_2, (1, 2), 0.5 * STEP + 0.2, STEP)
    assert fitted.strength == 2
    np.testing.assert_allclose((fitted.gain, fitted.offset), (2, -0.4), atol=1e-5)
    np.testing.assert_allclose(fitted(0.5 * STEP + 0.2), STEP, atol=1e-5)


def test_result_stays_in_range():
    out = FittedFilter(gaussian, 0.0, 3.0, -1.0)(NOISY)
    assert out.min() == 0 and out.max() == 1


def test_refusals():
    with pytest.raises(ValueError, match="at least one candidate"):
        fit_filter(gaussian, (), NOISY, STEP)
    with pytest.raises(ValueError, match=r"\(N, H, W, 1\). Received"):
        total_variation(np.zeros((1, 8, 8, 3)), 0.1)


def test_non_local_means_averages_what_looks_alike_and_keeps_an_edge():
    clean = np.zeros((1, 20, 20, 1), "float32")
    clean[:, :, 10:] = 1.0
    noisy = clean + 0.1 * np.random.default_rng(0).standard_normal(clean.shape).astype("float32")
    result = non_local_means(noisy, 0.3)
    assert result.shape == clean.shape and result.dtype == np.float32
    assert np.mean((result - clean) ** 2) < 0.3 * np.mean((noisy - clean) ** 2)
    assert result[0, :, 11].min() > 0.8 and result[0, :, 8].max() < 0.2


def test_non_local_means_refuses_colours():
    with pytest.raises(ValueError, match=r"\(N, H, W, 1\)"):
        non_local_means(np.zeros((2, 8, 8, 3)), 0.1)
