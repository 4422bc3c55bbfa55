"""Exercises of chapter 02: reparameterisation, KL divergence, cross-entropy from logits, the prior in even steps."""

import numpy as np

from diffusion_course.exercises.base import Exercise, Wrong, expect, register

# ---------------------------------------------------------------- 02.1


def reparameterise(mean, log_var, noise):
    return mean + np.exp(0.5 * log_var) * noise


def _test_reparameterise(answer):
    rng = np.random.default_rng(0)
    mean, log_var, noise = (rng.normal(size=(4, 3)) for _ in range(3))
    got, want = np.asarray(answer(mean, log_var, noise)), reparameterise(mean, log_var, noise)
    expect(got.shape == (4, 3), f"the result must have the shape of `mean`, (4, 3). Got {got.shape}.")
    if np.allclose(got, want):
        return
    expect(
        not np.allclose(got, mean + np.exp(log_var) * noise),
        "exp(log_var) is the variance; noise is scaled by the standard deviation, its square root.",
    )
    expect(
        not np.allclose(got, mean + log_var * noise), "`log_var` is a logarithm: take exp(log_var / 2) of it."
    )
    expect(
        not np.allclose(got, np.exp(0.5 * log_var) * noise),
        "the codes must lie around `mean`: add it to the noise.",
    )
    again = np.asarray(answer(mean, log_var, noise))
    expect(np.allclose(got, again), "use the `noise` that is given; do not draw your own.")
    raise Wrong(f"expected mean + exp(log_var / 2) * noise. Off by up to {np.abs(got - want).max():.3g}.")


# ---------------------------------------------------------------- 02.2


def kl_divergence(mean, log_var):
    return 0.5 * np.sum(mean**2 + np.exp(log_var) - 1 - log_var, axis=-1)


def _test_kl_divergence(answer):
    zeros = np.zeros((1, 2))
    expect(
        np.allclose(answer(zeros, zeros), 0),
        f"the divergence of the prior from itself must be 0. Got {np.ravel(answer(zeros, zeros))[0]:.4g}.",
    )
    rng = np.random.default_rng(1)
    mean, log_var = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    got, want = np.asarray(answer(mean, log_var)), kl_divergence(mean, log_var)
    expect(
        got.shape == (5,), f"the result must be one number per picture, shape (5,). Got shape {got.shape}."
    )
    if np.allclose(got, want):
        return
    expect(not np.allclose(got, -want), "the sign is wrong: a divergence is never negative.")
    expect(not np.allclose(got, 2 * want), "the factor 1/2 is missing.")
    expect(not np.allclose(got, want / 3), "sum over the latent dimensions; do not average.")
    raise Wrong(f"expected {want[0]:.4f} for the first row. Got {got[0]:.4f}.")


# ---------------------------------------------------------------- 02.3


def cross_entropy_from_logits(x, logits):
    return np.logaddexp(0, logits) - x * logits


def _test_cross_entropy(answer):
    x, logits = np.array([0.0, 1.0, 0.3]), np.array([0.5, -2.0, 1.0])
    with np.errstate(all="ignore"):
        got = np.asarray(answer(x, logits))
        large = np.asarray(answer(np.array([0.0, 1.0]), np.array([1000.0, -1000.0])))
    want = cross_entropy_from_logits(x, logits)
    expect(got.shape == (3,), f"the result must have one value per pixel, shape (3,). Got shape {got.shape}.")
    expect(not np.allclose(got, -want), "the sign is wrong: a cross-entropy is never negative.")
    expect(np.allclose(got, want), f"for x = 0.3 and logit 1.0 the value is {want[2]:.4f}. Got {got[2]:.4f}.")
    expect(
        np.isfinite(large).all(),
        "right for small logits, but for a logit of 1000 the answer is not finite: the sigmoid is rounded to 1 and "
        "log(1 - 1) is minus infinity. Use log(1 + exp(l)) = logaddexp(0, l).",
    )
    expect(np.allclose(large, 1000), f"a logit of 1000 that is wrong costs 1000 nats. Got {large[0]:.4g}.")


