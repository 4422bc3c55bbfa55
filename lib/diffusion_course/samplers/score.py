"""A denoiser read as a score: in which direction, and how steeply, noisy pictures become more likely.

Built by hand in chapter 10.

Here noise is added and nothing is shrunk, x = x_0 + sigma noise, as score-based models have it. It is the x_t of a
`NoiseSchedule` divided by its ``signal``, so that sigma = sqrt((1 - alpha_bar) / alpha_bar). In these coordinates

    score(x) = -E[noise | x] / sigma                 what a network that predicts noise knows
    E[x_0 | x] = x + sigma**2 score(x)               Tweedie's formula

Reference: Robbins, "An empirical Bayes approach to statistics", 1956, for Tweedie's formula; Vincent, "A connection
between score matching and denoising autoencoders", 2011, for what a denoiser learns.
"""

from collections.abc import Callable

import numpy as np
from keras import ops

from diffusion_course.prediction import check_prediction, to_noise
from diffusion_course.schedules import NoiseSchedule


def tweedie(x, score, sigma):
    """The mean of the clean pictures that ``x`` may have come from, E[x_0 | x].

    Args:
        x: (B, ...), x_0 + sigma noise.
        score: like ``x``, the gradient of log p(x).
        sigma: standard deviation of the noise, 0 or more.

    Returns:
        (B, ...).
    """
    return x + sigma**2 * score


class DenoiserScore:
    """The score of noisy pictures, from a denoiser as samplers have it.

    Args:
        denoise: ``denoise(x_t, t, **conditions)`` with x_t (B, ..., C) and t (B,) int32 gives the prediction.
        schedule: the NoiseSchedule that the network was trained with.
        prediction: what it predicts: "noise", "x0" or "velocity".
        **conditions: handed to ``denoise`` in each call.

    Call arguments:
        x: (B, ..., C), x_0 + sigma noise.
        sigma: one of ``sigmas``.

    Returns:
        (B, ..., C), the gradient of log p(x).

    Attributes:
        sigmas: (T,), increasing, the noise that each step of the schedule stands for; the network knows no others.

    Raises:
        ValueError: an unknown kind of prediction; when called, a ``sigma`` that is not one of ``sigmas``.
    """

    def __init__(
        self, denoise: Callable, schedule: NoiseSchedule, *, prediction: str = "noise", **conditions
    ):
        self.denoise, self.schedule, self.conditions = denoise, schedule, conditions
        self.prediction = check_prediction(prediction)
        self.sigmas = schedule.sigma / schedule.signal

    def levels(self, largest: float, smallest: float, count: int) -> np.ndarray:
        """At most ``count`` of ``sigmas`` from the largest to the smallest, each about the same factor below the last.

        Args:
            largest, smallest: wished ends, above 0; the nearest of ``sigmas`` are taken.
            count: 1 or more; fewer come back where two wishes have the same nearest level.

        Raises:
            ValueError: the ends are out of order, or ``count`` is not positive.
        """
        if not 0 < smallest <= largest or count < 1:
            raise ValueError(
                "`largest`, `smallest` and `count` must be positive, and `largest` no smaller than `smallest`. "
                f"Received: {largest}, {smallest}, {count}"
            )
        wished = np.geomspace(largest, smallest, count)
        nearest = np.abs(np.log(self.sigmas)[:, None] - np.log(wished)).argmin(axis=0)
        return self.sigmas[np.unique(nearest)[::-1]]

    def noise(self, x, sigma: float):
        """E[noise | x], (B, ..., C), the network's prediction as noise; arguments as in a call."""
        step = int(np.abs(self.sigmas - sigma).argmin())
        if not np.isclose(self.sigmas[step], sigma, rtol=1e-4, atol=0):
            raise ValueError(
                "`sigma` must be one of `sigmas`: the network was trained with no others. "
                f"Received: {sigma}; the nearest is {self.sigmas[step]}"
            )
        signal, b = float(self.schedule.signal[step]), float(self.schedule.sigma[step])
        x_t = signal * ops.convert_to_tensor(x, dtype="float32")
        t = ops.full((x_t.shape[0],), int(self.schedule.timesteps[step]), dtype="int32")
        said = ops.cast(self.denoise(x_t, t, **self.conditions), "float32")
        return to_noise(self.prediction, said, x_t, signal, b)

    def __call__(self, x, sigma: float):
        return -self.noise(x, sigma) / sigma
