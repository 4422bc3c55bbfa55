"""Guidance: away from what a worse denoiser says, further in the direction of the better one."""

from collections.abc import Callable

import numpy as np


def guided(denoise: Callable, weaker: Callable, guidance_scale: float) -> Callable:
    """Extrapolates from a weaker denoiser through the better one: weaker + guidance_scale (denoise - weaker).

    The two factors, 1 - guidance_scale and guidance_scale, sum to 1. At a given x_t, noise, x0 and velocity are affine
    functions of each other, so the result is the same whichever of them both predict. With a smaller or less trained
    network for the same task as ``weaker`` this is autoguidance.

    Args:
        denoise, weaker: each (x (B, H, W, C), t (B,)) -> (B, H, W, C).
        guidance_scale: the paper's w. 1 is ``denoise`` itself, 0 is ``weaker``; above 1 goes beyond ``denoise``.

    Returns:
        A function like ``denoise``, which calls both.

    Raises:
        ValueError: the scale is not a finite number.

    Reference: Karras et al., "Guiding a diffusion model with a bad version of itself", 2024 (arXiv:2406.02507).
    """
    if not np.isfinite(guidance_scale):
        raise ValueError(
            f"`guidance_scale` must be a finite number. Received: guidance_scale={guidance_scale}"
        )

    def towards(x, t):
        start = weaker(x, t)
        return start + guidance_scale * (denoise(x, t) - start)

    return towards