# ---------------------------------------------------------------- 02.4


def even_steps(n):
    from scipy.stats import norm

    return norm.ppf((np.arange(n) + 0.5) / n)


def _test_even_steps(answer):
    from scipy.stats import norm

    for n in (5, 20, 1):
        got = np.asarray(answer(n), dtype=float)
        expect(got.shape == (n,), f"n = {n} must give {n} values. Got shape {got.shape}.")
        expect(
            np.isfinite(got).all(),
            "the ends are infinite: the normal distribution has no edge. Use the middle of each share, (i + 1/2) / n.",
        )
        shares = norm.cdf(got)
        if n > 2:
            steps = np.diff(got)
            expect(
                not np.allclose(steps, steps[0]),
                "these are equal distances; ask for equal probability: more values near 0, where codes are dense.",
            )
        expect(
            not np.allclose(shares, np.arange(1, n + 1) / (n + 1)) or n == 1,
            "nearly: cut the probability into n equal shares and take the middle of each, (i + 1/2) / n.",
        )
        expect(
            np.allclose(shares, (np.arange(n) + 0.5) / n),
            "each value must have the same share of the probability.",
        )


EXERCISES = register(
    Exercise(
        "02.1",
        reparameterise,
        _test_reparameterise,
        {
            "variance for deviation": (lambda m, v, n: m + np.exp(v) * n, "square root"),
            "logarithm kept": (lambda m, v, n: m + v * n, "logarithm"),
            "mean forgotten": (lambda m, v, n: np.exp(0.5 * v) * n, "around `mean`"),
            "own noise": (
                lambda m, v, n: m + np.exp(0.5 * v) * np.random.default_rng().normal(size=m.shape),
                "do not draw",
            ),
        },
    ),
    Exercise(
        "02.2",
        kl_divergence,
        _test_kl_divergence,
        {
            "sign": (lambda m, v: -kl_divergence(m, v), "never negative"),
            "no half": (lambda m, v: 2 * kl_divergence(m, v), "1/2"),
            "average": (lambda m, v: kl_divergence(m, v) / m.shape[-1], "average"),
            "no minus one": (lambda m, v: 0.5 * np.sum(m**2 + np.exp(v) - v, axis=-1), "must be 0"),
            "one number": (lambda m, v: kl_divergence(m, v).sum(), "one number per picture"),
        },
    ),
    Exercise(
        "02.3",
        cross_entropy_from_logits,
        _test_cross_entropy,
        {
            "through the sigmoid": (
                lambda x, a: -(x * np.log(1 / (1 + np.exp(-a))) + (1 - x) * np.log(1 - 1 / (1 + np.exp(-a)))),
                "not finite",
            ),
            "sign": (lambda x, a: x * a - np.logaddexp(0, a), "never negative"),
            "logits taken for probabilities": (
                lambda x, a: -(x * np.log(np.clip(a, 1e-7, 1)) + (1 - x) * np.log(np.clip(1 - a, 1e-7, 1))),
                "the value is",
            ),
            "averaged": (lambda x, a: cross_entropy_from_logits(x, a).mean(), "one value per pixel"),
        },
    ),
    Exercise(
        "02.4",
        even_steps,
        _test_even_steps,
        {
            "equal distances": (lambda n: np.linspace(-2, 2, n), "equal distances"),
            "infinite ends": (lambda n: _quantile(np.linspace(0, 1, n)), "infinite"),
            "inner points": (lambda n: _quantile(np.arange(1, n + 1) / (n + 1)), "middle"),
            "one too many": (lambda n: np.zeros(n + 1), "must give"),
        },
    ),
)


def _quantile(share):
    from scipy.stats import norm

    return norm.ppf(share)
