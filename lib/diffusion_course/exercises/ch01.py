"""Exercises of chapter 01: sizes, parameters, PCA, neighbours on the map, codes of few bits, no code at all."""

import numpy as np

from diffusion_course.exercises.base import Exercise

EXERCISES: dict[str, Exercise] = {}


def painted_size(size, kernel, stride):
    return (size - 1) * stride + kernel


EXERCISES["painted_size"] = Exercise(
    "01.1",
    painted_size,
    cases=[(7, 3, 2), (14, 3, 2), (5, 4, 3), (1, 5, 2), (6, 2, 1)],
    wrong={
        "only the steps": lambda n, k, s: n * s,
        "one patch too many": lambda n, k, s: n * s + k,
        "a convolution": lambda n, k, s: (n - k) // s + 1,
        "stride ignored": lambda n, k, s: n + k - 1,
    },
    hints={
        "only the steps": "the last patch begins at (size - 1) * stride and then still takes `kernel` pixels.",
        "one patch too many": "there are `size` patches, so only size - 1 steps between the first and the last.",
        "a convolution": "that is the way down. Here each input value paints a patch of `kernel` pixels.",
        "stride ignored": "the patches lie `stride` apart, not one.",
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
    "01.3",
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


def neighbour_purity(places, codes, labels, k):
    distance = ((places[:, None] - codes[None]) ** 2).sum(axis=-1)  # (M, N)
    nearest = labels[np.argsort(distance, axis=1)[:, :k]]  # (M, k)
    return np.array([np.bincount(row).max() / k for row in nearest])


def _neighbours(places, codes, k, order):
    distance = ((places[:, None] - codes[None]) ** 2).sum(axis=-1)
    return np.argsort(order * distance, axis=1)[:, :k]


def _purity_cases():
    rng = np.random.default_rng(3)
    labels = np.repeat([0, 2, 3], 40)
    centres = np.array([[0.0, 0.0], [0.0, 0.0], [4.0, 0.0], [2.0, 3.0]])
    codes = centres[labels] + rng.normal(size=(120, 2))
    places = np.array([[0.0, 0.0], [4.0, 0.0], [2.0, 0.0], [2.0, 1.5], [20.0, 1.0]])
    return [(places, codes, labels, 7), (places, codes, labels, 25)]


EXERCISES["neighbour_purity"] = Exercise(
    "01.4",
    neighbour_purity,
    _purity_cases,
    shape="one share for each place",
    wrong={
        "class of the nearest": lambda p, c, y, k: np.array(
            [np.mean(y[row] == y[row[0]]) for row in _neighbours(p, c, k, 1)]
        ),
        "farthest": lambda p, c, y, k: np.array(
            [np.bincount(y[row]).max() / k for row in _neighbours(p, c, k, -1)]
        ),
        "counts": lambda p, c, y, k: k * neighbour_purity(p, c, y, k),
        "number of classes": lambda p, c, y, k: np.array(
            [1 / len(set(y[row])) for row in _neighbours(p, c, k, 1)]
        ),
    },
    hints={
        "class of the nearest": "not the share of the nearest picture's class: that of the class that occurs most.",
        "farthest": "those are the `k` codes farthest away.",
        "counts": "divide by `k`: a share lies between 0 and 1.",
        "number of classes": "how many classes there are does not matter, only how often the most frequent one occurs.",
    },
)


def with_bits(codes, low, high, bits):
    step = (high - low) / (2**bits - 1)
    return low + np.round(np.clip((codes - low) / step, 0, 2**bits - 1)) * step


_codes = np.array([[-1.0, 3.0], [0.2, 7.9], [2.7, 5.05], [9.0, -4.0]])
_low, _high = np.array([-1.0, 2.0]), np.array([3.0, 8.0])

EXERCISES["with_bits"] = Exercise(
    "01.5",
    with_bits,
    cases=[(_codes, _low, _high, bits) for bits in (1, 3, 8)],
    shape="codes like the ones that came in",
    wrong={
        "numbers of the levels": lambda c, lo, hi, b: np.round(
            np.clip((c - lo) / (hi - lo), 0, 1) * (2**b - 1)
        ),
        "one level too many": lambda c, lo, hi, b: (
            lo + np.round(np.clip((c - lo) / (hi - lo), 0, 1) * 2**b) * (hi - lo) / 2**b
        ),
        "cut instead of rounded": lambda c, lo, hi, b: (
            lo + np.floor(np.clip((c - lo) / (hi - lo), 0, 1) * (2**b - 1)) * (hi - lo) / (2**b - 1)
        ),
        "beyond the range": lambda c, lo, hi, b: (
            lo + np.round((c - lo) / (hi - lo) * (2**b - 1)) * (hi - lo) / (2**b - 1)
        ),
        "bits for levels": lambda c, lo, hi, b: (
            lo + np.round(np.clip((c - lo) / (hi - lo), 0, 1) * b) * (hi - lo) / b
        ),
    },
    hints={
        "numbers of the levels": "that numbers the levels; the decoder needs their values: low + level * step.",
        "one level too many": "the first level is `low`, the last is `high`: 2**bits levels have 2**bits - 1 steps.",
        "cut instead of rounded": "take the nearest level: round, do not cut.",
        "beyond the range": "a code outside of [low, high] has no level of its own: it gets the nearest, so clip.",
        "bits for levels": "with n bits you can tell 2**n levels apart, not n.",
    },
)


def error_without_code(x_train, x):
    return np.mean((x - x_train.mean(axis=0)) ** 2)


_train, _test = np.random.default_rng(4).random((2, 12, 3, 4, 1)) * np.linspace(0, 1, 4)[:, None]

EXERCISES["error_without_code"] = Exercise(
    "01.6",
    error_without_code,
    cases=[(_train, _test[:7]), (_train[:5], _test)],
    wrong={
        "one grey value": lambda x_train, x: np.mean((x - x_train.mean()) ** 2),
        "test mean": lambda x_train, x: np.mean((x - x.mean(axis=0)) ** 2),
        "summed": lambda x_train, x: np.mean(((x - x_train.mean(axis=0)) ** 2).sum(axis=(1, 2, 3))),
        "absolute": lambda x_train, x: np.mean(np.abs(x - x_train.mean(axis=0))),
        "black": lambda x_train, x: np.mean(x**2),
    },
    hints={
        "one grey value": "the decoder may learn a whole picture, not one grey value: take the mean of each pixel.",
        "test mean": "the decoder saw the training pictures only: the mean must be theirs.",
        "summed": "average over pixels as well, as the MSE does.",
        "absolute": "square the differences.",
        "black": "a black picture is not the best guess: which one is?",
    },
)
