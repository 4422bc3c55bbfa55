"""Guidance: away from what a worse denoiser says, further in the direction of the better one."""

from collections.abc import Callable

import numpy as np


def guided(denoise: Callable, weaker: Callable, weight: float) -> Callable:
    """Extrapolates from a weaker denoiser through the better one: weaker + weight (denoise - weaker).

    The formula is linear, so it means the same whatever both predict, as long as they predict the same. With a smaller
    or shorter trained network of the same task as ``weaker`` this is autoguidance.

    Args:
        denoise, weaker: each (x (B, H, W, C), t (B,)) -> (B, H, W, C).
        weight: 1 is ``denoise`` itself, 0 is ``weaker``; above 1 exaggerates what sets the two apart.

    Returns:
        A function like ``denoise``, which calls both.

    Raises:
        ValueError: the weight is not a finite number.

    Reference: Karras et al., "Guiding a diffusion model with a bad version of itself", 2024 (arXiv:2406.02507).
    """
    if not np.isfinite(weight):
        raise ValueError(f"`weight` must be a finite number. Received: weight={weight}")

    def towards(x, t):
        start = weaker(x, t)
        return start + weight * (denoise(x, t) - start)

    return towards
