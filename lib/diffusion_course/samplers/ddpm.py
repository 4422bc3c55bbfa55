"""Ancestral sampling: each step draws from the posterior q(x_{t-1} | x_t, x0_hat).

Built by hand in chapter 06.
"""

import numpy as np
from keras import ops

from diffusion_course.samplers.base import Sampler
from diffusion_course.schedules import NoiseSchedule
from diffusion_course.variance import interpolate_log_variance, log_variance_range

VARIANCES = ("small", "large", "learned")


class DDPMSampler(Sampler):
    """The sampler with which diffusion models began.

    Args:
        schedule, prediction, clip: as in `Sampler`.
        variance: of the noise that a step adds. "small" is the posterior variance, right if the data were a single
            picture; "large" is beta, right if they were standard normal noise. With many steps both do. "learned"
            lets the network choose between them, pixel by pixel: it returns 2 C channels, of which the second half
            is the v of `variance.learned_log_variance`.

    Raises:
        ValueError: an unknown variance.

    Reference: Ho et al., "Denoising diffusion probabilistic models", 2020 (arXiv:2006.11239), algorithm 2 and
    section 3.2; for "learned" Nichol and Dhariwal 2021 (arXiv:2102.09672), section 3.1.
    """

    def __init__(self, schedule: NoiseSchedule, *, variance: str = "small", **kwargs):
        super().__init__(schedule, **kwargs)
        if variance not in VARIANCES:
            raise ValueError(
                f"`variance` must be one of {', '.join(VARIANCES)}. Received: variance={variance!r}"
            )
        self.variance = variance

    def coefficients(self, schedule: NoiseSchedule) -> dict[str, np.ndarray]:
        """The columns a, b, s; with a learned variance also its bounds, and s is 1 where the network sets it."""
        columns = {"a": schedule.posterior_mean_x0, "b": schedule.posterior_mean_xt}
        if self.variance == "learned":
            columns["s"] = np.ones(len(schedule))
            columns["log_small"], columns["log_large"] = log_variance_range(schedule)
        else:
            columns["s"] = np.sqrt(
                schedule.posterior_variance if self.variance == "small" else schedule.betas
            )
        columns["s"][0] = 0  # the last step keeps the mean: noise there would only be seen
        return columns

    def _read(self, said, x, row):
        if self.variance != "learned":
            return super()._read(said, x, row)
        channels = x.shape[-1]
        if tuple(said.shape) != (*x.shape[:-1], 2 * channels):
            raise ValueError(
                "A learned variance needs 2C channels, the prediction and v: "
                f"`denoise` must return (..., {2 * channels}). Received: shape {tuple(said.shape)}"
            )
        log_variance = interpolate_log_variance(said[..., channels:], row["log_small"], row["log_large"])
        return said[..., :channels], row["s"] * ops.exp(0.5 * log_variance)
