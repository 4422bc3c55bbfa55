"""DDIM: the same network, fewer steps, with as much fresh noise as you like, down to none."""

from collections.abc import Callable, Iterator

import numpy as np
from keras import ops

from diffusion_course.prediction import x0_weights
from diffusion_course.samplers.base import Sampler, checked_clip
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
        columns = {"c_x": c_x, "c_p": c_p, "a": a, "b": b, "s": np.zeros(len(schedule))}
        return {"t": schedule.timesteps[here], **columns}

    def invert(self, denoise: Callable, x_0, *, steps=None, clip=None) -> Iterator[tuple]:
        """Walks from a picture up to the noise from which `sample` with eta = 0 would make it, roughly.

        Each step takes the noise found at the point where it starts, as if it held until the step's end: the error
        shrinks as steps are added.

        Args:
            denoise: as in `Sampler.__call__`.
            x_0: (B, ..., C), pictures in the range of the training data.
            steps: as in `Sampler.table`.
            clip: as in `Sampler`, but None by default whatever the sampler's own: what clipping changes on the way
                up cannot be undone on the way down.

        Yields:
            (x, x0_hat) after each step, both like ``x_0``. The last x is the noise.

        Raises:
            ValueError: as in `Sampler.__call__`.
        """
        return self._walk(denoise, *self._prepared(x_0, self._upwards(steps), 0, checked_clip(clip)))

    def encode(self, denoise: Callable, x_0, *, steps=None, clip=None):
        """`invert` as one compiled loop: arguments as there; returns the noise x_T, a tensor like ``x_0``."""
        return self._run(denoise, *self._prepared(x_0, self._upwards(steps), 0, checked_clip(clip)))

    def _upwards(self, steps) -> dict[str, np.ndarray]:
        table = self.inversion_table(steps)
        return {**table, "step": np.arange(len(table["t"]))}


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


def interpolate_noise(a, b, share):
    """Noise between two noises, along the arc and not the chord, so that it stays as strong as noise is.

    Args:
        a, b: (B, ...), standard normal noise; not opposite to each other.
        share: 0 gives ``a``, 1 gives ``b``; a number, or (B,).

    Returns:
        (B, ...); where both have the same norm, that is the norm of each result.

    Reference: Shoemake, "Animating rotation with quaternion curves", 1985; used for diffusion by Song, Meng and
    Ermon 2021, section 5.3 and appendix D.5.
    """
    a, b = ops.convert_to_tensor(a, dtype="float32"), ops.convert_to_tensor(b, dtype="float32")
    if tuple(a.shape) != tuple(b.shape) or len(a.shape) < 2:
        raise ValueError(
            f"`a` and `b` must be batches of one shape. Received: {tuple(a.shape)} and {tuple(b.shape)}"
        )
    axes = tuple(range(1, len(a.shape)))
    one_each = (-1,) + (1,) * len(axes)
    share = ops.reshape(ops.convert_to_tensor(share, dtype="float32"), one_each)  # (B or 1, 1, ...)

    def norm(x):
        return ops.sqrt(ops.sum(ops.square(x), axis=axes, keepdims=True))

    cosine = ops.sum(a * b, axis=axes, keepdims=True) / ops.maximum(norm(a) * norm(b), 1e-20)
    angle = ops.arccos(ops.clip(cosine, -1.0, 1.0))
    # So close to each other the arc is the chord, and the formula would divide 0 by 0.
    near = angle < 1e-3
    sine = ops.sin(ops.where(near, 1.0, angle))
    weight_a = ops.where(near, 1 - share, ops.sin((1 - share) * angle) / sine)
    weight_b = ops.where(near, share, ops.sin(share * angle) / sine)
    return weight_a * a + weight_b * b
