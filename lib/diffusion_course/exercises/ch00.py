"""Exercises of chapter 00: value ranges, sampling from a Gaussian, how different pictures are."""

import numpy as np

from diffusion_course.exercises.base import Exercise, Wrong, expect, register

# ---------------------------------------------------------------- 00.1


def to_unit_range(images):
    return images.astype("float32") / 255


def _test_to_unit_range(answer):
    images = np.array([[0, 51, 102], [7, 128, 204]], "uint8")  # its largest value is not 255, on purpose
    got = np.asarray(answer(images))
    expect(got.shape == images.shape, f"the shape must stay {images.shape}. Got {got.shape}.")
    expect(
        got.dtype.kind == "f",
        f"the result must be floating point; integers from 0 to 1 leave only black and white. Got {got.dtype}.",
    )
    if np.allclose(got, images / 255, atol=1e-6):
        expect(
            got.dtype == np.float32,
            f"right values, but networks compute in float32: add a cast. Got {got.dtype}.",
        )
        return
    expect(
        not np.allclose(got, images / images.max(), atol=1e-6),
        "divide by 255, the largest value that a byte can have, not by the largest of these pictures: "
        "two batches would be scaled differently.",
    )
    expect(
        not np.allclose(got, images / 127.5 - 1, atol=1e-6),
        "that is the range from -1 to 1; here it is 0 to 1.",
    )
    expect(
        not np.allclose(got, images / 256, atol=1e-6), "255 must become 1 exactly: divide by 255, not by 256."
    )
    raise Wrong(f"51 must become 0.2. Got {got[0, 1]:.4g}.")


# ---------------------------------------------------------------- 00.2


def sample_gaussian(mean, covariance, noise):
    return mean + noise @ np.linalg.cholesky(covariance).T


def _test_sample_gaussian(answer):
    mean, factor = np.array([1.0, -2.0, 0.5]), np.array([[2.0, 0, 0], [1.0, 0.5, 0], [-1.0, 0.3, 0.1]])
    covariance = factor @ factor.T
    noise = np.random.default_rng(0).normal(size=(4, 3))
    got, want = np.asarray(answer(mean, covariance, noise)), sample_gaussian(mean, covariance, noise)
    expect(got.shape == (4, 3), f"the result must have the shape of `noise`, (4, 3). Got {got.shape}.")
    if np.allclose(got, want):
        return
    expect(not np.allclose(got, want - mean), "the samples lie around 0: add `mean`.")
    expect(
        not np.allclose(got, mean + noise @ factor),
        "each row must become L times that row. With rows as vectors this is `noise @ L.T`.",
    )
    expect(
        not np.allclose(got, mean + noise * np.sqrt(np.diag(covariance))),
        "you used the diagonal only; the other entries say how the coordinates vary together.",
    )
    expect(
        not np.allclose(got, mean + noise @ covariance),
        "you multiplied by the covariance; multiply by its Cholesky factor L, or variances come out squared.",
    )
    raise Wrong(f"expected mean + L noise. Off by up to {np.abs(got - want).max():.3g}.")


# ---------------------------------------------------------------- 00.3


def diversity(images):
    return float(images.var(axis=0).mean())


def _test_diversity(answer):
    rng = np.random.default_rng(0)
    images = rng.random((6, 5, 4, 1)) * np.linspace(0, 1, 5)[None, :, None, None]
    same = np.repeat(images[:1], 6, axis=0)
    got = np.asarray(answer(images))
    expect(got.shape == (), f"the result must be one number. Got shape {got.shape}.")
    expect(
        abs(float(answer(same))) < 1e-9,
        "six copies of one picture must have diversity 0: compare pictures, pixel by pixel, "
        "not the pixels of a picture with each other.",
    )
    want = diversity(images)
    expect(
        not np.isclose(got, images.std(axis=0).mean()),
        "that is the standard deviation; use its square, the variance.",
    )
    expect(
        not np.isclose(got, images.var(axis=0).sum()), "average over the pixels instead of adding them up."
    )
    expect(
        not np.isclose(got, images.var(axis=0, ddof=1).mean()),
        "nearly: here the variance divides by N, not by N - 1, so leave `ddof` at 0.",
    )
    expect(np.isclose(got, want), f"expected {want:.5f}. Got {float(got):.5f}.")


EXERCISES = register(
    Exercise(
        "00.1",
        to_unit_range,
        _test_to_unit_range,
        {
            "integer division": (lambda x: x // 255, "floating point"),
            "divided by the maximum": (lambda x: (x / x.max()).astype("float32"), "by 255"),
            "range -1 to 1": (lambda x: (x / 127.5 - 1).astype("float32"), "-1 to 1"),
            "divided by 256": (lambda x: (x / 256).astype("float32"), "not by 256"),
            "float64": (lambda x: x / 255, "float32"),
        },
    ),
    Exercise(
        "00.2",
        sample_gaussian,
        _test_sample_gaussian,
        {
            "mean forgotten": (lambda m, c, n: n @ np.linalg.cholesky(c).T, "add `mean`"),
            "not transposed": (lambda m, c, n: m + n @ np.linalg.cholesky(c), "L.T"),
            "diagonal only": (lambda m, c, n: m + n * np.sqrt(np.diag(c)), "vary together"),
            "covariance for factor": (lambda m, c, n: m + n @ c, "squared"),
        },
    ),
    Exercise(
        "00.3",
        diversity,
        _test_diversity,
        {
            "all pixels together": (lambda x: x.var(), "six copies"),
            "within each picture": (lambda x: x.var(axis=(1, 2, 3)).mean(), "six copies"),
            "standard deviation": (lambda x: x.std(axis=0).mean(), "variance"),
            "summed": (lambda x: x.var(axis=0).sum(), "average"),
            "divided by N - 1": (lambda x: x.var(axis=0, ddof=1).mean(), "`ddof`"),
            "one value per pixel": (lambda x: x.var(axis=0), "one number"),
        },
    ),
)
