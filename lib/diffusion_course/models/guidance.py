"""Guidance: away from what a worse denoiser says, further in the direction of the better one.

One convention for all of it: weaker + guidance_scale (better - weaker), so 1 is off. Papers that count from 0 mean
``guidance_scale`` - 1.

Built by hand in chapter 08.
"""

from collections.abc import Callable, Mapping

import numpy as np
from keras import ops


def beyond(weaker, better, guidance_scale: float):
    """The one formula of guidance, weaker + guidance_scale (better - weaker), for predictions (B, ..., C)."""
    return weaker + guidance_scale * (better - weaker)


def guided(denoise: Callable, weaker: Callable, guidance_scale: float) -> Callable:
    """Extrapolates from a weaker denoiser through the better one: weaker + guidance_scale (denoise - weaker).

    The two factors, 1 - guidance_scale and guidance_scale, sum to 1. At a given x_t, noise, x0 and velocity are affine
    functions of each other, so the result is the same whichever of them both predict. With a smaller or less trained
    network for the same task as ``weaker`` this is autoguidance.

    Args:
        denoise, weaker: each ``(x, t, **conditions)`` -> (B, ..., C), for x (B, ..., C) and t (B,).
        guidance_scale: the paper's w. 1 is ``denoise`` itself, 0 is ``weaker``; above 1 goes beyond ``denoise``.

    Returns:
        A function like ``denoise``, which calls both with the same conditions.

    Raises:
        ValueError: the scale is not a finite number.

    Reference: Karras et al., "Guiding a diffusion model with a bad version of itself", 2024 (arXiv:2406.02507).
    """
    check_scale(guidance_scale)

    def towards(x, t, **conditions):
        start, better = weaker(x, t, **conditions), denoise(x, t, **conditions)
        if tuple(start.shape) != tuple(better.shape):
            raise ValueError(
                f"`denoise` and `weaker` must return one shape. Received: {tuple(better.shape)} and "
                f"{tuple(start.shape)}"
            )
        return beyond(start, better, guidance_scale)

    return towards


def classifier_free(denoise: Callable, unconditional: Mapping, guidance_scale: float) -> Callable:
    """Extrapolates from a denoiser without its condition to the same one with it, in one call on 2 B pictures.

    Args:
        denoise: ``(x, t, **conditions)`` -> (B, ..., C).
        unconditional: condition -> what stands for "none", or for what to lead away from (a negative prompt): without
            the batch's dimension, or (B, ...). Conditions that are not named here are the same on both sides.
        guidance_scale: 1 is ``denoise`` itself, 0 is without the condition; above 1 exaggerates it.

    Returns:
        A function like ``denoise``.

    Raises:
        ValueError: the scale is not a finite number; when called: a condition in ``unconditional`` is not given.

    Reference: Ho and Salimans, "Classifier-free diffusion guidance", 2022 (arXiv:2207.12598), equation 6, with
    w = ``guidance_scale`` - 1.
    """
    check_scale(guidance_scale)

    def towards(x, t, **conditions):
        missing = sorted(set(unconditional) - set(conditions))
        if missing:
            raise ValueError(
                f"The call must give what `unconditional` names, {missing}. Received: {sorted(conditions)}"
            )
        if guidance_scale == 1:
            return denoise(x, t, **conditions)
        both = {}
        for name, value in conditions.items():
            value = ops.convert_to_tensor(value)
            none = ops.convert_to_tensor(unconditional.get(name, value), dtype=value.dtype)
            if tuple(none.shape) not in (tuple(value.shape), tuple(value.shape)[1:]):
                raise ValueError(
                    f"`unconditional` must give {name} as {tuple(value.shape)[1:]}, or one per picture. "
                    f"Received: shape {tuple(none.shape)}"
                )
            both[name] = ops.concatenate([ops.broadcast_to(none, value.shape), value])  # (2 B, ...)
        t = ops.broadcast_to(t, (x.shape[0],))
        said = denoise(ops.concatenate([x, x]), ops.concatenate([t, t]), **both)  # (2 B, ..., C)
        if said.shape[0] != 2 * x.shape[0]:
            raise ValueError(
                f"`denoise` must return a row per picture, {2 * x.shape[0]}. Received: shape {tuple(said.shape)}"
            )
        none, conditional = ops.split(said, 2)
        return beyond(none, conditional, guidance_scale)

    return towards


def check_scale(guidance_scale: float) -> float:
    """Returns ``guidance_scale`` if it is a finite number, else raises ValueError."""
    if not np.isfinite(guidance_scale):
        raise ValueError(
            f"`guidance_scale` must be a finite number. Received: guidance_scale={guidance_scale}"
        )
    return guidance_scale
