"""Exercises of chapter 05: the jump, a chain's stationary distribution, respacing, equal noise."""

import numpy as np

from diffusion_course.exercises.base import Exercise

EXERCISES: dict[str, Exercise] = {}


def jump(x0, noise, alpha_bar):
    return np.sqrt(alpha_bar) * x0 + np.sqrt(1 - alpha_bar) * noise


EXERCISES["jump"] = Exercise(
    "05.1",
    jump,
    cases=[(*np.random.default_rng(0).standard_normal((2, 3, 4)), alpha_bar) for alpha_bar in (0.9, 0.36)],
    shape="a picture like x0",
    wrong={
        "no roots": lambda x, e, a: a * x + (1 - a) * e,
        "noise without root": lambda x, e, a: np.sqrt(a) * x + (1 - a) * e,
        "factors add up to 1": lambda x, e, a: np.sqrt(a) * x + (1 - np.sqrt(a)) * e,
        "swapped": lambda x, e, a: jump(x, e, 1 - a),
        "signal kept whole": lambda x, e, a: x + np.sqrt(1 - a) * e,
    },
    hints={
        "no roots": "alpha_bar and 1 - alpha_bar are shares of the variance; take their square roots.",
        "noise without root": "the standard deviation of the noise is the root of its variance 1 - alpha_bar.",
        "factors add up to 1": "not the factors but their squares must add up to 1.",
        "swapped": "picture and noise are swapped: alpha_bar = 1 must give back x0.",
        "signal kept whole": "the picture must fade as the noise grows: alpha_bar = 0 must give nothing but noise.",
    },
)


def stationary(P):
    values, vectors = np.linalg.eig(P.T)
    pi = np.real(vectors[:, np.argmin(np.abs(values - 1))])
    return pi / pi.sum()


EXERCISES["stationary"] = Exercise(
    "05.2",
    stationary,
    cases=[
        (np.array([[0.3, 0.7, 0.0], [0.9, 0.1, 0.0], [0.5, 0.5, 0.0]]),),
        (np.array([[0.8, 0.2], [0.05, 0.95]]),),
    ],
    shape="one probability per state",
    atol=1e-6,
    wrong={
        "eigenvector of P": lambda P: np.full(len(P), 1 / len(P)),
        "not normalised": lambda P: 2 * stationary(P),
        "below zero": lambda P: np.append(stationary(P)[:-1] + 1, stationary(P)[-1] + 1 - len(P)),
        "one step only": lambda P: np.full(len(P), 1 / len(P)) @ P,
    },
    hints={
        "eigenvector of P": "all states alike: that is the eigenvector of P, whose rows add up to 1. Take that of P.T.",
        "not normalised": "the probabilities must add up to 1.",
        "below zero": "probabilities must not be negative.",
        "one step only": "one more step changes your answer: `pi @ P` must be `pi` again.",
    },
    kinds={
        "eigenvector of P": lambda got, want, P: np.allclose(got, got[0]),
        "not normalised": lambda got, want, P: not np.isclose(got.sum(), 1),
        "below zero": lambda got, want, P: got.min() < -1e-9,
        "one step only": lambda got, want, P: not np.allclose(got @ P, got),
    },
)


def respaced_betas(alpha_bars, keep):
    kept = alpha_bars[keep]
    return 1 - kept / np.append(1.0, kept[:-1])


_alpha_bars = np.cumprod(1 - np.linspace(1e-3, 0.2, 40))

EXERCISES["respaced_betas"] = Exercise(
    "05.3",
    respaced_betas,
    cases=[(_alpha_bars, np.array([9, 19, 29, 39])), (_alpha_bars, np.array([0, 1, 30, 39]))],
    shape="one beta per kept step",
    wrong={
        "old betas": lambda a, k: respaced_betas(a, np.arange(len(a)))[k],
        "first one forgotten": lambda a, k: respaced_betas(a, k)[1:],
        "alphas": lambda a, k: 1 - respaced_betas(a, k),
        "since the beginning": lambda a, k: 1 - a[k],
    },
    hints={
        "old betas": "these are the old betas. One long step must do the work of all that it replaces.",
        "first one forgotten": "one beta is missing: before the first kept step alpha_bar is 1.",
        "alphas": "that is alpha, the share that stays; beta is 1 - alpha.",
        "since the beginning": "that is the noise since the beginning; divide by alpha_bar of the kept step before.",
    },
)


def same_noise(t, source, target):
    def log_snr(alpha_bars):
        return np.log(alpha_bars) - np.log1p(-alpha_bars)

    return int(np.argmin(np.abs(log_snr(target) - log_snr(source)[t])))


_linear = np.cumprod(1 - np.linspace(1e-4, 0.02, 1000))
_scaled = np.cumprod(1 - np.linspace(np.sqrt(0.00085), np.sqrt(0.012), 1000) ** 2)
_short = np.cumprod(1 - np.linspace(2e-3, 0.4, 50))

EXERCISES["same_noise"] = Exercise(
    "05.4",
    same_noise,
    cases=[
        (t, source, target)
        for source, target in ((_linear, _short), (_linear, _scaled), (_scaled, _linear))
        for t in (300, 20, 990)
    ],
    wrong={
        "same number": lambda t, s, g: min(t, len(g) - 1),
        "same share": lambda t, s, g: round(t * (len(g) - 1) / (len(s) - 1)),
        "nearest alpha_bar": lambda t, s, g: int(np.argmin(np.abs(g - s[t]))),
        "farthest": lambda t, s, g: int(np.argmax(np.abs(g - s[t]))),
        "between two steps": lambda t, s, g: same_noise(t, s, g) + 0.5,
        "outside": lambda t, s, g: same_noise(t, s, g) - len(g),
    },
    hints={
        "same number": "the number of the step says nothing about the noise: compare the noise itself.",
        "same share": "the same share of the walk says nothing about the noise: compare the noise itself.",
        "nearest alpha_bar": "nearest in alpha_bar is not nearest in log-SNR: late steps differ much in log-SNR only.",
        "farthest": "that is the step that differs most; take the smallest difference.",
        "between two steps": "give one step, an integer.",
        "outside": "the step must be one of 0 to len(target) - 1.",
    },
    kinds={
        "between two steps": lambda got, want, t, s, g: got != np.round(got),
        "outside": lambda got, want, t, s, g: not 0 <= got < len(g),
    },
)
