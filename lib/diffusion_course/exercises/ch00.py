"""Exercises of chapter 00: value ranges, the noise behind a code, how unusual a code is."""

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


def noise_of(z, mean, covariance):
    return np.linalg.solve(np.linalg.cholesky(covariance), (z - mean).T).T


_factor = np.array([[2.0, 0, 0], [1.0, 0.5, 0], [-1.0, 0.3, 0.1]])
_mean, _z = np.array([1.0, -2.0, 0.5]), np.random.default_rng(0).normal(size=(4, 3))

EXERCISES["noise_of"] = Exercise(
    "00.2",
    noise_of,
    cases=[(_z, _mean, _factor @ _factor.T), (_z[:1], _mean, np.diag([4.0, 1.0, 0.25]))],
    shape="one row for each row of `z`",
    wrong={
        "mean forgotten": lambda z, m, c: noise_of(z + m, m, c),
        "not transposed": lambda z, m, c: np.linalg.solve(np.linalg.cholesky(c).T, (z - m).T).T,
        "diagonal only": lambda z, m, c: (z - m) / np.sqrt(np.diag(c)),
        "covariance for factor": lambda z, m, c: np.linalg.solve(c, (z - m).T).T,
        "the way there": lambda z, m, c: m + z @ np.linalg.cholesky(c).T,
    },
    hints={
        "mean forgotten": "subtract `mean` first: the mean itself comes from noise 0.",
        "not transposed": "each row must be solved for with L itself. With rows as vectors: solve(L, (z - mean).T).T.",
        "diagonal only": "you used the diagonal only; the other entries say how the coordinates vary together.",
        "covariance for factor": "solve with the Cholesky factor L of the covariance, not with the covariance.",
        "the way there": "that goes from noise to codes; here a code is given, and its noise is asked for.",
    },
)


def how_unusual(z, mean, covariance):
    noise = np.linalg.solve(np.linalg.cholesky(covariance), (z - mean).T)  # (d, N)
    return np.sqrt(np.mean(noise**2, axis=0))


EXERCISES["how_unusual"] = Exercise(
    "00.3",
    how_unusual,
    cases=[(_z, _mean, _factor @ _factor.T), (_z[:2], _mean, np.eye(3))],
    shape="one number for each row of `z`",
    wrong={
        "plain distance": lambda z, m, c: np.sqrt(np.mean((z - m) ** 2, axis=1)),
        "length": lambda z, m, c: how_unusual(z, m, c) * np.sqrt(z.shape[1]),
        "square": lambda z, m, c: how_unusual(z, m, c) ** 2,
        "over the codes": lambda z, m, c: np.sqrt(np.mean(noise_of(z, m, c) ** 2, axis=0)),
        "diagonal only": lambda z, m, c: np.sqrt(np.mean((z - m) ** 2 / np.diag(c), axis=1)),
    },
    hints={
        "plain distance": "that is the distance to the mean; what counts is the noise that it takes to get there.",
        "length": "take the root of the mean square, not of the sum, so that 1 is usual however long the code.",
        "square": "take the square root at the end.",
        "over the codes": "average over the numbers of a code, not over the codes.",
        "diagonal only": "you used the diagonal only; use the noise of exercise 00.2.",
    },
)
