"""Exercises of chapter 02: reparameterisation, KL divergence, cross-entropy from logits, the prior in even steps."""

import numpy as np
from scipy.stats import norm

from diffusion_course.exercises.base import NOT_REPEATABLE, Exercise, not_finite

EXERCISES: dict[str, Exercise] = {}
_random = np.random.default_rng(0).normal(size=(3, 4, 3))


def reparameterise(mean, log_var, noise):
    return mean + np.exp(0.5 * log_var) * noise


EXERCISES["reparameterise"] = Exercise(
    "02.1",
    reparameterise,
    cases=[tuple(_random)],
    wrong={
        "variance for deviation": lambda m, v, n: m + np.exp(v) * n,
        "logarithm kept": lambda m, v, n: m + v * n,
        "mean forgotten": lambda m, v, n: np.exp(0.5 * v) * n,
        "own noise": lambda m, v, n: m + np.exp(0.5 * v) * np.random.default_rng().normal(size=m.shape),
    },
    hints={
        "variance for deviation": "exp(log_var) is the variance; noise is scaled by its square root, the deviation.",
        "logarithm kept": "`log_var` is a logarithm: take exp(log_var / 2) of it.",
        "mean forgotten": "the codes must lie around `mean`: add it to the noise.",
        "own noise": NOT_REPEATABLE,
    },
)


def kl_divergence(mean, log_var):
    return 0.5 * np.sum(mean**2 + np.exp(log_var) - 1 - log_var, axis=-1)


EXERCISES["kl_divergence"] = Exercise(
    "02.2",
    kl_divergence,
    cases=[(_random[0], _random[1]), (np.zeros((1, 2)), np.zeros((1, 2)))],
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
    return np.logaddexp(0, logits) - x * logits


def _with_shares(x, share):
    return -(x * np.log(share) + (1 - x) * np.log(1 - share))


def _sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


EXERCISES["cross_entropy_from_logits"] = Exercise(
    "02.3",
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
            "infinity. Use log(1 + exp(l)) = logaddexp(0, l)."
        ),
        "clipped": "finite, but wrong: a logit of 1000 that is wrong costs 1000 nats. Clipping hides that.",
        "logits taken for probabilities": "a logit is not a probability: 1 / (1 + exp(-l)) is.",
    },
    kinds={
        "through the sigmoid": lambda got, want, x, a: a.max() > 100 and not_finite(got, want),
        "clipped": lambda got, want, x, a: a.max() > 100,
    },
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
