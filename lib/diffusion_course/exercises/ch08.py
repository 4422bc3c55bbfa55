"""Exercises of chapter 08: fresh noise, inversion, a learned variance, and the arc between two noises."""

import numpy as np

from diffusion_course.exercises.base import Exercise, not_finite

EXERCISES: dict[str, Exercise] = {}


def fresh_noise(alpha_bar, alpha_bar_prev, eta):
    return eta * np.sqrt((1 - alpha_bar_prev) / (1 - alpha_bar) * (1 - alpha_bar / alpha_bar_prev))


EXERCISES["fresh_noise"] = Exercise(
    "08.1",
    fresh_noise,
    cases=[(np.array([0.9, 0.5, 0.02]), np.array([1.0, 0.8, 0.3]), eta) for eta in (1.0, 0.3)],
    shape="one number per step",
    wrong={
        "variance": lambda a, p, e: e * fresh_noise(a, p, 1) ** 2,
        "eta under the root": lambda a, p, e: np.sqrt(e) * fresh_noise(a, p, 1),
        "without eta": lambda a, p, e: fresh_noise(a, p, 1),
        "large": lambda a, p, e: e * np.sqrt(1 - a / p),
        "swapped": lambda a, p, e: e * np.sqrt(np.abs(1 - p / a)),
    },
    hints={
        "variance": "that is eta times the variance; noise is scaled by a standard deviation: take the square root.",
        "eta under the root": "eta stands before the root, not under it.",
        "without eta": "eta has no effect: at eta = 0 there must be no noise, and here there is.",
        "large": "that is from beta, the large variance: (1 - alpha_bar_prev) / (1 - alpha_bar) is missing.",
        "swapped": "the share that one step keeps is alpha_bar / alpha_bar_prev; you turned the fraction round.",
    },
)


def invert_step(x, noise_hat, alpha_bar, alpha_bar_next):
    x0_hat = (x - np.sqrt(1 - alpha_bar) * noise_hat) / np.sqrt(alpha_bar)
    return np.sqrt(alpha_bar_next) * x0_hat + np.sqrt(1 - alpha_bar_next) * noise_hat


EXERCISES["invert_step"] = Exercise(
    "08.2",
    invert_step,
    cases=[(*np.random.default_rng(0).standard_normal((2, 2, 3, 3, 1)), 0.8, 0.35)],
    shape="pictures like x",
    wrong={
        "forward step": lambda x, e, a, n: np.sqrt(n / a) * x + np.sqrt(1 - n / a) * e,
        "swapped": lambda x, e, a, n: invert_step(x, e, n, a),
        "x as x0": lambda x, e, a, n: np.sqrt(n) * x + np.sqrt(1 - n) * e,
        "no roots": lambda x, e, a, n: n * (x - (1 - a) * e) / a + (1 - n) * e,
    },
    hints={
        "forward step": "that adds noise on top, as the forward process does. First find x0_hat, then mix anew.",
        "swapped": "the two levels are swapped: x lies at alpha_bar, and the result at alpha_bar_next.",
        "x as x0": "x is not yet the clean picture: take its noise out and divide by sqrt(alpha_bar) first.",
        "no roots": "alpha_bar is a share of the variance; pictures and noise are weighted by its square root.",
    },
)


def learned_variance(v, small, large):
    share = (v + 1) / 2
    return np.exp(share * np.log(large) + (1 - share) * np.log(small))


EXERCISES["learned_variance"] = Exercise(
    "08.3",
    learned_variance,
    cases=[(np.array([-1.0, -0.2, 0.5, 1.0]), 1e-4, 0.04)],
    shape="one variance per v",
    wrong={
        "logarithm": lambda v, s, b: np.log(learned_variance(v, s, b)),
        "straight line": lambda v, s, b: (1 + v) / 2 * b + (1 - v) / 2 * s,
        "v from 0 to 1": lambda v, s, b: np.exp(v * np.log(b) + (1 - v) * np.log(s)),
        "turned round": lambda v, s, b: learned_variance(v, b, s),
        "deviation": lambda v, s, b: np.sqrt(learned_variance(v, s, b)),
    },
    hints={
        "logarithm": "that is the logarithm; the exercise asks for the variance: np.exp.",
        "straight line": "interpolate the logarithms; on a straight line nearly every v gives nearly `large`.",
        "v from 0 to 1": "v runs from -1 to 1. Map it to a share from 0 to 1 first: (v + 1) / 2.",
        "turned round": "turned round: v = 1 must give `large`, v = -1 `small`.",
        "deviation": "that is the standard deviation; the exercise asks for the variance.",
    },
)


def slerp(a, b, share):
    cosine = np.sum(a * b) / (np.linalg.norm(a) * np.linalg.norm(b))
    angle = np.arccos(np.clip(cosine, -1, 1))
    if angle < 1e-3:  # so close that arc and chord agree, and 0 / 0 is near
        return (1 - share) * a + share * b
    return (np.sin((1 - share) * angle) * a + np.sin(share * angle) * b) / np.sin(angle)


def _by_sines(a, b, share, cosine):
    angle = np.arccos(np.clip(cosine, -1, 1))
    return (np.sin((1 - share) * angle) * a + np.sin(share * angle) * b) / np.sin(angle)


def _unguarded(a, b, share):
    return _by_sines(a, b, share, np.sum(a * b) / np.linalg.norm(a) / np.linalg.norm(b))


def _line(a, b, share):
    return (1 - share) * a + share * b


def _parallel(x, y):
    return np.isclose(np.sum(x * y), np.linalg.norm(x) * np.linalg.norm(y))


# So short that their product, which is their cosine only after it is normalised, could be one as well.
_a, _b = np.random.default_rng(0).standard_normal((2, 50)) / 20
# The cosine of a vector with itself is rounded: to 1 on one machine, to a little less on another, and there nothing
# is divided by 0. With a single entry that is not 0 it is 1 on all machines.
_axis = 2.0 * np.eye(50)[0]

EXERCISES["slerp"] = Exercise(
    "08.4",
    slerp,
    cases=[(_a, 0.4 * _a + _b, 0.25), (_a, 0.4 * _a + _b, 0.8), (_axis, _axis, 0.3)],
    shape="a vector like a",
    wrong={
        "same vector": _unguarded,
        "straight": _line,
        "turned round": lambda a, b, s: slerp(b, a, s),
        "stretched": lambda a, b, s: _line(a, b, s) / np.linalg.norm(_line(a, b, s)) * np.linalg.norm(a),
        "not normalised": lambda a, b, s: _by_sines(a, b, s, np.sum(a * b)),
    },
    hints={
        "same vector": "a with itself: you divide 0 by 0. Use the straight line where the angle is tiny.",
        "straight": "that is the straight line: its middle is too short.",
        "turned round": "turned round: share 0 must give a, and share 1 gives b.",
        "stretched": (
            "you stretched the straight line to the right length. It is on the arc then, but not at equal angles: use "
            "the two weights with sines."
        ),
        "not normalised": "the angle is wrong: the cosine is a.b divided by both lengths.",
    },
    kinds={
        "same vector": lambda got, want, a, b, s: not_finite(got, want) and np.allclose(a, b),
        "stretched": lambda got, want, a, b, s: _parallel(got, _line(a, b, s)) and not np.allclose(a, b),
    },
)
