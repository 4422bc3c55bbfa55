"""Exercises of chapter 01: sizes, parameters, paths through latent space, PCA."""

import numpy as np

from diffusion_course.exercises.base import Exercise

EXERCISES: dict[str, Exercise] = {}


def conv_output_size(size, kernel, stride, padding):
    return (size + 2 * padding - kernel) // stride + 1


EXERCISES["conv_output_size"] = Exercise(
    "01.1",
    conv_output_size,
    cases=[(10, 5, 1, 2), (28, 3, 2, 1), (7, 3, 2, 0), (32, 4, 2, 1), (10, 5, 3, 2)],
    wrong={
        "padding on one side": lambda n, k, s, p: (n + p - k) // s + 1,
        "first position forgotten": lambda n, k, s, p: (n + 2 * p - k) // s,
        "not rounded": lambda n, k, s, p: (n + 2 * p - k) / s + 1,
        "rounded up": lambda n, k, s, p: -(-(n + 2 * p - k) // s) + 1,
        "stride ignored": lambda n, k, s, p: n + 2 * p - k + 1,
    },
    hints={
        "padding on one side": "`padding` is added on both sides.",
        "first position forgotten": "count the first position of the kernel too: + 1.",
        "not rounded": "a kernel that hangs over the edge does not count: round down.",
        "rounded up": "round down, not up.",
        "stride ignored": "the kernel moves by `stride` pixels at a time, not by one.",
    },
)


def decoder_parameters(latent_dim):
    expand = latent_dim * (7 * 7 * 64) + 7 * 7 * 64
    up = 3 * 3 * 64 * 32 + 32
    reconstruction = 3 * 3 * 32 * 1 + 1
    return expand + up + reconstruction


EXERCISES["decoder_parameters"] = Exercise(
    "01.2",
    decoder_parameters,
    cases=[(2,), (32,)],
    wrong={
        "no biases": lambda d: decoder_parameters(d) - (7 * 7 * 64 + 32 + 1),
        "one kernel per channel": lambda d: decoder_parameters(d) - 3 * 3 * 64 * 32 + 3 * 3 * 32,
        "both halves": lambda d: 2 * decoder_parameters(d),
    },
    hints={
        "no biases": "every layer here also has biases: one per unit or output channel.",
        "one kernel per channel": "a convolution has one 3 x 3 kernel for each pair of input and output channel.",
        "both halves": "count the decoder alone.",
    },
)


def interpolate(start, end, steps):
    weight = np.linspace(0, 1, steps)[:, None]
    return (1 - weight) * start + weight * end


EXERCISES["interpolate"] = Exercise(
    "01.3",
    interpolate,
    cases=[(np.array([-1.0, 4.0]), np.array([3.0, 2.0]), steps) for steps in (2, 5)],
    shape="one row of d numbers for each of the `steps`",
    wrong={
        "backwards": lambda a, b, n: interpolate(b, a, n),
        "end left out": lambda a, b, n: interpolate(a, b, n + 1)[:-1],
        "start left out": lambda a, b, n: interpolate(a, b, n + 1)[1:],
        "curved": lambda a, b, n: a + np.linspace(0, 1, n)[:, None] ** 2 * (b - a),
    },
    hints={
        "backwards": "the path runs backwards: the first row must be `start`.",
        "end left out": "the last row must be `end`: `steps` points include both ends.",
        "start left out": "the first row must be `start`: `steps` points include it.",
        "curved": "the points must lie on the straight line, at equal distances.",
    },
    kinds={
        "end left out": lambda got, want, a, b, n: np.allclose(got[0], a) and not np.allclose(got[-1], b),
        "start left out": lambda got, want, a, b, n: not np.allclose(got[0], a),
        "curved": lambda got, want, a, b, n: np.allclose(got[[0, -1]], want[[0, -1]]),
    },
)


def pca_reconstruct(x_train, x, k):
    mean = x_train.mean(axis=0)
    _, _, directions = np.linalg.svd(x_train - mean, full_matrices=False)
    basis = directions[:k]  # (k, D), rows are orthonormal
    return (x - mean) @ basis.T @ basis + mean


def _not_centred(x_train, x, k):
    _, _, directions = np.linalg.svd(x_train, full_matrices=False)
    return x @ directions[:k].T @ directions[:k]


def _two_means(x_train, x, k):
    shift = x.mean(axis=0) - x_train.mean(axis=0)
    return pca_reconstruct(x_train, x - shift, k) + shift


def _pca_cases():
    rng = np.random.default_rng(0)
    spread = np.diag([5.0, 2.0, 0.5, 0.1]) @ rng.normal(size=(4, 6))
    x_train, x = rng.normal(size=(200, 4)) @ spread + 3.0, rng.normal(size=(20, 4)) @ spread + 4.0
    return [(x_train, x, k) for k in (1, 3)]


EXERCISES["pca_reconstruct"] = Exercise(
    "01.4",
    pca_reconstruct,
    _pca_cases,
    shape="one reconstruction for each row of `x`",
    atol=1e-6,
    wrong={
        "mean forgotten": lambda x_train, x, k: pca_reconstruct(x_train, x, k) - x_train.mean(axis=0),
        "not centred": _not_centred,
        "fitted to test": lambda x_train, x, k: pca_reconstruct(x, x, k),
        "test mean": _two_means,
    },
    hints={
        "mean forgotten": "you subtracted the mean; after projecting, add it again.",
        "not centred": "PCA describes deviations from the mean: subtract the mean of `x_train` first.",
        "fitted to test": "mean and directions must come from `x_train` alone, not from the pictures under test.",
        "test mean": "use the mean of `x_train` for the test pictures as well.",
    },
)
