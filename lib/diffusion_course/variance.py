"""Learned variances and what they are trained with: normal distributions compared, in nats. No network.

Reference: Nichol and Dhariwal, "Improved denoising diffusion probabilistic models", 2021 (arXiv:2102.09672).

Built by hand in chapter 09.
"""

import math

import numpy as np
from keras import ops

from diffusion_course.schedules import NoiseSchedule

HALF_LEVEL = 1 / 255  # half the distance of two neighbouring grey levels, of 256 in [-1, 1]
# log erfc(z) = log t - z**2 + a polynomial in t = 1 / (1 + z / 2), for z >= 0. `keras.ops.erfc` is too recent, and
# erf cannot give a small erfc. Press et al., "Numerical recipes", 1992, section 6.2.
LOG_ERFC = (
    -1.26551223,
    1.00002368,
    0.37409196,
    0.09678418,
    -0.18628806,
    0.27886807,
    -1.13520398,
    1.48851587,
    -0.82215223,
    0.17087277,
)


def log_variance_range(schedule: NoiseSchedule) -> tuple[np.ndarray, np.ndarray]:
    """The smallest and the largest log variance that a step of the reverse process may have.

    Args:
        schedule: as sampled with; a respaced one has betas of its own.

    Returns:
        log of the posterior variance, and log of beta, each (T,) float64. At step 0 the posterior variance is 0 and
        has no logarithm: that of step 1 stands in, as in the paper's code.
    """
    small, large = schedule.posterior_variance.copy(), schedule.betas
    small[0] = small[1] if len(small) > 1 else large[0]
    return np.log(small), np.log(large)


def interpolate_log_variance(v, log_small, log_large):
    """The log variance between two bounds that a network's output stands for.

    Args:
        v: any shape, about -1 (smallest) to 1 (largest); not clipped.
        log_small, log_large: the bounds, broadcastable to ``v``.

    Returns:
        Like ``v``.

    Reference: Nichol and Dhariwal 2021, equation 15, with its v as (v + 1) / 2.
    """
    share = (v + 1) / 2
    return share * log_large + (1 - share) * log_small


def learned_log_variance(v, schedule: NoiseSchedule, t):
    """The log variance that a network's output stands for, at the steps of a batch.

    Args:
        v: (B, ...), as in `interpolate_log_variance`.
        schedule: a NoiseSchedule.
        t: integer steps 0 to T - 1 of ``schedule``, a scalar or (B,).

    Returns:
        Like ``v``.
    """
    log_small, log_large = log_variance_range(schedule)
    ndim = len(v.shape)
    return interpolate_log_variance(v, schedule.at(log_small, t, ndim), schedule.at(log_large, t, ndim))


def gaussian_kl(mean1, logvar1, mean2, logvar2):
    """Kullback-Leibler divergence KL(N1 || N2) of normal distributions, element by element.

    Args:
        mean1, logvar1, mean2, logvar2: means and natural logarithms of the variances, of shapes that broadcast.

    Returns:
        nats, 0 or more.

    Reference: Kingma and Welling, "Auto-encoding variational Bayes", 2014 (arXiv:1312.6114), appendix B, for two
    general normal distributions.
    """
    shift = ops.square(mean1 - mean2) * ops.exp(-logvar2)
    return 0.5 * (logvar2 - logvar1 + ops.exp(logvar1 - logvar2) - 1 + shift)


def discretized_gaussian_log_likelihood(x, mean, log_scale):
    """Log probability of 8-bit pixels under normal distributions: the mass within half a grey level of each.

    Args:
        x: (B, ...), pixels in [-1, 1] that stand for the 256 levels -1, -1 + 2/255, ..., 1. The darkest takes all
            mass below it and the brightest all above, so that the probabilities of all levels add up to 1.
        mean: like ``x``.
        log_scale: natural logarithm of the standard deviation, half of a log variance; broadcastable to ``x``.

    Returns:
        Like ``x``, nats per pixel value.

    Reference: Ho et al., "Denoising diffusion probabilistic models", 2020 (arXiv:2006.11239), equation 13.
    """
    inverse = ops.exp(-log_scale)
    upper, lower = inverse * (x - mean + HALF_LEVEL), inverse * (x - mean - HALF_LEVEL)
    # In the upper tail both cdfs are close to 1 and their difference is lost in float32: mirror it into the lower one.
    mirrored = lower > 0
    high, low = ops.where(mirrored, -lower, upper), ops.where(mirrored, -upper, lower)
    inside = _log_difference(_log_cdf(high), _log_cdf(low))
    darkest, brightest = x < -1 + HALF_LEVEL, x > 1 - HALF_LEVEL
    return ops.where(darkest, _log_cdf(upper), ops.where(brightest, _log_cdf(-lower), inside))


def _log_cdf(x):
    """log of the standard normal's cumulative distribution, to 1e-6 also far down in the lower tail."""
    z = ops.abs(x) / math.sqrt(2)
    t = 1 / (1 + z / 2)
    polynomial = ops.zeros_like(t)
    for coefficient in reversed(LOG_ERFC):
        polynomial = polynomial * t + coefficient
    log_tail = ops.log(t / 2) - ops.square(z) + polynomial  # log of the mass beyond |x|
    return ops.where(x < 0, log_tail, ops.log1p(-ops.exp(log_tail)))


def _log_difference(log_high, log_low):
    """log(exp(log_high) - exp(log_low))."""
    return log_high + ops.log1p(-ops.exp(ops.minimum(log_low - log_high, -1e-7)))
