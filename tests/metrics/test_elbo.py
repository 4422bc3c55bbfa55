"""ELBO and importance-weighted bound against a model whose likelihood is known exactly."""

import numpy as np
import pytest
from scipy.special import expit, log_expit

from diffusion_course.metrics.elbo import (
    bernoulli_log_likelihood,
    gaussian_kl,
    importance_weighted_bound,
    negative_elbo,
)

W = np.array([1.5, -1.0, 0.5])  # one latent number, three pixels: logits = W z


def decode(z):
    return (z @ W[None]).reshape(-1, 3, 1, 1)


def encode(x):
    """A sensible but not exact posterior."""
    total = (x.reshape(len(x), 3) - 0.5) @ W
    return 0.6 * total[:, None], np.full((len(x), 1), -0.4)


def exact(x):
    """-log p(x) by integrating over z."""
    z = np.linspace(-12, 12, 20_001)
    prior = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi) * (z[1] - z[0])
    log_p = np.stack(
        [log_expit(np.where(p > 0.5, 1, -1)[:, None] * W[:, None] * z).sum(0) for p in x.reshape(-1, 3)]
    )
    return -np.log((np.exp(log_p) * prior).sum(axis=1)).mean()


@pytest.fixture
def x():
    rng = np.random.default_rng(0)
    z = rng.standard_normal((4000, 1))
    return (rng.random((4000, 3)) < expit(z @ W[None])).astype("float32").reshape(-1, 3, 1, 1)


def test_bounds_are_ordered_and_close_in_on_the_likelihood(x):
    truth = exact(x)
    elbo = negative_elbo(x, encode, decode, np.random.default_rng(1), samples=20)["negative_elbo"]
    bounds = [importance_weighted_bound(x, encode, decode, np.random.default_rng(2), k) for k in (1, 5, 200)]
    assert elbo > bounds[1] > bounds[2] > truth - 0.003
    assert bounds[0] == pytest.approx(elbo, abs=0.03)  # one sample is the ELBO
    assert bounds[2] == pytest.approx(truth, abs=0.003)


def test_elbo_is_its_two_parts_and_its_error_shrinks(x):
    few = negative_elbo(x[:500], encode, decode, np.random.default_rng(0))
    many = negative_elbo(x, encode, decode, np.random.default_rng(0))
    for result in (few, many):
        assert result["negative_elbo"] == pytest.approx(result["reconstruction"] + result["kl"])
    assert many["standard_error"] == pytest.approx(few["standard_error"] / np.sqrt(8), rel=0.15)


def test_log_likelihood_is_stable_and_exact():
    x = np.array([[[[1.0]]], [[[0.0]]], [[[0.3]]]])
    logits = np.array([[[[1000.0]]], [[[1000.0]]], [[[0.2]]]])
    p = expit(0.2)
    np.testing.assert_allclose(
        bernoulli_log_likelihood(x, logits), [0, -1000, 0.3 * np.log(p) + 0.7 * np.log(1 - p)]
    )


def test_kl_of_the_prior_is_zero():
    assert gaussian_kl(np.zeros((2, 3)), np.zeros((2, 3))).tolist() == [0, 0]


def test_refusals(x):
    with pytest.raises(ValueError, match="at least 1. Received: samples=0"):
        importance_weighted_bound(x, encode, decode, np.random.default_rng(0), 0)
    with pytest.raises(ValueError, match="shape of `x`"):
        bernoulli_log_likelihood(np.zeros((2, 3)), np.zeros((2, 4)))
