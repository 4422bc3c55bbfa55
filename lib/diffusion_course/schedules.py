"""Noise schedules: how much of the picture and how much noise there is at each step. No randomness, no network.

Symbols as in Ho et al., "Denoising diffusion probabilistic models", 2020 (arXiv:2006.11239). The papers count steps
from 1 to T; here, as in all code, step ``t`` runs from 0 (almost clean) to T - 1 (almost pure noise).

    >>> schedule = NoiseSchedule.cosine(1000)
    >>> schedule
    NoiseSchedule('cosine', 1000 steps, alpha_bar 1 to 2.429e-09)
    >>> schedule.respace(4).timesteps.tolist(), [round(float(a), 3) for a in schedule.respace(4).alpha_bars]
    ([249, 499, 749, 999], [0.847, 0.494, 0.144, 0.0])

Chapter 05 builds all of this by hand, chapter 06 the posterior.
"""

import math
from functools import cached_property

import numpy as np
from keras import KerasTensor, ops
from keras.backend import standardize_dtype

LARGEST_BETA = 0.999  # Nichol and Dhariwal clip here, so that the last step does not destroy everything


class NoiseSchedule:
    """The variances of a forward process, and everything that follows from them, in float64.

    Args:
        betas: (T,), variance of the noise that step t adds, each above 0 and below 1.
        timesteps: (T,), what the network is told at each step; 0 to T - 1 by default. A respaced schedule keeps the
            numbers of the schedule that the network was trained on.
        name: how figures call it.

    Attributes:
        betas, alphas, alpha_bars, alpha_bars_prev: (T,) float64. alpha = 1 - beta; alpha_bar is the product of all
            alphas up to t, the share of the picture's variance that is left; ``prev`` is that of the step before
            (1 at t = 0).
        signal, sigma: (T,) float64, sqrt(alpha_bar) and sqrt(1 - alpha_bar): x_t = signal x_0 + sigma noise.
        snr, log_snr: (T,) float64, signal-to-noise ratio alpha_bar / (1 - alpha_bar) and its natural logarithm.
        posterior_variance, posterior_mean_x0, posterior_mean_xt: (T,) float64, see `posterior`.

    Raises:
        ValueError: a beta or a time step breaks these rules.
    """

    def __init__(self, betas, timesteps=None, name: str = "custom"):
        betas = np.array(betas, dtype=np.float64)
        if betas.ndim != 1 or not betas.size or not ((betas > 0) & (betas < 1)).all():
            received = f"{betas.min()} to {betas.max()}" if betas.size else "none"
            raise ValueError(
                f"`betas` must be a list of numbers above 0 and below 1. Received: shape {betas.shape}, {received}"
            )
        timesteps = np.arange(len(betas)) if timesteps is None else np.array(timesteps)
        if (
            timesteps.shape != betas.shape
            or timesteps.dtype.kind not in "iu"
            or (np.diff(timesteps.astype(np.int64)) < 1).any()  # unsigned differences wrap around
            or timesteps[0] < 0
        ):
            raise ValueError(
                f"`timesteps` must be {len(betas)} increasing integers of 0 or more, one per beta. "
                f"Received: {timesteps}"
            )
        self.betas, self.timesteps, self.name = betas, timesteps.astype(np.int64), name

    @classmethod
    def linear(cls, steps: int = 1000, beta_start: float = 1e-4, beta_end: float = 0.02) -> "NoiseSchedule":
        """Betas on a straight line, scaled by 1000 / steps so that any number of steps ends in the same noise.

        Args:
            steps: T, at least 25 with the default end, since no scaled beta may reach 1.
            beta_start, beta_end: first and last beta of the schedule with 1,000 steps.

        Reference: Ho et al. 2020, section 4; the scaling is that of Nichol and Dhariwal's code.
        """
        steps = _checked(steps)
        scale = 1000 / steps
        return cls(np.linspace(scale * beta_start, scale * beta_end, steps), name="linear")

    @classmethod
    def scaled_linear(
        cls, steps: int = 1000, beta_start: float = 0.00085, beta_end: float = 0.012
    ) -> "NoiseSchedule":
        """The square roots of beta on a straight line: gentler at the start. Stable Diffusion's schedule.

        Args:
            steps: T; betas are scaled by 1000 / steps as in `linear`.
            beta_start, beta_end: first and last beta of the schedule with 1,000 steps.

        Reference: Rombach et al., "High-resolution image synthesis with latent diffusion models", 2022
        (arXiv:2112.10752), and its code.
        """
        steps = _checked(steps)
        scale = 1000 / steps
        roots = np.linspace(math.sqrt(scale * beta_start), math.sqrt(scale * beta_end), steps)
        return cls(roots**2, name="scaled linear")

    @classmethod
    def cosine(cls, steps: int = 1000, offset: float = 0.008) -> "NoiseSchedule":
        """alpha_bar falls along a squared cosine: noise comes in evenly, and late steps are not wasted.

        Args:
            steps: T.
            offset: s of the paper, above 0; keeps the first beta from vanishing.

        Reference: Nichol and Dhariwal, "Improved denoising diffusion probabilistic models", 2021 (arXiv:2102.09672),
        equation 17; betas are clipped at 0.999 as there.
        """
        if not offset > 0:
            raise ValueError(f"`offset` must be above 0. Received: offset={offset}")
        steps = _checked(steps)
        time = np.arange(steps + 1) / steps  # (T + 1,)
        f = np.cos((time + offset) / (1 + offset) * math.pi / 2) ** 2
        return cls(np.minimum(1 - f[1:] / f[:-1], LARGEST_BETA), name="cosine")

    def __len__(self) -> int:
        return len(self.betas)

    def __repr__(self) -> str:
        first, last = self.alpha_bars[[0, -1]]
        return f"NoiseSchedule({self.name!r}, {len(self)} steps, alpha_bar {first:.4g} to {last:.4g})"

    @cached_property
    def alphas(self) -> np.ndarray:
        return 1 - self.betas

    @cached_property
    def alpha_bars(self) -> np.ndarray:
        return np.cumprod(self.alphas)

    @cached_property
    def alpha_bars_prev(self) -> np.ndarray:
        return np.append(1.0, self.alpha_bars[:-1])

    @cached_property
    def signal(self) -> np.ndarray:
        return np.sqrt(self.alpha_bars)

    @cached_property
    def sigma(self) -> np.ndarray:
        return np.sqrt(1 - self.alpha_bars)

    @cached_property
    def snr(self) -> np.ndarray:
        return self.alpha_bars / (1 - self.alpha_bars)

    @cached_property
    def log_snr(self) -> np.ndarray:
        return np.log(self.snr)

    # Ho et al. 2020, eq. 7: q(x_{t-1} | x_t, x_0) is normal, its mean posterior_mean_x0 x_0 + posterior_mean_xt x_t.
    @cached_property
    def posterior_variance(self) -> np.ndarray:
        return self.betas * (1 - self.alpha_bars_prev) / (1 - self.alpha_bars)

    @cached_property
    def posterior_mean_x0(self) -> np.ndarray:
        return self.betas * np.sqrt(self.alpha_bars_prev) / (1 - self.alpha_bars)

    @cached_property
    def posterior_mean_xt(self) -> np.ndarray:
        return (1 - self.alpha_bars_prev) * np.sqrt(self.alphas) / (1 - self.alpha_bars)

    def at(self, values: np.ndarray, t, ndim: int = 4):
        """Picks one of the schedule's columns at the steps of a batch.

        Args:
            values: (T,), e.g. ``schedule.signal``.
            t: integer steps 0 to T - 1, a scalar or (B,).
            ndim: dimensions of what the result is to be multiplied with.

        Returns:
            float32, (B, 1, ..., 1) with ``ndim`` dimensions, or a scalar.

        Raises:
            ValueError: a step that is no integer or lies outside of the schedule. Inside compiled code, where values
                are not known yet, nobody looks.
        """
        if np.shape(values) != (len(self),):
            raise ValueError(
                f"`values` must be a column of this schedule, {len(self)}. Received: {np.shape(values)}"
            )
        _check_steps(t, len(self))
        picked = ops.take(ops.convert_to_tensor(values.astype("float32")), ops.cast(t, "int32"))
        return ops.reshape(picked, (-1,) + (1,) * (ndim - 1)) if len(picked.shape) else picked

    def add_noise(self, x0, noise, t):
        """Noisy pictures x_t in one jump: sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) noise.

        Args:
            x0: (B, ...), clean, in [-1, 1] where pictures are meant.
            noise: (B, ...), standard normal.
            t: integer steps 0 to T - 1, a scalar or (B,).

        Returns:
            (B, ...), like ``x0``.

        Raises:
            ValueError: a step as `at` refuses it.

        Reference: Ho et al. 2020, equation 4.
        """
        ndim = len(x0.shape)
        return self.at(self.signal, t, ndim) * x0 + self.at(self.sigma, t, ndim) * noise

    def posterior(self, x0, x_t, t):
        """Mean and variance of q(x_{t-1} | x_t, x_0): where a picture came from, when its clean version is known.

        Args:
            x0, x_t: (B, ...).
            t: integer steps 0 to T - 1, a scalar or (B,).

        Returns:
            mean (B, ...), and variance (B, 1, ...) or a scalar; at t = 0 the mean is ``x0`` and the variance 0.

        Raises:
            ValueError: a step as `at` refuses it.

        Reference: Ho et al. 2020, equation 7.
        """
        ndim = len(x_t.shape)
        mean = self.at(self.posterior_mean_x0, t, ndim) * x0 + self.at(self.posterior_mean_xt, t, ndim) * x_t
        return mean, self.at(self.posterior_variance, t, ndim)

    def respace(self, steps) -> "NoiseSchedule":
        """A shorter schedule that visits some of this one's steps, with the same noise at each of them.

        Args:
            steps: how many, 1 to T, evenly spread and always with the last one; or the list of steps to keep, which
                must end with the last one.

        Returns:
            A NoiseSchedule whose alpha_bars are this one's at those steps, and whose ``timesteps`` are those steps.

        Raises:
            ValueError: too few, too many, or a list that is not increasing or lacks the last step.

        Reference: Nichol and Dhariwal 2021, section 4.
        """
        total = len(self)
        if np.ndim(steps) == 0:
            if not 1 <= steps <= total or steps != int(steps):
                raise ValueError(f"`steps` must be an integer from 1 to {total}. Received: steps={steps}")
            keep = np.round(np.linspace(0, total, int(steps) + 1)[1:]).astype(int) - 1
        else:
            keep = np.array(steps)
            keep = keep.astype(np.int64) if keep.dtype.kind == "u" else keep
            if (
                keep.ndim != 1
                or keep.dtype.kind not in "iu"
                or (np.diff(keep) < 1).any()
                or keep[0] < 0
                or keep[-1] != total - 1
            ):
                raise ValueError(f"`steps` must increase and end with {total - 1}. Received: {list(steps)}")
        kept = self.alpha_bars[keep]
        betas = 1 - kept / np.append(1.0, kept[:-1])
        return NoiseSchedule(betas, self.timesteps[keep], f"{self.name}, {len(keep)} of {total} steps")


def _checked(steps) -> int:
    # The comparison comes first: NaN and infinity have no int().
    if not 1 <= steps < math.inf or steps != int(steps):
        raise ValueError(f"`steps` must be a positive integer. Received: steps={steps}")
    return int(steps)


def _check_steps(t, total: int) -> None:
    rule = f"`t` must be integer steps from 0 to {total - 1}"
    if "int" not in (dtype := standardize_dtype(getattr(t, "dtype", None) or np.asarray(t).dtype)):
        raise ValueError(f"{rule}. Received: {dtype}, t={t}")
    if isinstance(t, KerasTensor):
        return
    try:
        t = ops.convert_to_numpy(t)
    except (NotImplementedError, TypeError):  # a symbol inside compiled code, of TensorFlow or JAX
        return
    wrong = t[(t < 0) | (t >= total)]
    if wrong.size:
        raise ValueError(f"{rule}. Received: t={wrong[0]}")
