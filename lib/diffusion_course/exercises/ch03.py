"""Exercises of chapter 03: PSNR, folded pixels, the best denoiser of a known world, and its score."""

import numpy as np

from diffusion_course.exercises.base import Exercise, not_finite

EXERCISES: dict[str, Exercise] = {}


def psnr_of(x, reference):
    return -10 * np.log10(np.mean((x - reference) ** 2))


_clean, _noise = np.random.default_rng(0).random((2, 9, 7))

EXERCISES["psnr_of"] = Exercise(
    "03.1",
    psnr_of,
    cases=[(_clean + error * _noise, _clean) for error in (0.1, 0.02)],
    wrong={
        "sign": lambda x, r: -psnr_of(x, r),
        "factor 5": lambda x, r: psnr_of(x, r) / 2,
        "natural logarithm": lambda x, r: -10 * np.log(np.mean((x - r) ** 2)),
        "absolute": lambda x, r: -10 * np.log10(np.mean(np.abs(x - r))),
        "sum": lambda x, r: -10 * np.log10(np.sum((x - r) ** 2)),
    },
    hints={
        "sign": "the sign is turned round: a smaller error must give a larger PSNR.",
        "factor 5": "the factor is 10 for an MSE; for a root mean square it would be 20.",
        "natural logarithm": "decibels use the logarithm to base 10: np.log10.",
        "absolute": "square the differences; you took their absolute value.",
        "sum": "average the squares; their sum would grow with the size of the picture.",
    },
)


def fold_numpy(x):
    b, h, w, c = x.shape
    x = x.reshape(b, h // 2, 2, w // 2, 2, c)  # (B, H/2, i, W/2, j, C)
    return x.transpose(0, 1, 3, 2, 4, 5).reshape(b, h // 2, w // 2, 4 * c)


def _fold_by(*axes):
    return lambda x: (
        x.reshape(len(x), x.shape[1] // 2, 2, x.shape[2] // 2, 2, -1)
        .transpose(axes)
        .reshape(fold_numpy(x).shape)
    )


EXERCISES["fold_numpy"] = Exercise(
    "03.2",
    fold_numpy,
    cases=[(np.arange(2 * 4 * 6 * 3).reshape(2, 4, 6, 3),)],
    shape="half as high, half as wide, with four times the channels",
    wrong={
        "every second pixel": lambda x: x[:, ::2, ::2],
        "reshape only": lambda x: x.reshape(fold_numpy(x).shape),
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


def score(denoise, y, sigma):
    return (denoise(y, sigma) - y) / sigma**2


def _denoise(y, sigma):
    """The best denoiser of a normal distribution with mean 1 and standard deviation 0.5."""
    return (0.25 * y + sigma**2) / (0.25 + sigma**2)


EXERCISES["score"] = Exercise(
    "03.4",
    score,
    cases=[(_denoise, np.linspace(-2, 3, 11), sigma) for sigma in (0.3, 1.2)],
    shape="one number per noisy value",
    wrong={
        "sign": lambda d, y, s: (y - d(y, s)) / s**2,
        "sigma not squared": lambda d, y, s: (d(y, s) - y) / s,
        "residual": lambda d, y, s: d(y, s) - y,
        "clean value": lambda d, y, s: d(y, s),
    },
    hints={
        "sign": "the sign is turned round: the score points from the noisy value to the data.",
        "sigma not squared": "divide by the variance sigma squared, not by sigma.",
        "residual": "that is the residual; the score is the residual over sigma squared.",
        "clean value": "that is the denoised value; the score tells which way it lies from `y`, and how far.",
    },
)
