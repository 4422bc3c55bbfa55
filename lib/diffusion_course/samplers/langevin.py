"""Annealed Langevin dynamics: uphill along the score, with noise, at one noise level after another.

Built by hand in chapter 10.

One step is x + size / 2 score(x) + sqrt(size) z. Repeated with a small size, it draws from the density whose score it
follows, if you wait long enough to cross from one hump to another. Humps far apart are never crossed between; at a
high noise level they are one. So the walk begins at a high level and comes down.

A Gaussian of standard deviation 2, noised by 1.5: all points reach the standard deviation 2.5 of the noisy ones, but
for what the step's size adds:

    >>> score = lambda x, sigma: -x / (4 + sigma**2)
    >>> point = last(annealed_langevin(score, np.zeros((2000, 1)), [1.5], repeats=60, size=0.2))
    >>> point.sigma, bool(abs(np.std(point.x) - 2.5) < 0.1)
    (1.5, True)

Reference: Song and Ermon, "Generative modeling by estimating gradients of the data distribution", 2019
(arXiv:1907.05600), algorithm 1.
"""

from collections.abc import Callable, Iterator, Sequence
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np

from diffusion_course.samplers.base import checked_batch, last
from diffusion_course.samplers.noise import PictureNoise
from diffusion_course.samplers.score import tweedie


class LangevinPoint(NamedTuple):
    """Where a walk is after all steps of a level.

    Attributes:
        x: (B, ..., C), pictures with noise of that level.
        sigma: the level.
    """

    x: Any
    sigma: float


def langevin_step(x, score, size: float, z):
    """One step of Langevin dynamics.

    Args:
        x: (B, ...).
        score: like ``x``, the gradient of log p at ``x``.
        size: above 0. The density that is reached is p but for an error that shrinks with it.
        z: like ``x``, standard normal noise.

    Returns:
        (B, ...).
    """
    return x + 0.5 * size * score + size**0.5 * z


def annealed_langevin(
    score: Callable,
    x,
    sigmas: Sequence[float],
    *,
    repeats: int = 5,
    size: float = 0.2,
    seed: int = 0,
    first: int = 0,
) -> Iterator[LangevinPoint]:
    """Walks down the noise levels, with several steps of Langevin dynamics at each.

    Args:
        score: ``score(x, sigma)`` gives the gradient of log p of the noisy pictures, e.g. `score.DenoiserScore`.
        x: (B, ..., C), to begin with: noise times ``sigmas[0]``, as a rule.
        sigmas: the levels, falling, above 0.
        repeats: steps at each level, 1 or more; each takes a call of ``score``.
        size: of the steps, as a share of the level's variance: sigma**2 size. So noise and score weigh the same at
            every level.
        seed, first: as in `Sampler.__call__`: what picture i gets depends on (seed, i) alone.

    Yields:
        A `LangevinPoint` after each level. The last one still has noise of the last level.

    Raises:
        ValueError: an argument breaks these rules.
    """
    levels = np.asarray(sigmas, "float64")
    if levels.ndim != 1 or not levels.size or not (levels > 0).all() or (np.diff(levels) >= 0).any():
        raise ValueError(f"`sigmas` must fall, and stay above 0. Received: {sigmas}")
    if isinstance(repeats, bool) or not isinstance(repeats, Integral) or repeats < 1 or not size > 0:
        raise ValueError(
            f"`repeats` must be an integer of 1 or more, and `size` above 0. Received: {repeats!r}, {size!r}"
        )
    x = checked_batch(x)
    noise = PictureNoise(tuple(x.shape), seed=seed, first=first)

    def walk(x):
        for sigma in levels.tolist():
            for _ in range(repeats):
                x = langevin_step(x, score(x, sigma), size * sigma**2, noise())
            yield LangevinPoint(x, sigma)

    return walk(x)


def langevin_sample(score: Callable, x, sigmas: Sequence[float], **options):
    """The end of `annealed_langevin`, and there the mean of the clean pictures: the noise that is left is taken away.

    Args:
        score, x, sigmas, **options: as in `annealed_langevin`.

    Returns:
        (B, ..., C), a tensor.

    Reference: Jolicoeur-Martineau et al., "Adversarial score matching and improved sampling for image generation",
    2021 (arXiv:2009.05475), section 3, for the last step.
    """
    end = last(annealed_langevin(score, x, sigmas, **options))
    return tweedie(end.x, score(end.x, end.sigma), end.sigma)
