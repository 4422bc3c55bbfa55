"""Exercises of chapter 01: sizes, parameters, paths through latent space, PCA."""

import numpy as np

from diffusion_course.exercises.base import Exercise, Wrong, expect, register

# ---------------------------------------------------------------- 01.1


def conv_output_size(size, kernel, stride, padding):
    return (size + 2 * padding - kernel) // stride + 1


def _test_conv_output_size(answer):
    for size, kernel, stride, padding in [
        (10, 5, 1, 2),
        (28, 3, 2, 1),
        (7, 3, 2, 0),
        (32, 4, 2, 1),
        (10, 5, 3, 2),
    ]:
        got, want = answer(size, kernel, stride, padding), conv_output_size(size, kernel, stride, padding)
        case = f"size={size}, kernel={kernel}, stride={stride}, padding={padding}"
        if got == want:
            continue
        expect(got != (size + padding - kernel) // stride + 1, f"{case}: `padding` is added on both sides.")
        expect(got != want - 1, f"{case}: count the first position of the kernel too: + 1.")
        exact = (size + 2 * padding - kernel) / stride + 1
        expect(
            got != exact, f"{case}: a kernel that hangs over the edge does not count: round down. Got {got}."
        )
        expect(
            got != -(-(size + 2 * padding - kernel) // stride) + 1, f"{case}: round down, not up. Got {got}."
        )
        raise Wrong(f"{case}: expected {want}. Got {got}.")


# ---------------------------------------------------------------- 01.2


def decoder_parameters(latent_dim):
    expand = latent_dim * (7 * 7 * 64) + 7 * 7 * 64
    up = 3 * 3 * 64 * 32 + 32
    reconstruction = 3 * 3 * 32 * 1 + 1
    return expand + up + reconstruction


def _test_decoder_parameters(answer):
    for latent_dim in (2, 32):
        got, want = answer(latent_dim), decoder_parameters(latent_dim)
        if got == want:
            continue
        expect(
            got != want - (7 * 7 * 64 + 32 + 1),
            "every layer here also has biases: one per unit or output channel.",
        )
        expect(
            got != want - 3 * 3 * 64 * 32 + 3 * 3 * 32,
            "a transposed convolution has one 3 x 3 kernel for each pair of input and output channel.",
        )
        raise Wrong(f"latent_dim={latent_dim}: expected {want:,} parameters. Got {got:,}.")


# ---------------------------------------------------------------- 01.3


def interpolate(start, end, steps):
    weight = np.linspace(0, 1, steps)[:, None]
    return (1 - weight) * start + weight * end


def _test_interpolate(answer):
    start, end = np.array([-1.0, 4.0]), np.array([3.0, 2.0])
    for steps in (2, 5):
        got = np.asarray(answer(start, end, steps))
        expect(
            got.shape == (steps, 2),
            f"the result must have shape (steps, d) = ({steps}, 2). Got shape {got.shape}.",
        )
        want = interpolate(start, end, steps)
        expect(
            not np.allclose(got, want[::-1]),
            "the path runs backwards: the first row must be `start`.",
        )
        expect(np.allclose(got[0], start), f"the first row must be `start` = {start}. Got {got[0]}.")
        expect(
            np.allclose(got[-1], end),
            f"the last row must be `end` = {end}: `steps` points include both ends. Got {got[-1]}.",
        )
        expect(np.allclose(got, want), "the points must lie on the straight line, at equal distances.")


# ---------------------------------------------------------------- 01.4


def pca_reconstruct(x_train, x, k):
    mean = x_train.mean(axis=0)
    _, _, directions = np.linalg.svd(x_train - mean, full_matrices=False)
    basis = directions[:k]  # (k, D), rows are orthonormal
    return (x - mean) @ basis.T @ basis + mean


def _test_pca_reconstruct(answer):
    rng = np.random.default_rng(0)
    spread = np.diag([5.0, 2.0, 0.5, 0.1]) @ rng.normal(size=(4, 6))
    x_train = rng.normal(size=(200, 4)) @ spread + 3.0
    x = rng.normal(size=(20, 4)) @ spread + 4.0
    for k in (1, 3):
        got = np.asarray(answer(x_train, x, k))
        expect(
            got.shape == x.shape, f"reconstructions must have the shape of `x`, {x.shape}. Got {got.shape}."
        )
        mean = x_train.mean(axis=0)
        want = pca_reconstruct(x_train, x, k)
        if np.allclose(got, want, atol=1e-6):
            continue
        expect(
            not np.allclose(got, want - mean, atol=1e-6),
            "you subtracted the mean; after projecting, add it again.",
        )
        _, _, raw = np.linalg.svd(x_train, full_matrices=False)
        expect(
            not np.allclose(got, x @ raw[:k].T @ raw[:k], atol=1e-6),
            "PCA describes deviations from the mean: subtract the mean of `x_train` first.",
        )
        own = x.mean(axis=0)
        _, _, leaky = np.linalg.svd(x - own, full_matrices=False)
        expect(
            not np.allclose(got, (x - own) @ leaky[:k].T @ leaky[:k] + own, atol=1e-6),
            "mean and directions must come from `x_train` alone; you fitted them to the pictures under test.",
        )
        _, _, basis = np.linalg.svd(x_train - mean, full_matrices=False)
        expect(
            not np.allclose(got, (x - own) @ basis[:k].T @ basis[:k] + own, atol=1e-6),
            "use the mean of `x_train` for the test pictures as well.",
        )
        raise Wrong(f"k={k}: the reconstructions differ from PCA's by up to {np.abs(got - want).max():.3g}.")


# ---------------------------------------------------------------- table, with the wrong answers we have met


def _uncentred(x_train, x, k):
    _, _, v = np.linalg.svd(x_train, full_matrices=False)
    return x @ v[:k].T @ v[:k]


def _fitted_to_test(x_train, x, k):
    return pca_reconstruct(x, x, k)


def _mean_forgotten(x_train, x, k):
    return pca_reconstruct(x_train, x, k) - x_train.mean(axis=0)


def _two_means(x_train, x, k):
    shift = x.mean(axis=0) - x_train.mean(axis=0)
    return pca_reconstruct(x_train, x - shift, k) + shift


EXERCISES = register(
    Exercise(
        "01.1",
        conv_output_size,
        _test_conv_output_size,
        {
            "padding on one side": (lambda n, k, s, p: (n + p - k) // s + 1, "both sides"),
            "first position forgotten": (lambda n, k, s, p: (n + 2 * p - k) // s, "+ 1"),
            "not rounded": (lambda n, k, s, p: (n + 2 * p - k) / s + 1, "round down"),
            "rounded up": (lambda n, k, s, p: -(-(n + 2 * p - k) // s) + 1, "not up"),
            "stride ignored": (lambda n, k, s, p: n + 2 * p - k + 1, "expected"),
        },
    ),
    Exercise(
        "01.2",
        decoder_parameters,
        _test_decoder_parameters,
        {
            "no biases": (lambda d: decoder_parameters(d) - (7 * 7 * 64 + 32 + 1), "biases"),
            "one kernel per channel": (
                lambda d: decoder_parameters(d) - 3 * 3 * 64 * 32 + 3 * 3 * 32,
                "each pair",
            ),
            "encoder counted": (lambda d: 2 * decoder_parameters(d), "expected"),
        },
    ),
    Exercise(
        "01.3",
        interpolate,
        _test_interpolate,
        {
            "end left out": (
                lambda a, b, n: a + np.linspace(0, 1, n, endpoint=False)[:, None] * (b - a),
                "both ends",
            ),
            "backwards": (lambda a, b, n: interpolate(b, a, n), "backwards"),
            "no new axis": (lambda a, b, n: np.linspace(0, 1, n) * a.sum(), "shape"),
            "curved": (
                lambda a, b, n: (
                    a + np.linspace(0, 1, n)[:, None] ** 2 * (b - a) if n > 2 else interpolate(a, b, n)
                ),
                "straight",
            ),
        },
    ),
    Exercise(
        "01.4",
        pca_reconstruct,
        _test_pca_reconstruct,
        {
            "not centred": (_uncentred, "subtract the mean"),
            "fitted to the test set": (_fitted_to_test, "alone"),
            "mean forgotten": (_mean_forgotten, "add it again"),
            "test mean": (_two_means, "as well"),
        },
    ),
)
