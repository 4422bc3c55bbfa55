"""Exercises of chapter 09: a step that keeps the marginals, the look ahead, and what a step's noise gives away."""

import numpy as np

from diffusion_course.exercises.base import Exercise

EXERCISES: dict[str, Exercise] = {}

_rng = np.random.default_rng(9)
_x0, _noise, _z = _rng.standard_normal((3, 2, 3, 3, 1))


def step_down(x0_hat, noise_hat, z, alpha_bar_s, fresh):
    kept = np.sqrt(
        1 - alpha_bar_s - fresh**2
    )  # so that old and fresh noise together have variance 1 - alpha_bar_s
    return np.sqrt(alpha_bar_s) * x0_hat + kept * noise_hat + fresh * z


EXERCISES["step_down"] = Exercise(
    "09.1",
    step_down,
    cases=[(_x0, _noise, _z, alpha_bar, fresh) for alpha_bar, fresh in ((0.6, 0.3), (0.2, 0.0), (0.5, 0.5))],
    shape="pictures like x0_hat",
    wrong={
        "too much noise": lambda x, e, z, a, f: np.sqrt(a) * x + np.sqrt(1 - a) * e + f * z,
        "deviations subtracted": lambda x, e, z, a, f: np.sqrt(a) * x + (np.sqrt(1 - a) - f) * e + f * z,
        "no fresh noise": lambda x, e, z, a, f: np.sqrt(a) * x + np.sqrt(1 - a - f**2) * e,
        "only fresh noise": lambda x, e, z, a, f: np.sqrt(a) * x + f * z,
        "variance of z": lambda x, e, z, a, f: np.sqrt(a) * x + np.sqrt(1 - a - f) * e + f * z,
        "no roots": lambda x, e, z, a, f: a * x + (1 - a - f**2) * e + f * z,
    },
    hints={
        "too much noise": "old and fresh noise together have too much variance: it must come to 1 - alpha_bar_s.",
        "deviations subtracted": "variances of independent noises add up, not standard deviations.",
        "no fresh noise": "the fresh noise is missing: `fresh` times z.",
        "only fresh noise": "the noise that is already in the picture is missing.",
        "variance of z": "`fresh` is a standard deviation; the variance of fresh * z is its square.",
        "no roots": "alpha_bar is a share of the variance; picture and noise are weighted by roots.",
    },
)


def look_ahead(x0_hat, x0_before, log_snr_before, log_snr_here, log_snr_end):
    slope = (x0_hat - x0_before) / (log_snr_here - log_snr_before)
    return x0_hat + slope * (log_snr_end - log_snr_here) / 2


def _ahead(part):
    def wrong(x, before, b, h, e):
        return x + part((e - h), (h - b)) * (x - before)

    return wrong


EXERCISES["look_ahead"] = Exercise(
    "09.2",
    look_ahead,
    cases=[(_x0, _noise, -3.0, -1.0, 2.5), (_x0, _noise, 0.5, 1.0, 1.2)],
    shape="pictures like x0_hat",
    wrong={
        "end of the step": _ahead(lambda step, before: step / before),
        "equal steps": _ahead(lambda step, before: 0.5),
        "backwards": _ahead(lambda step, before: -step / before / 2),
        "lengths swapped": _ahead(lambda step, before: before / step / 2),
        "from behind": lambda x, q, b, h, e: q + (e - h) / (h - b) / 2 * (x - q),
        "mean": lambda x, q, b, h, e: (x + q) / 2,
    },
    hints={
        "end of the step": "that is where the line is at the end of the step. On average over it, it is half way.",
        "equal steps": "the two steps need not be equally long: the slope is per unit of log-SNR.",
        "backwards": "you go back towards the answer before; the line goes on in the other direction.",
        "lengths swapped": "the lengths of the two steps are swapped.",
        "from behind": "the line starts at this step's answer, not at that of the step before.",
        "mean": "that is between the two answers; look ahead, beyond the newer one.",
    },
)


def which_eta(s, alpha_bar, alpha_bar_s):
    return s / np.sqrt((1 - alpha_bar_s) / (1 - alpha_bar) * (1 - alpha_bar / alpha_bar_s))


_alpha_bar, _alpha_bar_s = np.array([0.5, 0.1, 0.02]), np.array([0.8, 0.35, 0.06])
_s = np.array([0.2, 0.5, 0.9]) * which_eta(1.0, _alpha_bar, _alpha_bar_s) ** -1

EXERCISES["which_eta"] = Exercise(
    "09.3",
    which_eta,
    cases=[(_s, _alpha_bar, _alpha_bar_s), (0 * _s, _alpha_bar, _alpha_bar_s)],
    shape="one number per step",
    wrong={
        "variance": lambda s, a, p: s / which_eta(1.0, a, p) ** -2,
        "squared": lambda s, a, p: which_eta(s, a, p) ** 2,
        "large": lambda s, a, p: s / np.sqrt(1 - a / p),
        "levels swapped": lambda s, a, p: s / np.sqrt((1 - a) / (1 - p) * np.abs(1 - p / a)),
        "the noise itself": lambda s, a, p: s,
    },
    hints={
        "variance": "`s` is a standard deviation: compare it with the root of the posterior variance.",
        "squared": "that is eta squared: you compared variances.",
        "large": "that compares with the root of beta, the large variance; eta is a share of the posterior's.",
        "levels swapped": "the two levels are swapped: alpha_bar is where the step begins, alpha_bar_s where it ends.",
        "the noise itself": "eta is a share: divide by the noise of the walk with eta = 1.",
    },
)


def v_of(variance, small, large):
    return 2 * np.log(variance / small) / np.log(large / small) - 1


EXERCISES["v_of"] = Exercise(
    "09.4",
    v_of,
    cases=[(np.array([1e-4, 1e-3, 0.04, 0.05]), 1e-4, 0.04), (np.array([0.02, 0.03]), 0.02, 0.08)],
    shape="one v per variance",
    atol=1e-6,
    wrong={
        "share": lambda x, small, large: (v_of(x, small, large) + 1) / 2,
        "straight line": lambda x, small, large: 2 * (x - small) / (large - small) - 1,
        "turned round": lambda x, small, large: -v_of(x, small, large),
        "clipped": lambda x, small, large: np.minimum(v_of(x, small, large), 1),
        "deviation": lambda x, small, large: v_of(np.sqrt(x), small, large),
    },
    hints={
        "share": "that is the share from 0 to 1; v runs from -1 to 1.",
        "straight line": "the network's v lies between the logarithms of the two variances.",
        "turned round": "turned round: `small` must give -1, and `large` 1.",
        "clipped": "nothing forces v to stay between -1 and 1, and the best one may lie beyond.",
        "deviation": "no root: a variance is asked for, and the other two are variances as well.",
    },
)
