"""Exercises of chapter 02: KL divergence, cross-entropy from logits, a mean of exponentials, the prior, code in use."""

import numpy as np
from keras import ops
from scipy.stats import norm

from diffusion_course.exercises.base import Exercise, not_finite

EXERCISES: dict[str, Exercise] = {}
_random = np.random.default_rng(0).normal(size=(2, 4, 3))


def kl_divergence(mean, log_var):
    return 0.5 * ops.sum(mean**2 + ops.exp(log_var) - 1 - log_var, axis=-1)


EXERCISES["kl_divergence"] = Exercise(
    "02.1",
    kl_divergence,
    cases=[tuple(_random), (np.zeros((1, 2)), np.zeros((1, 2)))],
    shape="one number per picture",
    wrong={
        "sign": lambda m, v: -kl_divergence(m, v),
        "no half": lambda m, v: 2 * kl_divergence(m, v),
        "average": lambda m, v: kl_divergence(m, v) / m.shape[-1],
        "no minus one": lambda m, v: 0.5 * np.sum(m**2 + np.exp(v) - v, axis=-1),
    },
    hints={
        "sign": "the sign is wrong: a divergence is never negative.",
        "no half": "the factor 1/2 is missing.",
        "average": "sum over the latent dimensions; do not average.",
        "no minus one": "the divergence of the prior from itself (mean 0, log_var 0) must be 0: subtract 1.",
    },
)


def cross_entropy_from_logits(x, logits):
    return ops.softplus(logits) - x * logits


def _with_shares(x, share):
    return -(x * np.log(share) + (1 - x) * np.log(1 - share))


def _sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


EXERCISES["cross_entropy_from_logits"] = Exercise(
    "02.2",
    cross_entropy_from_logits,
    cases=[
        (np.array([0.0, 1.0, 0.3]), np.array([0.5, -2.0, 1.0])),
        (np.array([0.0, 1.0]), np.array([1000.0, -1000.0])),
    ],
    shape="one value per pixel",
    wrong={
        "sign": lambda x, a: -cross_entropy_from_logits(x, a),
        "through the sigmoid": lambda x, a: _with_shares(x, _sigmoid(a)),
        "clipped": lambda x, a: _with_shares(x, np.clip(_sigmoid(a), 1e-7, 1 - 1e-7)),
        "logits taken for probabilities": lambda x, a: _with_shares(x, np.clip(a, 1e-7, 1 - 1e-7)),
    },
    hints={
        "sign": "the sign is wrong: a cross-entropy is never negative.",
        "through the sigmoid": (
            "for a logit of 1000 the answer is not finite: the sigmoid is rounded to 1 and log(1 - 1) is minus "
            "infinity. log(1 + exp(l)) is `ops.softplus(l)`."
        ),
        "clipped": "finite, but wrong: a logit of 1000 that is wrong costs 1000 nats. Clipping hides that.",
        "logits taken for probabilities": "a logit is not a probability: 1 / (1 + exp(-l)) is.",
    },
    kinds={
        "through the sigmoid": lambda got, want, x, a: a.max() > 100 and not_finite(got, want),
        "clipped": lambda got, want, x, a: a.max() > 100,
    },
)


def log_mean_exp(values):
    largest = values.max(axis=1)
    return largest + np.log(np.mean(np.exp(values - largest[:, None]), axis=1))


