"""Exercises of chapter 03: PSNR, folded pixels, the best denoiser of a known world, and its score."""

import numpy as np

from diffusion_course.exercises.base import Exercise, Wrong, expect, register

# ---------------------------------------------------------------- 03.1


def psnr_of(x, reference):
    return -10 * np.log10(np.mean((x - reference) ** 2))


def _test_psnr(answer):
    rng = np.random.default_rng(0)
    reference = rng.random((9, 7))
    for error in (0.1, 0.02):
        x = reference + error * rng.standard_normal((9, 7))
        got, want = float(answer(x, reference)), float(psnr_of(x, reference))
        if np.isclose(got, want):
            continue
        expect(
            not np.isclose(got, -want), "the sign is turned round: a smaller error must give a larger PSNR."
        )
        expect(
            not np.isclose(got, want / 2),
            "the factor is 10 for an MSE; for a root mean square it would be 20.",
        )
        expect(not np.isclose(got, want * np.log(10)), "decibels use the logarithm to base 10: np.log10.")
        absolute = -10 * np.log10(np.mean(np.abs(x - reference)))
        expect(not np.isclose(got, absolute), "square the differences; you took their absolute value.")
        raise Wrong(f"an MSE of {np.mean((x - reference) ** 2):.5f} must give {want:.2f} dB. Got {got:.2f}.")


# ---------------------------------------------------------------- 03.2


