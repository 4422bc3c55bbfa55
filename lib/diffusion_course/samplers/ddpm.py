"""Ancestral sampling: each step draws from the posterior q(x_{t-1} | x_t, x0_hat)."""

import numpy as np

from diffusion_course.samplers.base import Sampler
from diffusion_course.schedules import NoiseSchedule

VARIANCES = ("small", "large")


class DDPMSampler(Sampler):
    """The sampler with which diffusion models began.

    Args:
        schedule, prediction, clip, compile, jit: as in `Sampler`.
        variance: of the noise that a step adds. "small" is the posterior variance, right if the data were a single
            picture; "large" is beta, right if they were standard normal noise. With many steps both do.

    Raises:
        ValueError: an unknown variance.

    Reference: Ho et al., "Denoising diffusion probabilistic models", 2020 (arXiv:2006.11239), algorithm 2 and
    section 3.2.
    """

    def __init__(self, schedule: NoiseSchedule, *, variance: str = "small", **kwargs):
        super().__init__(schedule, **kwargs)
        if variance not in VARIANCES:
            raise ValueError(f"`variance` must be one of {', '.join(VARIANCES)}. Received: {variance!r}")
        self.variance = variance

    def coefficients(self, schedule: NoiseSchedule) -> dict[str, np.ndarray]:
        s = np.sqrt(schedule.posterior_variance if self.variance == "small" else schedule.betas)
        s[0] = 0  # the last step keeps the mean: noise there would only be seen
        return {"a": schedule.posterior_mean_x0, "b": schedule.posterior_mean_xt, "s": s}
