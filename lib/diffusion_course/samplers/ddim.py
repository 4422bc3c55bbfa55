"""DDIM: the same network, fewer steps, with as much fresh noise as you like, down to none.

Built by hand in chapter 09; its way from a picture up to the noise, `invert`, in chapter 10.
"""

from collections.abc import Callable, Iterator

import numpy as np

from diffusion_course.prediction import x0_weights
from diffusion_course.samplers.base import Point, Sampler, checked_clip, itinerary, last
from diffusion_course.schedules import NoiseSchedule


class DDIMSampler(Sampler):
    """Splits x_t into picture and noise, and puts both together again at the next, lower noise level.

    Args:
        schedule, prediction, clip: as in `Sampler`. Where x0_hat is clipped, the noise is what is then
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
        self.eta = checked_eta(eta)

    def coefficients(self, schedule: NoiseSchedule) -> dict[str, np.ndarray]:
        return ddim_coefficients(schedule, self.eta)

    def inversion_table(self, steps=None) -> dict[str, np.ndarray]:
        """The numbers of the way up, in the form of `table`; row i goes from the level of step i - 1 to that of i.

        Row 0 starts from the clean picture, at a level that the network has never seen: it is told the first step.
        """
        schedule = self.schedule if steps is None else self.schedule.respace(steps)
        signal, sigma = schedule.signal, schedule.sigma
        here = np.maximum(np.arange(len(schedule)) - 1, 0)  # the step that the network is asked about
        c_x, c_p = x0_weights(self.prediction, signal[here], sigma[here])
        b = sigma / sigma[here]
        a = signal - b * signal[here]
        # From x_0: signal x_0 + sigma eps with eps = (x_0 - signal x0_hat) / sigma.
        a[0], b[0] = -signal[0], 1 + signal[0]
        none = np.zeros(len(schedule))
        levels = {"alpha_bar": schedule.alpha_bars_prev, "alpha_bar_next": schedule.alpha_bars}
        columns = {"c_x": c_x, "c_p": c_p, "m": none, "a": a, "b": b, "s": none}
        return {"t": schedule.timesteps[here], **columns, **levels}

    def invert(self, denoise: Callable, x_0, *, steps=None, clip=None, **conditions) -> Iterator[Point]:
        """Walks from a picture up to the noise from which `sample` with eta = 0 would make it, roughly.

        Each step takes the noise found at the point where it starts, as if it held until the step's end: the error
        shrinks as steps are added.

        Args:
            denoise: as in `Sampler.__call__`.
            x_0: (B, ..., C), pictures in the range of the training data.
            steps: as in `Sampler.table`.
            clip: as in `Sampler`, but None by default whatever the sampler's own: what clipping changes on the way
                up cannot be undone on the way down.
            **conditions: as in `Sampler.__call__`.

        Yields:
            A `Point` after each step. The last one's x is the noise.

        Raises:
            ValueError: as in `Sampler.__call__`.
        """
        table = self.inversion_table(steps)
        upwards = itinerary(len(table["t"]))[::-1]
        return self._walk(denoise, x_0, table, upwards, 0, 0, checked_clip(clip), None, conditions)

    def encode(self, denoise: Callable, x_0, **options):
        """The end of `invert`: arguments as there; returns the noise x_T, a tensor like ``x_0``."""
        return last(self.invert(denoise, x_0, **options)).x


def ddim_coefficients(schedule: NoiseSchedule, eta: float) -> dict[str, np.ndarray]:
    """The columns a, b and s of `Sampler.coefficients`; equations 12 and 16 of the paper."""
    # x_prev = sqrt(alpha_bar_prev) x0_hat + direction eps + s z, direction**2 = 1 - alpha_bar_prev - s**2,
    # with eps = (x_t - signal x0_hat) / sigma.
    s = eta * np.sqrt(schedule.posterior_variance)  # eq. 16
    # The same as in eq. 12, factored so that nothing cancels: s**2 is (1 - alpha_bar_prev) times a share.
    share = eta**2 * schedule.betas / (1 - schedule.alpha_bars)
    direction = np.sqrt((1 - schedule.alpha_bars_prev) * np.maximum(1 - share, 0))
    b = direction / schedule.sigma
    return {"a": np.sqrt(schedule.alpha_bars_prev) - b * schedule.signal, "b": b, "s": s}


def checked_eta(eta: float) -> float:
    """Returns ``eta`` if it is a share of fresh noise, else raises ValueError."""
    if not 0 <= eta <= 1:
        raise ValueError(f"`eta` must be from 0 to 1. Received: eta={eta}")
    return float(eta)
