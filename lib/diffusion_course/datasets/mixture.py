"""Points in a plane whose density, and the score of that density under any noise, are formulas. Chapter 10's toy.

Real data have a score that nobody knows. These do, so whatever goes wrong with them is the method's doing:

    >>> mixture = three_humps()
    >>> x = np.array([[0.5, -1.0], [3.0, 3.0]])
    >>> mixture.score(x, sigma=0.5).round(2).tolist()
    [[5.08, -1.22], [-7.32, -0.0]]
    >>> np.allclose(x + 0.5**2 * mixture.score(x, sigma=0.5), mixture.clean_mean(x, sigma=0.5))  # Tweedie's formula
    True
"""

import numpy as np
from scipy.special import logsumexp, softmax


class GaussianMixture:
    """Round Gaussian humps: x_0 comes from hump k with probability ``shares[k]``, and x = x_0 + sigma noise.

    Args:
        centres: (K, D).
        widths: (K,) above 0, standard deviation of each hump.
        shares: (K,) above 0; scaled so that they sum to 1.

    Attributes:
        centres, widths, shares: float64 arrays as above.

    Raises:
        ValueError: a shape or a number breaks these rules.
    """

    def __init__(self, centres, widths, shares):
        self.centres, self.widths, shares = (np.asarray(v, "float64") for v in (centres, widths, shares))
        count = len(self.centres) if self.centres.ndim == 2 else 0
        if (
            not count
            or self.widths.shape != (count,)
            or shares.shape != (count,)
            or min(self.widths.min(), shares.min()) <= 0
        ):
            raise ValueError(
                "`centres` must be (K, D), `widths` and `shares` (K,) and above 0. Received: shapes "
                f"{self.centres.shape}, {self.widths.shape}, {shares.shape}, widths {self.widths}, shares {shares}"
            )
        self.shares = shares / shares.sum()

    def sample(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Clean points (count, D)."""
        hump = rng.choice(len(self.shares), count, p=self.shares)
        return self.centres[hump] + self.widths[hump, None] * rng.standard_normal(
            (count, self.centres.shape[1])
        )

    def _parts(self, x, sigma):
        """log of each hump's share of the density at x, (N, K), and the noisy humps' variances, (N, K)."""
        x = self.checked(x)
        variance = self.widths**2 + np.square(np.reshape(sigma, (-1, 1)))  # (N or 1, K)
        away = np.square(x[:, None] - self.centres).sum(axis=-1)  # (N, K)
        log_norm = 0.5 * x.shape[1] * np.log(2 * np.pi * variance)
        return np.log(self.shares) - 0.5 * away / variance - log_norm, variance

    def checked(self, x) -> np.ndarray:
        """``x`` as float64 points (N, D); ValueError if it is none."""
        x = np.asarray(x, "float64")
        if x.ndim != 2 or x.shape[1] != self.centres.shape[1]:
            raise ValueError(f"`x` must be points (N, {self.centres.shape[1]}). Received: shape {x.shape}")
        return x

    def log_density(self, x, sigma=0.0) -> np.ndarray:
        """log p(x) of the noisy points, (N,).

        Args:
            x: (N, D).
            sigma: standard deviation of the noise, 0 or more, a number or (N,).
        """
        return logsumexp(self._parts(x, sigma)[0], axis=1)

    def score(self, x, sigma=0.0) -> np.ndarray:
        """The gradient of `log_density`, (N, D): the humps' own scores, each weighted by how likely it is at x."""
        parts, variance = self._parts(x, sigma)
        pull = softmax(parts, axis=1) / variance  # (N, K)
        return pull @ self.centres - pull.sum(axis=1, keepdims=True) * self.checked(x)

    def clean_mean(self, x, sigma) -> np.ndarray:
        """E[x_0 | x], (N, D), by Bayes' rule: what a perfect denoiser says. Does not use `score`."""
        parts, variance = self._parts(x, sigma)
        kept = (self.widths**2 / variance)[..., None]  # of the way from a centre, what is not noise
        means = self.centres + kept * (self.checked(x)[:, None] - self.centres)  # (N, K, D)
        return (softmax(parts, axis=1)[..., None] * means).sum(axis=1)

    def noise_mean(self, x, sigma) -> np.ndarray:
        """E[noise | x], (N, D): what a perfect network that predicts noise says; ``sigma`` above 0."""
        return (self.checked(x) - self.clean_mean(x, sigma)) / np.reshape(sigma, (-1, 1))

    def hump_of(self, x) -> np.ndarray:
        """For each point the number of the hump that it most likely comes from, (N,)."""
        return self._parts(x, 0.0)[0].argmax(axis=1)

    def shares_of(self, x) -> np.ndarray:
        """The share of points in each hump, (K,): what to hold against ``shares``."""
        return np.bincount(self.hump_of(x), minlength=len(self.shares)) / len(x)


def three_humps() -> GaussianMixture:
    """The toy of chapter 10: humps of width 0.4 in the corners of a triangle, with shares 0.60, 0.25 and 0.15."""
    angles = np.deg2rad([90, 210, 330])
    return GaussianMixture(
        3 * np.stack([np.cos(angles), np.sin(angles)], axis=1), [0.4] * 3, [0.6, 0.25, 0.15]
    )
