"""Exercises of chapter 03: folded pixels, the best line, the best denoiser, a step down, noise levels, crossings."""

import numpy as np
from keras import ops

from diffusion_course.exercises.base import Exercise, not_finite

EXERCISES: dict[str, Exercise] = {}


def fold(x):
    _, h, w, c = x.shape
    x = ops.reshape(x, (-1, h // 2, 2, w // 2, 2, c))  # (B, H/2, i, W/2, j, C)
    return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, h // 2, w // 2, 4 * c))


def _fold_by(*axes):
    return lambda x: (
        x.reshape(len(x), x.shape[1] // 2, 2, x.shape[2] // 2, 2, -1)
        .transpose(axes)
        .reshape(len(x), x.shape[1] // 2, x.shape[2] // 2, -1)
    )


EXERCISES["fold"] = Exercise(
    "03.1",
    fold,
    cases=[(np.arange(2 * 4 * 6 * 3).reshape(2, 4, 6, 3),)],
    shape="half as high, half as wide, with four times the channels",
    wrong={
        "every second pixel": lambda x: x[:, ::2, ::2],
        "reshape only": lambda x: x.reshape(len(x), x.shape[1] // 2, x.shape[2] // 2, -1),
        "columns first": _fold_by(0, 1, 3, 4, 2, 5),
        "colours first": _fold_by(0, 1, 3, 5, 2, 4),
    },
    hints={
        "every second pixel": "that drops three pixels of four; each must find a place among the channels.",
        "reshape only": "`reshape` alone leaves the four pixels of a square apart, in reading order: transpose.",
        "columns first": "within a square go row by row: the pixel to the right comes before the one below.",
        "colours first": "right numbers, wrong order: channel (2 i + j) C + c must be pixel (i, j), channel c.",
    },
    kinds={"colours first": lambda got, want, x: set(got[0, 0, 0]) == set(want[0, 0, 0])},
)


def best_line(y, mean, variance, sigma):
    return mean + variance / (variance + sigma**2) * (y - mean)


EXERCISES["best_line"] = Exercise(
    "03.2",
    best_line,
    cases=[(np.linspace(-1, 2, 7), 0.3, 0.1, sigma) for sigma in (0.1, 0.5, 2.0)],
    shape="one answer per noisy value",
    wrong={
        "towards zero": lambda y, m, v, s: v / (v + s**2) * y,
        "sigma not squared": lambda y, m, v, s: m + v / (v + s) * (y - m),
        "the other share": lambda y, m, v, s: m + s**2 / (v + s**2) * (y - m),
        "no noise": lambda y, m, v, s: y,
        "deviations": lambda y, m, v, s: m + np.sqrt(v) / (np.sqrt(v) + s) * (y - m),
    },
    hints={
        "towards zero": "in much noise the best guess is the mean of the data, not 0: shrink the distance to the mean.",
        "sigma not squared": "variances add, so both in the fraction must be variances: `sigma` squared.",
        "the other share": "turned round: without noise the best guess is `y` itself.",
        "no noise": "that returns the noisy value; a part of its distance to the mean is noise.",
        "deviations": "compare variances, not standard deviations.",
    },
)


def best_denoiser(y, points, sigma):
    distance = (y[:, None] - points[None, :]) ** 2 / (2 * sigma**2)  # (M, K)
    weight = np.exp(-(distance - distance.min(axis=1, keepdims=True)))
    return (weight * points).sum(axis=1) / weight.sum(axis=1)


def _weights(y, points, sigma):
    return np.exp(-((y[:, None] - points) ** 2) / (2 * sigma**2))


_y, _points = np.linspace(-3, 4, 15), np.array([-1.0, 0.5, 2.0])

EXERCISES["best_denoiser"] = Exercise(
    "03.3",
    best_denoiser,
    cases=[(_y, _points, 0.3), (_y, _points, 1.5), (np.array([500.0]), _points, 0.1)],
    shape="one answer per noisy value",
    atol=1e-6,
    wrong={
        "nearest": lambda y, p, s: p[np.abs(y[:, None] - p).argmin(axis=1)],
        "no 2": lambda y, p, s: best_denoiser(y, p, s / np.sqrt(2)),
        "sigma not squared": lambda y, p, s: best_denoiser(y, p, np.sqrt(s)),
        "not normalised": lambda y, p, s: _weights(y, p, s) @ p,
        "underflow": lambda y, p, s: _weights(y, p, s) @ p / _weights(y, p, s).sum(axis=1),
    },
    hints={
        "nearest": (
            "that is the nearest point. The smallest squared error is reached by the mean of all points, weighted by "
            "how likely each is."
        ),
        "no 2": "the normal density has exp(-d² / (2 sigma²)): the 2 is missing.",
        "sigma not squared": "divide the squared distance by sigma squared, not by sigma.",
        "not normalised": "the weights must sum to 1: divide by their sum.",
        "underflow": "far from all points you divide 0 by 0: weights underflow. Subtract the smallest exponent first.",
    },
    kinds={"underflow": not_finite},
)


def step_down(y, x_hat, sigma, sigma_next):
    return x_hat + sigma_next / sigma * (y - x_hat)


_walk = np.random.default_rng(1).normal(size=(2, 5))

EXERCISES["step_down"] = Exercise(
    "03.4",
    step_down,
    cases=[(*_walk, 0.8, 0.5), (*_walk, 0.5, 0.0), (*_walk, 2.0, 1.9)],
    shape="like `y`",
    wrong={
        "all the way": lambda y, x, s, n: x + 0 * y,
        "what is taken away": lambda y, x, s, n: y + n / s * (x - y),
        "noise on top": lambda y, x, s, n: x + n * (y - x),
        "variances": lambda y, x, s, n: x + (n / s) ** 2 * (y - x),
    },
    hints={
        "all the way": "that is the guess itself; at the next level there must still be noise `sigma_next` around it.",
        "what is taken away": "the share sigma_next / sigma is what stays of the noise, not what goes.",
        "noise on top": "(y - x_hat) has size `sigma`: divide by it before you scale to `sigma_next`.",
        "variances": "the distance to the guess scales like the deviation, not like the variance.",
    },
)


def noise_level(noisy):
    square = (
        noisy[:, ::2, ::2] - noisy[:, 1::2, ::2] - noisy[:, ::2, 1::2] + noisy[:, 1::2, 1::2]
    )  # (B, H/2, W/2, 1)
    return np.median(np.abs(square), axis=(1, 2, 3)) / (2 * 0.6745)


def _squares(y):
    return y[:, ::2, ::2] - y[:, 1::2, ::2] - y[:, ::2, 1::2] + y[:, 1::2, 1::2]


_ramp = np.linspace(0, 1, 8)[:, None, None] + np.linspace(0, 0.5, 8)[None, :, None]
_levels = np.array([0.1, 0.3, 0.8])[:, None, None, None]

EXERCISES["noise_level"] = Exercise(
    "03.5",
    noise_level,
    cases=[
        (_ramp + _levels * np.random.default_rng(2).standard_normal((3, 8, 8, 1)),),
        (3 * np.random.default_rng(3).standard_normal((2, 6, 4, 1)),),
    ],
    shape="one number per picture",
    wrong={
        "spread of the pixels": lambda y: y.std(axis=(1, 2, 3)),
        "standard deviation": lambda y: _squares(y).std(axis=(1, 2, 3)) / 2,
        "four noises": lambda y: np.median(np.abs(_squares(y)), axis=(1, 2, 3)) / 0.6745,
        "median kept": lambda y: np.median(np.abs(_squares(y)), axis=(1, 2, 3)) / 2,
        "neighbours": lambda y: (
            np.median(np.abs(y[:, :, 1:] - y[:, :, :-1]), axis=(1, 2, 3)) / (np.sqrt(2) * 0.6745)
        ),
    },
    hints={
        "spread of the pixels": "that is mostly the picture: use the sums in which a smooth picture cancels.",
        "standard deviation": "edges stand out of the sums and blow the standard deviation up: use the median.",
        "four noises": "each sum holds four noises: its deviation is twice `sigma`.",
        "median kept": "the median of |normal| is 0.6745 deviations: divide by it.",
        "neighbours": "differences of neighbours keep the slope of the picture; use the squares of four pixels.",
    },
)


def crossing(levels, first, second):
    difference = np.log(first) - np.log(second)
    i = np.flatnonzero(np.sign(difference[1:]) != np.sign(difference[:-1]))[0]
    share = difference[i] / (difference[i] - difference[i + 1])
    return np.exp((1 - share) * np.log(levels[i]) + share * np.log(levels[i + 1]))


def _plain_crossing(levels, first, second):
    difference = first - second
    i = np.flatnonzero(np.sign(difference[1:]) != np.sign(difference[:-1]))[0]
    share = difference[i] / (difference[i] - difference[i + 1])
    return (1 - share) * levels[i] + share * levels[i + 1]


def _last(levels, first, second):
    return crossing(levels[::-1], first[::-1], second[::-1])


_steps = np.array([0.1, 0.2, 0.4, 0.8, 1.6])

EXERCISES["crossing"] = Exercise(
    "03.6",
    crossing,
    cases=[
        (_steps, np.array([1.0, 2.0, 4.0, 9.0, 20.0]), np.array([3.0, 3.0, 3.0, 3.0, 3.5])),
        (_steps, np.array([1.0, 4.0, 2.0, 5.0, 6.0]), np.array([2.0, 2.5, 3.0, 4.5, 9.0])),
    ],
    wrong={
        "level before": lambda s, a, b: s[np.flatnonzero(np.sign(a - b)[1:] != np.sign(a - b)[:-1])[0]],
        "plain scale": _plain_crossing,
        "smallest gap": lambda s, a, b: s[np.abs(np.log(a / b)).argmin()],
        "last": _last,
    },
    hints={
        "level before": "that is the level before the lines cross: say where between the two levels they meet.",
        "plain scale": "the lines are straight on logarithmic axes: take logarithms of levels and errors first.",
        "smallest gap": "where they are closest among the levels they need not cross: find the change of sign.",
        "last": "if they cross more than once, the first crossing is asked for.",
    },
)
