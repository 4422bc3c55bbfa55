"""Guidance against closed forms."""

import numpy as np
import pytest

from diffusion_course.models.guidance import guided
from diffusion_course.samplers.ddim import DDIMSampler
from diffusion_course.schedules import NoiseSchedule

X = np.random.default_rng(0).standard_normal((20, 1_000, 1, 1)).astype("float32")


def test_weight_interpolates_and_extrapolates():
    towards = {w: guided(lambda x, t: 3 * x, lambda x, t: x + t, w)(X, 2) for w in (0, 1, 2)}
    np.testing.assert_allclose(towards[0], X + 2)
    np.testing.assert_allclose(towards[1], 3 * X, atol=1e-5)
    np.testing.assert_allclose(towards[2], 5 * X - 2, atol=1e-5)
    with pytest.raises(
        ValueError, match="`guidance_scale` must be a finite number. Received: guidance_scale=nan"
    ):
        guided(None, None, float("nan"))


def test_guidance_narrows_what_a_blurred_network_spreads():
    # Data is N(0, 0.5^2). The denoiser believes in a spread of 0.6, a weaker one in 0.7: both are too wide, in the
    # same direction, and twice the difference leads back to the truth, as in the paper's argument.
    schedule = NoiseSchedule.cosine(1000)

    def believes(spread):
        def x0(x, t):
            signal, sigma = (schedule.at(column, t) for column in (schedule.signal, schedule.sigma))
            return signal * spread**2 / (signal**2 * spread**2 + sigma**2) * x

        return x0

    sampler = DDIMSampler(schedule, prediction="x0", clip=None)
    made = {
        w: float(np.std(sampler.sample(guided(believes(0.6), believes(0.7), w), X, steps=400)))
        for w in (0, 1, 2)
    }
    assert made[0] == pytest.approx(0.7, rel=0.03) and made[1] == pytest.approx(0.6, rel=0.03)
    assert abs(made[2] - 0.5) < abs(made[1] - 0.5) / 2
