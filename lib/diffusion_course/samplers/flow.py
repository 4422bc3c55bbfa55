"""The probability-flow ODE: from noise to a picture, and back, along a smooth path; DDIM is Euler's way to follow it.

Built by hand in chapter 10.

In the coordinates of `samplers.score`, x = x_0 + sigma noise, the equation is dx / dsigma = E[noise | x]. For data
N(0, 1) its solution is known: x grows as the standard deviation of the noisy data does, from 2 at sigma = sqrt(3) down
to 1.

    >>> noise = lambda x, sigma: sigma * x / (1 + sigma**2)
    >>> for order in (1, 2):
    ...     sigmas = np.linspace(3**0.5, 0, 21)
    ...     print(order, f"{float(last_x(noise, [[2.0]], sigmas, order=order)[0, 0]):.4f}")
    1 0.9684
    2 0.9971

Reference: Song et al., "Score-based generative modeling through stochastic differential equations", 2021
(arXiv:2011.13456), section 4.3; Karras et al., "Elucidating the design space of diffusion-based generative models",
2022 (arXiv:2206.00364), algorithm 1, for these coordinates and Heun's method.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from diffusion_course.samplers.base import checked_batch


def follow_flow(noise: Callable, x, sigmas: Sequence[float], *, order: int = 2) -> Iterator:
    """Follows the probability-flow ODE over given noise levels, down or up.

    Args:
        noise: ``noise(x, sigma)`` gives E[noise | x], like ``x``; never asked at sigma = 0.
        x: (B, ..., C), at the level ``sigmas[0]``.
        sigmas: S levels, all falling or all rising, 0 or more.
        order: 1 for Euler's method, a call per step; 2 for Heun's, two calls per step, but one where the step begins
            or ends at 0.

    Yields:
        x after each of the S - 1 steps.

    Raises:
        ValueError: an argument breaks these rules.
    """
    levels = np.asarray(sigmas, "float64")
    steps = np.diff(levels) if levels.ndim == 1 else np.zeros(1)
    if not steps.size or not ((steps < 0).all() or (steps > 0).all()) or not (levels >= 0).all():
        raise ValueError(
            f"`sigmas` must be two or more levels of 0 or more, all falling or all rising. Received: {sigmas}"
        )
    if order not in (1, 2):
        raise ValueError(f"`order` must be 1 (Euler) or 2 (Heun). Received: {order!r}")

    def walk(x):
        for here, there in zip(levels[:-1].tolist(), levels[1:].tolist(), strict=True):
            # At 0 there is no noise to ask for. From there, the slope at the step's end stands for that of the step.
            slope = noise(x, here or there)
            ahead = x + (there - here) * slope
            if order == 2 and here and there:
                ahead = x + (there - here) * 0.5 * (slope + noise(ahead, there))
            x = ahead
            yield x

    return walk(checked_batch(x))


def last_x(noise: Callable, x, sigmas: Sequence[float], *, order: int = 2):
    """The end of `follow_flow`; arguments as there."""
    for x in follow_flow(noise, x, sigmas, order=order):  # noqa: B007, B020  the last one is what is wanted
        pass
    return x
