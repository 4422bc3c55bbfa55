"""How well a latent variable model explains held-out pictures: the ELBO and a tighter bound, in nats per picture.

Built by hand in chapter 02.
"""

from collections.abc import Callable

import numpy as np
from scipy.special import logsumexp

Encode = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
Decode = Callable[[np.ndarray], np.ndarray]


def bernoulli_log_likelihood(x: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """log p(x | z) for Bernoulli pixels, summed over each picture.

    Args:
        x: (N, ...) in [0, 1].
        logits: (N, ...), before the sigmoid.

    Returns:
        (N,), in nats, never positive.

    Raises:
        ValueError: the shapes differ.
    """
    x, logits = np.asarray(x, "float64"), np.asarray(logits, "float64")
    if x.shape != logits.shape:
        raise ValueError(
            f"`logits` must have the shape of `x`. Received: shapes {logits.shape} and {x.shape}"
        )
    return (x * logits - np.logaddexp(0, logits)).reshape(len(x), -1).sum(axis=1)


def gaussian_kl(mean: np.ndarray, log_var: np.ndarray) -> np.ndarray:
    """KL divergence from N(mean, exp(log_var)) to N(0, I) for each row of (N, d): (N,), in nats."""
    mean, log_var = np.asarray(mean, "float64"), np.asarray(log_var, "float64")
    return 0.5 * np.sum(mean**2 + np.exp(log_var) - 1 - log_var, axis=1)


def negative_elbo(
    x: np.ndarray, encode: Encode, decode: Decode, rng: np.random.Generator, samples: int = 1
) -> dict[str, float]:
    """Held-out negative ELBO: Bernoulli reconstruction plus closed-form KL.

    Args:
        x: (N, H, W, C) in [0, 1], pictures that training has not seen.
        encode: pictures -> (mean, log_var), both (N, d), clipped where training clips them.
        decode: codes (N, d) -> logits (N, H, W, C).
        rng: source of the noise.
        samples: codes drawn per picture; the average over many pictures needs only one.

    Returns:
        ``{"negative_elbo", "reconstruction", "kl", "standard_error"}``, nats per picture; the last is of the first.

    Reference: Kingma and Welling (arXiv:1312.6114), equation 10.
    """
    mean, log_var = encode(x)
    reconstruction = np.zeros(len(x))
    for _ in range(samples):
        z = mean + np.exp(0.5 * log_var) * rng.standard_normal(mean.shape)
        reconstruction -= bernoulli_log_likelihood(x, decode(z.astype("float32"))) / samples
    kl = gaussian_kl(mean, log_var)
    total = reconstruction + kl
    return {
        "negative_elbo": float(total.mean()),
        "reconstruction": float(reconstruction.mean()),
        "kl": float(kl.mean()),
        "standard_error": float(total.std(ddof=1) / np.sqrt(len(total))),
    }


def importance_weighted_bound(
    x: np.ndarray, encode: Encode, decode: Decode, rng: np.random.Generator, samples: int
) -> float:
    """Importance-weighted bound on -log p(x): at most the negative ELBO, and tighter with every sample.

    Args:
        x, encode, decode, rng: as in `negative_elbo`.
        samples: codes K drawn per picture; 1 gives the negative ELBO (with a sampled KL), infinity -log p(x).

    Returns:
        Nats per picture.

    Raises:
        ValueError: ``samples`` is below 1.

    Reference: Burda, Grosse and Salakhutdinov, "Importance Weighted Autoencoders" (arXiv:1509.00519), equation 8.
    """
    if samples < 1:
        raise ValueError(f"`samples` must be at least 1. Received: samples={samples}")
    mean, log_var = (np.asarray(a, "float64") for a in encode(x))
    log_weights = np.empty((samples, len(x)))
    for k in range(samples):
        noise = rng.standard_normal(mean.shape)
        z = mean + np.exp(0.5 * log_var) * noise
        # log p(x|z) + log p(z) - log q(z|x); the constants of both Gaussians cancel.
        log_weights[k] = bernoulli_log_likelihood(x, decode(z.astype("float32"))) + 0.5 * np.sum(
            noise**2 + log_var - z**2, axis=1
        )
    return float(-np.mean(logsumexp(log_weights, axis=0) - np.log(samples)))