EXERCISES["log_mean_exp"] = Exercise(
    "02.3",
    log_mean_exp,
    cases=[
        (np.array([[0.0, 1.0, 2.0], [0.5, 0.5, 0.5]]),),
        (np.array([[-1500.0, -1501.0], [-150.0, -140.0], [900.0, 890.0]]),),
    ],
    shape="one number per picture",
    wrong={
        "mean of logarithms": lambda v: v.mean(axis=1),
        "sum": lambda v: log_mean_exp(v) + np.log(v.shape[1]),
        "underflow": lambda v: np.log(np.mean(np.exp(v), axis=1)),
        "largest forgotten": lambda v: np.log(np.mean(np.exp(v - v.max(axis=1, keepdims=True)), axis=1)),
        "over pictures": lambda v: log_mean_exp(v.T),
    },
    hints={
        "mean of logarithms": "that averages logarithms, which is the ELBO again: first average, then the logarithm.",
        "sum": "average over the codes: divide the sum by their number.",
        "underflow": "exp(-1500) is rounded to 0: subtract each picture's largest value first, and add it back.",
        "largest forgotten": "you subtracted the largest value; add it back after the logarithm.",
        "over pictures": "average over the codes of a picture, axis 1, not over the pictures.",
    },
    kinds={"underflow": not_finite},
)


def even_steps(n):
    from scipy.stats import norm

    return norm.ppf((np.arange(n) + 0.5) / n)


EXERCISES["even_steps"] = Exercise(
    "02.4",
    even_steps,
    cases=[(5,), (20,), (1,)],
    shape="`n` values",
    wrong={
        "equal distances": lambda n: np.linspace(-2, 2, n),
        "infinite ends": lambda n: norm.ppf(np.linspace(0, 1, n)),
        "inner points": lambda n: norm.ppf(np.arange(1, n + 1) / (n + 1)),
        "another width": lambda n: 2 * even_steps(n),
    },
    hints={
        "equal distances": "these are equal distances; equal probability puts more values near 0, where codes lie.",
        "infinite ends": "the ends are infinite: the normal distribution has no edge. Use the middle of each share.",
        "inner points": "nearly: cut the probability into n equal shares and take the middle of each, (i + 1/2) / n.",
        "another width": "the values must follow the standard normal distribution.",
    },
    kinds={
        "equal distances": lambda got, want, n: n > 2 and np.allclose(np.diff(got), got[1] - got[0]),
        "infinite ends": not_finite,
    },
)


def active_numbers(mean, log_var, least):
    price = 0.5 * (mean**2 + np.exp(log_var) - 1 - log_var)  # (N, d), in nats
    return int((price.mean(axis=0) >= least).sum())


_mean, _log_var = np.random.default_rng(5).normal(size=(2, 6, 5)) * np.array([1.0, 0.05, 1.0, 0.3, 0.0])


def _active(mean, log_var, least, price):
    return int((price(mean, log_var) >= least).sum())


def _kl_parts(mean, log_var):
    return 0.5 * (mean**2 + np.exp(log_var) - 1 - log_var)


EXERCISES["active_numbers"] = Exercise(
    "02.5",
    active_numbers,
    cases=[
        (_mean, _log_var, 0.01),
        (_mean, _log_var, 0.3),
        (np.zeros((4, 3)), np.zeros((4, 3)), 0.01),
        (np.tile([2.0, -2.0, 0.1], (4, 1)), np.zeros((4, 3)), 0.01),
    ],
    wrong={
        "numbers of all pictures": lambda m, v, a: _active(m, v, a, _kl_parts),
        "pictures": lambda m, v, a: _active(m, v, a, lambda m, v: _kl_parts(m, v).sum(axis=1)),
        "summed over pictures": lambda m, v, a: _active(m, v, a, lambda m, v: _kl_parts(m, v).sum(axis=0)),
        "inactive": lambda m, v, a: m.shape[1] - active_numbers(m, v, a),
        "means only": lambda m, v, a: int((m.var(axis=0) >= a).sum()),
    },
    hints={
        "numbers of all pictures": "average the price of each code number over the pictures before you compare.",
        "pictures": "count code numbers, not pictures: do not sum over the code numbers.",
        "summed over pictures": "average over the pictures; a sum grows with their number.",
        "inactive": "that counts the ones that say too little.",
        "means only": "use the price of each code number, its part of the KL divergence, not the spread of its means.",
    },
)
