"""DDIM: the same network, fewer steps, with as much fresh noise as you like, down to none."""

import numpy as np

from diffusion_course.samplers.base import Sampler
from diffusion_course.schedules import NoiseSchedule


class DDIMSampler(Sampler):
    """Splits x_t into picture and noise, and puts both together again at the next, lower noise level.

    Args:
        schedule, prediction, clip, compile, jit: as in `Sampler`. Where x0_hat is clipped, the noise is what is then
            left of x_t.
        eta: 0 to 1, the share of fresh noise. At 0 the picture follows from x_T alone; at 1 this is
            `DDPMSampler(variance="small")`.

    Raises:
        ValueError: eta outside of its range.

    Reference: Song, Meng and Ermon, "Denoising diffusion implicit models", 2021 (arXiv:2010.02502), equations 12
    and 16.
    """

    def __init__(self, schedule: NoiseSchedule, *, eta: float = 0.0, **kwargs):
        super().__init__(schedule, **kwargs)
        if not 0 <= eta <= 1:
            raise ValueError(f"`eta` must be from 0 to 1. Received: eta={eta}")
        self.eta = float(eta)

    def coefficients(self, schedule: NoiseSchedule) -> dict[str, np.ndarray]:
        # x_prev = sqrt(alpha_bar_prev) x0_hat + direction eps + s z, direction**2 = 1 - alpha_bar_prev - s**2,
        # with eps = (x_t - signal x0_hat) / sigma.
        s = self.eta * np.sqrt(schedule.posterior_variance)  # eq. 16
        # The same as in eq. 12, factored so that nothing cancels: s**2 is (1 - alpha_bar_prev) times a share.
        share = self.eta**2 * schedule.betas / (1 - schedule.alpha_bars)
        direction = np.sqrt((1 - schedule.alpha_bars_prev) * np.maximum(1 - share, 0))
        b = direction / schedule.sigma
        return {"a": np.sqrt(schedule.alpha_bars_prev) - b * schedule.signal, "b": b, "s": s}
