"""What a diffusion network may predict: the noise, the clean picture x0, or the velocity; each gives the others.

With x_t = signal x_0 + sigma noise and signal**2 + sigma**2 = 1, picture and noise are the two legs of a right angle,
x_t is the point at angle phi on the circle between them, and the velocity is its derivative along the circle.

    >>> x0, noise, signal, sigma = 0.5, -2.0, 0.8, 0.6
    >>> x_t = signal * x0 + sigma * noise
    >>> velocity = target("velocity", x0, noise, signal, sigma)
    >>> x0_back, noise_back = (f("velocity", velocity, x_t, signal, sigma) for f in (to_x0, to_noise))
    >>> round(x_t, 4), round(velocity, 4), round(x0_back, 4), round(noise_back, 4)
    (-0.8, -1.9, 0.5, -2.0)

Chapter 06 derives and checks all of this by hand.

Reference: Salimans and Ho, "Progressive distillation for fast sampling of diffusion models", 2022 (arXiv:2202.00512),
section 4 and appendix D.
"""

PREDICTIONS = ("noise", "x0", "velocity")


def check_prediction(kind: str) -> str:
    """Returns ``kind`` if it is one of ``PREDICTIONS``.

    Raises:
        ValueError: it is not.
    """
    if kind not in PREDICTIONS:
        raise ValueError(f"`prediction` must be one of {', '.join(PREDICTIONS)}. Received: {kind!r}")
    return kind


def target(kind: str, x0, noise, signal, sigma):
    """What the network should have said.

    Args:
        kind: one of ``PREDICTIONS``.
        x0, noise: (B, ...), the clean picture and the noise in x_t.
        signal, sigma: sqrt(alpha_bar) and sqrt(1 - alpha_bar), broadcastable to ``x0``.

    Returns:
        (B, ...).

    Raises:
        ValueError: an unknown kind.
    """
    if check_prediction(kind) == "velocity":
        return signal * noise - sigma * x0
    return noise if kind == "noise" else x0


def x0_weights(kind: str, signal, sigma):
    """The two weights with which every kind gives the clean picture: x_0 = a x_t + b prediction.

    Args:
        kind: one of ``PREDICTIONS``.
        signal, sigma: numbers, arrays or tensors.

    Returns:
        (a, b). For "noise" both grow without bound as ``signal`` falls to 0: an error of the network grows with them.
    """
    check_prediction(kind)
    if kind == "noise":
        return 1 / signal, -sigma / signal
    return (0 * signal, 1 + 0 * signal) if kind == "x0" else (signal, -sigma)


def to_x0(kind: str, prediction, x_t, signal, sigma):
    """The clean picture that a prediction stands for.

    Args:
        kind: one of ``PREDICTIONS``, what ``prediction`` is.
        prediction, x_t: (B, ...).
        signal, sigma: as in `target`; ``signal`` above 0 for "noise".

    Returns:
        (B, ...).
    """
    a, b = x0_weights(kind, signal, sigma)
    return a * x_t + b * prediction


def to_noise(kind: str, prediction, x_t, signal, sigma):
    """The noise that a prediction stands for; arguments as in `to_x0`, with ``sigma`` above 0 for "x0"."""
    if check_prediction(kind) == "noise":
        return prediction
    if kind == "velocity":
        return sigma * x_t + signal * prediction
    return (x_t - signal * prediction) / sigma


def to_velocity(kind: str, prediction, x_t, signal, sigma):
    """The velocity signal noise - sigma x0 that a prediction stands for; arguments as in `to_x0`.

    Computed from x_t and the prediction alone, without going through a division by the smaller of the two levels:
    "noise" needs ``signal`` above 0, "x0" needs ``sigma`` above 0.
    """
    if check_prediction(kind) == "velocity":
        return prediction
    if kind == "noise":  # x0 = (x_t - sigma noise) / signal, and signal**2 + sigma**2 = 1
        return (prediction - sigma * x_t) / signal
    return (signal * x_t - prediction) / sigma
