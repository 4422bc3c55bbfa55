"""Normal distributions against SciPy and numerical integration."""

import keras
import numpy as np
import pytest
from keras import ops
from scipy.integrate import quad
from scipy.stats import norm

from diffusion_course.schedules import NoiseSchedule
from diffusion_course.variance import (
    discretized_gaussian_log_likelihood,
    gaussian_kl,
    learned_log_variance,
    log_variance_range,
)

LEVELS = np.linspace(-1, 1, 256)


def tensor(x):
    return ops.convert_to_tensor(np.asarray(x, "float32"))


@pytest.mark.parametrize(
    "mean1, std1, mean2, std2", [(0, 1, 0, 1), (0.3, 0.5, -0.2, 1.5), (1, 2, 1, 0.7), (0, 1e-2, 0.01, 2e-2)]
)
def test_gaussian_kl_is_the_integral(mean1, std1, mean2, std2):
    p, q = norm(mean1, std1), norm(mean2, std2)
    exact, _ = quad(lambda x: p.pdf(x) * (p.logpdf(x) - q.logpdf(x)), mean1 - 9 * std1, mean1 + 9 * std1)
    kl = gaussian_kl(*map(tensor, (mean1, 2 * np.log(std1), mean2, 2 * np.log(std2))))
    np.testing.assert_allclose(float(ops.convert_to_numpy(kl)), exact, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("std", [1e-2, 0.1, 1.0])
@pytest.mark.parametrize("mean", [-1.0, -0.371, 0.0, 0.98, 1.2])
def test_pixel_probabilities_are_scipys(mean, std):
    half = 1 / 255
    upper = np.where(np.arange(256) == 255, np.inf, LEVELS + half)
    lower = np.where(np.arange(256) == 0, -np.inf, LEVELS - half)
    # The upper tail through survival functions, where cdf differences would vanish.
    right = lower > mean
    z_high = np.where(right, mean - lower, upper - mean) / std
    z_low = np.where(right, mean - upper, lower - mean) / std
    high, low = norm.logcdf(z_high), norm.logcdf(z_low)
    exact = high + np.log1p(-np.exp(low - high))
    ours = discretized_gaussian_log_likelihood(tensor(LEVELS), tensor(mean), tensor(np.log(std)))
    np.testing.assert_allclose(ops.convert_to_numpy(ours), exact, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("std", [1e-3, 0.02, 0.5, 3.0])
def test_pixel_probabilities_add_up_to_one(std):
    ours = discretized_gaussian_log_likelihood(tensor(LEVELS), tensor(0.123), tensor(np.log(std)))
    assert np.isfinite(ops.convert_to_numpy(ours)).all()
    assert abs(np.exp(ops.convert_to_numpy(ours).astype(np.float64)).sum() - 1) < 1e-3


def test_learned_log_variance_lies_between_its_bounds():
    schedule = NoiseSchedule.cosine(50)
    t = np.arange(50)
    for v, exact in ((1.0, np.log(schedule.betas)), (-1.0, log_variance_range(schedule)[0])):
        ours = learned_log_variance(tensor(np.full((50, 2, 2, 1), v)), schedule, t)
        np.testing.assert_allclose(ops.convert_to_numpy(ours)[:, 1, 0, 0], exact, rtol=1e-5)
    middle = learned_log_variance(tensor(np.zeros((50, 1))), schedule, t)
    geometric = np.sqrt(schedule.betas[1:] * schedule.posterior_variance[1:])
    np.testing.assert_allclose(np.exp(ops.convert_to_numpy(middle))[1:, 0], geometric, rtol=1e-4)


@pytest.mark.parametrize("steps", [1, 2, 7, 50])
def test_bounds_are_finite_also_when_respaced(steps):
    small, large = log_variance_range(NoiseSchedule.linear(50).respace(steps))
    assert np.isfinite(small).all() and (small <= large + 1e-12).all()
    assert small[0] == (small[1] if steps > 1 else large[0])


def test_likelihood_can_be_trained_with_everywhere():
    """A gradient that is not a number would show after one step of the optimizer: the loss is then not one either."""
    keras.utils.set_random_seed(0)
    layer = keras.layers.Dense(2, use_bias=False, kernel_initializer="ones")
    x = np.repeat(LEVELS.astype("float32")[:, None], 2, axis=1)
    model = keras.Sequential([keras.Input((1,)), layer])
    model.compile(
        optimizer=keras.optimizers.SGD(1e-8),
        loss=lambda y, p: -discretized_gaussian_log_likelihood(y, p, -5.0),
        jit_compile=False,
    )
    model.fit(np.linspace(-30, 30, 256).astype("float32")[:, None], x, verbose=0)
    kernel = ops.convert_to_numpy(layer.kernel)
    assert np.isfinite(kernel).all() and (kernel < 1).all()