def fold_numpy(x):
    b, h, w, c = x.shape
    x = x.reshape(b, h // 2, 2, w // 2, 2, c)  # (B, H/2, i, W/2, j, C)
    return x.transpose(0, 1, 3, 2, 4, 5).reshape(b, h // 2, w // 2, 4 * c)


def _test_fold(answer):
    x = np.arange(2 * 4 * 6 * 3).reshape(2, 4, 6, 3)
    got, want = np.asarray(answer(x)), fold_numpy(x)
    expect(got.shape == want.shape, f"{x.shape} must become {want.shape}. Got {got.shape}.")
    if np.array_equal(got, want):
        return
    expect(
        not np.array_equal(got, x.reshape(want.shape)),
        "`reshape` alone keeps the numbers in reading order, so the four pixels of a square stay apart: transpose.",
    )
    swapped = x.reshape(2, 2, 2, 3, 2, 3).transpose(0, 1, 3, 4, 2, 5).reshape(want.shape)
    expect(
        not np.array_equal(got, swapped),
        "the order within a square is wrong: row by row, so the pixel to the right comes before the one below.",
    )
    expect(
        not np.array_equal(np.sort(got.ravel()), x.ravel()) or set(got[0, 0, 0]) != set(want[0, 0, 0]),
        "the right numbers, in a wrong order: channel (2 i + j) C + c must be pixel (i, j) of the square, channel c.",
    )
    raise Wrong(
        f"the first output pixel must hold the square of pixels at the top left, {want[0, 0, 0]}. Got {got[0, 0, 0]}."
    )


# ---------------------------------------------------------------- 03.3


def best_denoiser(y, points, sigma):
    distance = (y[:, None] - points[None, :]) ** 2 / (2 * sigma**2)  # (M, K)
    weight = np.exp(-(distance - distance.min(axis=1, keepdims=True)))
    return (weight * points).sum(axis=1) / weight.sum(axis=1)


def _test_best_denoiser(answer):
    points = np.array([-1.0, 0.5, 2.0])
    y = np.linspace(-3, 4, 15)
    for sigma in (0.3, 1.5):
        got, want = np.asarray(answer(y, points, sigma)), best_denoiser(y, points, sigma)
        expect(
            got.shape == y.shape,
            f"there must be one answer per noisy value, shape {y.shape}. Got {got.shape}.",
        )
        if np.allclose(got, want, atol=1e-6):
            continue
        nearest = points[np.abs(y[:, None] - points).argmin(axis=1)]
        expect(
            not np.allclose(got, nearest),
            "that is the nearest point. The smallest squared error is reached by the mean of all points, weighted by "
            "how likely each is.",
        )
        expect(
            not np.allclose(got, best_denoiser(y, points, np.sqrt(2) ** -1 * sigma)),
            "the normal density has exp(-d² / (2 sigma²)): the 2 is missing.",
        )
        expect(
            not np.allclose(got, best_denoiser(y, points, np.sqrt(sigma))),
            "divide the squared distance by sigma squared, not by sigma.",
        )
        raw = np.exp(-((y[:, None] - points) ** 2) / (2 * sigma**2)) @ points
        expect(not np.allclose(got, raw), "the weights must sum to 1: divide by their sum.")
        raise Wrong(
            f"sigma={sigma}: answers differ from the weighted mean by up to {np.abs(got - want).max():.3g}."
        )
    far = np.asarray(answer(np.array([500.0]), points, 0.1))
    expect(
        np.allclose(far, 2.0),
        "far from all points every weight underflows to 0 and you divide 0 by 0. Subtract the smallest exponent first.",
    )


# ---------------------------------------------------------------- 03.4


def score(denoise, y, sigma):
    return (denoise(y, sigma) - y) / sigma**2


def _test_score(answer):
    # Data from a normal distribution with mean 1 and standard deviation 0.5: everything is known in closed form.
    def denoise(y, sigma):
        return (0.25 * y + sigma**2) / (0.25 + sigma**2)

    y = np.linspace(-2, 3, 11)
    for sigma in (0.3, 1.2):
        got, want = np.asarray(answer(denoise, y, sigma)), (1 - y) / (0.25 + sigma**2)
        if got.shape == want.shape and np.allclose(got, want):
            continue
        expect(
            not np.allclose(got, -want),
            "the sign is turned round: the score points from the noisy value to the data.",
        )
        expect(not np.allclose(got, want * sigma), "divide by the variance sigma squared, not by sigma.")
        expect(
            not np.allclose(got, want * sigma**2),
            "that is the residual; the score is the residual over sigma squared.",
        )
        raise Wrong(
            f"sigma={sigma}: the score of a normal distribution is (1 - y) / (0.25 + sigma²). Got {got}."
        )


# ---------------------------------------------------------------- table, with the wrong answers we have met


def _unstable(y, points, sigma):
    weight = np.exp(-((y[:, None] - points) ** 2) / (2 * sigma**2))
    with np.errstate(invalid="ignore"):
        return (weight @ points) / weight.sum(axis=1)


def _without_transpose(x):
    b, h, w, c = x.shape
    return x.reshape(b, h // 2, w // 2, 4 * c)


def _columns_first(x):
    b, h, w, c = x.shape
    return x.reshape(b, h // 2, 2, w // 2, 2, c).transpose(0, 1, 3, 4, 2, 5).reshape(b, h // 2, w // 2, 4 * c)


def _channels_outside(x):
    b, h, w, c = x.shape
    return x.reshape(b, h // 2, 2, w // 2, 2, c).transpose(0, 1, 3, 5, 2, 4).reshape(b, h // 2, w // 2, 4 * c)


EXERCISES = register(
    Exercise(
        "03.1",
        psnr_of,
        _test_psnr,
        {
            "sign": (lambda x, r: -psnr_of(x, r), "turned round"),
            "factor 5": (lambda x, r: psnr_of(x, r) / 2, "factor is 10"),
            "natural logarithm": (lambda x, r: -10 * np.log(np.mean((x - r) ** 2)), "base 10"),
            "absolute": (lambda x, r: -10 * np.log10(np.mean(np.abs(x - r))), "square"),
            "sum": (lambda x, r: -10 * np.log10(np.sum((x - r) ** 2)), "must give"),
        },
    ),
    Exercise(
        "03.2",
        fold_numpy,
        _test_fold,
        {
            "every second pixel": (lambda x: x[:, ::2, ::2], "must become"),
            "reshape only": (_without_transpose, "transpose"),
            "columns first": (_columns_first, "row by row"),
            "colours first": (_channels_outside, "wrong order"),
        },
    ),
    Exercise(
        "03.3",
        best_denoiser,
        _test_best_denoiser,
        {
            "nearest": (lambda y, p, s: p[np.abs(y[:, None] - p).argmin(axis=1)], "weighted"),
            "no 2": (lambda y, p, s: best_denoiser(y, p, s / np.sqrt(2)), "2 is missing"),
            "sigma not squared": (lambda y, p, s: best_denoiser(y, p, np.sqrt(s)), "not by sigma"),
            "not normalised": (lambda y, p, s: np.exp(-((y[:, None] - p) ** 2) / (2 * s**2)) @ p, "sum to 1"),
            "underflow": (_unstable, "underflows"),
        },
    ),
    Exercise(
        "03.4",
        score,
        _test_score,
        {
            "sign": (lambda d, y, s: (y - d(y, s)) / s**2, "points from"),
            "sigma not squared": (lambda d, y, s: (d(y, s) - y) / s, "squared"),
            "residual": (lambda d, y, s: d(y, s) - y, "over sigma squared"),
        },
    ),
)
