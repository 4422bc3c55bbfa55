"""The stand-in for a network that both sides of the comparison call: a formula, not linear, the same in any library."""

import numpy as np


def says(kind: str, x, share, signal, sigma, tanh=np.tanh):
    """What the denoiser predicts: of a clean picture between -1.6 and 1.6, so that a clip at 1 has work to do.

    Args:
        kind: "noise", "x0" or "velocity".
        x: (B, 2, ...), the noisy picture; its two rows mix.
        share: t / T, how far up the schedule.
        signal, sigma: sqrt(alpha_bar_t) and sqrt(1 - alpha_bar_t).
        tanh: of the library that ``x`` belongs to.

    Returns:
        Like ``x``.
    """
    x0 = 1.6 * tanh((0.5 + share) * x + 0.4 * x[:, ::-1] + 0.3 - 0.8 * share)
    if kind == "noise":
        return (x - signal * x0) / sigma
    return x0 if kind == "x0" else (signal * x - x0) / sigma


def doubts(x, share):
    """The second half of a network's output where it learns the variance: the v of `variance`, from -0.9 to 0.9."""
    return 0.9 * np.tanh(x - share)
