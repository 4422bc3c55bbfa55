"""Exercises of chapter 00: value ranges, sampling from a Gaussian, how different pictures are."""

import numpy as np

from diffusion_course.exercises.base import Exercise

EXERCISES: dict[str, Exercise] = {}


def to_unit_range(images):
    return images.astype("float32") / 255


EXERCISES["to_unit_range"] = Exercise(
    "00.1",
    to_unit_range,
    # The largest value is not 255, on purpose.
    cases=[(np.array([[0, 51, 102], [7, 128, 204]], "uint8"),)],
    dtype="float32",
    atol=1e-6,
    wrong={
        "integer division": lambda x: x // 255,
        "divided by the maximum": lambda x: x / x.max(),
        "range -1 to 1": lambda x: x / 127.5 - 1,
        "divided by 256": lambda x: x / 256,
        "float64": lambda x: x / 255,
    },
    hints={
        "integer division": "the result must be floating point; integers from 0 to 1 leave only black and white.",
        "divided by the maximum": (
            "divide by 255, the largest value that a byte can have, not by the largest of these pictures: "
            "two batches would be scaled differently."
        ),
        "range -1 to 1": "that is the range from -1 to 1; here it is 0 to 1.",
        "divided by 256": "255 must become 1 exactly: divide by 255, not by 256.",
        "float64": "right values, but networks compute in float32: add a cast.",
    },
    kinds={
        "integer division": lambda got, want, x: got.dtype.kind != "f",
    },
)


def sample_gaussian(mean, covariance, noise):
    return mean + noise @ np.linalg.cholesky(covariance).T


_factor = np.array([[2.0, 0, 0], [1.0, 0.5, 0], [-1.0, 0.3, 0.1]])

EXERCISES["sample_gaussian"] = Exercise(
    "00.2",
    sample_gaussian,
    cases=[
        (np.array([1.0, -2.0, 0.5]), _factor @ _factor.T, np.random.default_rng(0).standard_normal((4, 3)))
    ],
    shape="one row for each row of `noise`",
    wrong={
        "mean forgotten": lambda m, c, n: n @ np.linalg.cholesky(c).T,
        "not transposed": lambda m, c, n: m + n @ np.linalg.cholesky(c),
        "diagonal only": lambda m, c, n: m + n * np.sqrt(np.diag(c)),
        "covariance for factor": lambda m, c, n: m + n @ c,
    },
    hints={
        "mean forgotten": "the samples lie around 0: add `mean`.",
        "not transposed": "each row must become L times that row. With rows as vectors this is `noise @ L.T`.",
        "diagonal only": "you used the diagonal only; the other entries say how the coordinates vary together.",
        "covariance for factor": "multiply by the Cholesky factor L of the covariance, or variances come out squared.",
    },
)


def diversity(images):
    return float(images.var(axis=0).mean())


_images = np.random.default_rng(0).random((6, 5, 4, 1)) * np.linspace(0, 1, 5)[:, None, None]

EXERCISES["diversity"] = Exercise(
    "00.3",
    diversity,
    cases=[(_images[[0, 0]],), (_images,)],
    wrong={
        "all pixels together": lambda x: x.var(),
        "within each picture": lambda x: x.var(axis=(1, 2, 3)).mean(),
        "standard deviation": lambda x: x.std(axis=0).mean(),
        "summed": lambda x: x.var(axis=0).sum(),
        "divided by N - 1": lambda x: x.var(axis=0, ddof=1).mean(),
        "copies differ": lambda x: np.ptp(x),
    },
    hints={
        "all pixels together": "two copies of one picture must give 0: take the variance at each pixel, not of all.",
        "within each picture": "two copies of one picture must give 0: compare pictures, not pixels of one picture.",
        "standard deviation": "that is the standard deviation; use its square, the variance.",
        "summed": "average over the pixels instead of adding them up.",
        "divided by N - 1": "nearly: here the variance divides by N, not by N - 1, so leave `ddof` at 0.",
        "copies differ": "two copies of one picture must have diversity 0.",
    },
    kinds={
        "copies differ": lambda got, want, x: want == 0,
    },
)
