"""Guidance: away from what a worse denoiser says, further in the direction of the better one.

One convention for all of it: weaker + guidance_scale (better - weaker), so 1 is off. Papers that count from 0 mean
``guidance_scale`` - 1.

Built by hand in chapter 13; chapters 07 to 09 use it, by a weaker network.
"""

from collections.abc import Callable, Mapping

import numpy as np
from keras import ops

from diffusion_course import backend


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


def classifier_free(
    denoise: Callable, unconditional: Mapping, guidance_scale: float, *, rescale: float = 0.0
) -> Callable:
    """Extrapolates from a denoiser without its condition to the same one with it, in one call on 2 B pictures.

    Args:
        denoise: ``(x, t, **conditions)`` -> (B, ..., C).
        unconditional: condition -> what stands for "none", or for what to lead away from (a negative prompt): without
            the batch's dimension, or (B, ...). Conditions that are not named here are the same on both sides.
        guidance_scale: 1 is ``denoise`` itself, 0 is without the condition; above 1 exaggerates it.
        rescale: share of `rescaled` in the result, from 0, which is off, to 1.

    Returns:
        A function like ``denoise``.

    Raises:
        ValueError: the scale is not a finite number, or a share is none; when called: a condition in
            ``unconditional`` is not given.

    Reference: Ho and Salimans, "Classifier-free diffusion guidance", 2022 (arXiv:2207.12598), equation 6, with
    w = ``guidance_scale`` - 1.
    """
    check_scale(guidance_scale)
    check_share(rescale)

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
        led = beyond(none, conditional, guidance_scale)
        return rescaled(led, conditional, rescale) if rescale else led

    return towards


def rescaled(led, conditional, share: float = 0.7):
    """Brings a guided prediction back to the spread of the conditional one, which a high scale has blown up.

    Args:
        led, conditional: (B, ..., C), predictions with guidance and at scale 1.
        share: the paper's phi, 0 to 1: how much of the rescaled prediction is in the result, the rest being ``led``.

    Returns:
        (B, ..., C). The standard deviation is taken over each picture by itself.

    Raises:
        ValueError: the share is not from 0 to 1.

    Reference: Lin et al., "Common diffusion noise schedules and sample steps are flawed", 2023 (arXiv:2305.08891),
    section 3.4, equations 14 to 16.
    """
    check_share(share)
    axes = tuple(range(1, len(led.shape)))
    wanted, blown = (ops.std(x, axis=axes, keepdims=True) for x in (conditional, led))  # (B, 1, ..., 1)
    return (share * wanted / ops.maximum(blown, 1e-12) + (1 - share)) * led


def classifier_gradient(logits: Callable, *, jit: bool = False) -> Callable:
    """The direction in which a noised picture becomes more of its class, as one compiled function.

    Args:
        logits: ``(x, t)`` -> (B, K) for x (B, ..., C) and t (B,), of tensors, e.g. a call of a `NoisyClassifier`. Each
            row must follow from its own picture alone, as in every network that is not training.
        jit: as for `Denoiser`.

    Returns:
        ``(x, t, label)`` -> (B, ..., C), the gradient of log p(label | x) with respect to x.
    """

    def log_probability(x, t, label):
        of_all = ops.log_softmax(logits(x, t), axis=-1)  # (B, K)
        return ops.take_along_axis(of_all, label[:, None], axis=-1)[:, 0]  # (B,)

    compiled = backend.compile_function(backend.gradient(log_probability), jit=jit)

    def at(x, t, label):
        x = ops.convert_to_tensor(x, dtype="float32")
        t, label = (ops.broadcast_to(ops.cast(value, "int32"), (x.shape[0],)) for value in (t, label))
        return compiled(x, t, label)

    return at


def classifier_guided(
    denoise: Callable,
    gradient: Callable,
    guidance_scale: float,
    *,
    signal,
    sigma,
    prediction: str,
    unconditional: Mapping | None = None,
) -> Callable:
    """Leads a denoiser that knows no classes along the gradient of a classifier of noised pictures.

    The score of p(x | y) is that of p(x) plus the gradient of log p(y | x), and a denoiser's noise is -sigma times a
    score. So the noise moves by -sigma times the gradient, and x0 and velocity by what that means for them.

    Args:
        denoise: ``(x, t, **conditions)`` -> prediction (B, ..., C), of pictures of all classes.
        gradient: ``(x, t, label)`` -> (B, ..., C), e.g. from `classifier_gradient`.
        guidance_scale: 0 is ``denoise`` itself, 1 the class as often as it should be; above 1 exaggerates it. So it is
            the scale of `classifier_free`, to which the unconditional denoiser is the other end.
        signal, sigma: (T,), those of the noise schedule that ``denoise`` was trained with.
        prediction: what ``denoise`` returns: "noise", "x0" or "velocity".
        unconditional: for a denoiser that could be told the class, condition -> what stands for "none", as in
            `classifier_free`. By default it has no such input, and is not handed the ``label``.

    Returns:
        A function ``(x, t, label, **conditions)`` -> prediction.

    Raises:
        ValueError: the scale is not a finite number, or an unknown kind of prediction.

    Reference: Dhariwal and Nichol, "Diffusion models beat GANs on image synthesis", 2021 (arXiv:2105.05233), section 4,
    equation 14 and algorithm 2, with s = ``guidance_scale``.
    """
    check_scale(guidance_scale)
    kinds = ("noise", "x0", "velocity")
    if prediction not in kinds:
        raise ValueError(f"`prediction` must be one of {', '.join(kinds)}. Received: {prediction!r}")
    signal, sigma = np.asarray(signal, np.float64), np.asarray(sigma, np.float64)
    # x_t = signal x0 + sigma noise, and signal velocity = noise - sigma x_t: what a noise less by sigma means for each.
    shift = {"noise": -sigma, "x0": sigma**2 / signal, "velocity": -sigma / signal}[prediction]
    shift = ops.convert_to_tensor(shift, dtype="float32")  # (T,)

    def towards(x, t, label, **conditions):
        x = ops.convert_to_tensor(x, dtype="float32")
        for name, none in (unconditional or {}).items():
            none = ops.convert_to_tensor(none)
            conditions[name] = ops.broadcast_to(none, (x.shape[0], *none.shape))
        said = denoise(x, t, **conditions)
        if guidance_scale == 0:
            return said
        steps = ops.broadcast_to(ops.cast(t, "int32"), (x.shape[0],))
        by = ops.reshape(ops.take(shift, steps), (-1,) + (1,) * (len(x.shape) - 1))  # (B, 1, ..., 1)
        return said + guidance_scale * by * gradient(x, t, label)

    return towards


def check_scale(guidance_scale: float) -> float:
    """Returns ``guidance_scale`` if it is a finite number, else raises ValueError."""
    if not np.isfinite(guidance_scale):
        raise ValueError(
            f"`guidance_scale` must be a finite number. Received: guidance_scale={guidance_scale}"
        )
    return guidance_scale


def check_share(share: float) -> float:
    """Returns ``share`` if it is from 0 to 1, else raises ValueError."""
    if not 0 <= share <= 1:
        raise ValueError(f"A share of rescaling must be from 0 to 1. Received: {share}")
    return share
