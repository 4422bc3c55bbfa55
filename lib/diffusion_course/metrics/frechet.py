"""Fréchet distance: how far apart two clouds of features lie, as if both were Gaussian.

Built by hand in chapter 08.
"""

import numpy as np


def check_features(features: np.ndarray, name: str = "features") -> np.ndarray:
    """Returns features as float64 (N, D) if they are finite and N is at least 2.

    Raises:
        ValueError: they are not.
    """
    features = np.asarray(features, "float64")
    if features.ndim != 2 or len(features) < 2:
        raise ValueError(f"`{name}` must have shape (N, D), N at least 2. Received: shape {features.shape}")
    if not np.isfinite(features).all():
        raise ValueError(f"`{name}` must be finite. Received: {features[~np.isfinite(features)][0]}")
    return features


def fit_gaussian(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and unbiased covariance of features.

    Args:
        features: (N, D), N at least 2.

    Returns:
        mean (D,) and covariance (D, D), float64; the covariance divides by N - 1.

    Raises:
        ValueError: see `check_features`.
    """
    features = check_features(features)
    return features.mean(axis=0), np.cov(features, rowvar=False).reshape(features.shape[1], -1)


def _root(covariance: np.ndarray, name: str) -> np.ndarray:
    """The symmetric square root of a covariance that may be singular."""
    if not np.allclose(covariance, covariance.T, rtol=1e-8, atol=1e-12 * np.abs(covariance).max()):
        raise ValueError(f"`{name}` must be symmetric. Received: a matrix that differs from its transpose")
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    rounding = len(values) * np.finfo("float64").eps * np.abs(values).max()
    if values[0] < -1e6 * rounding:  # far more than rounding can do to a zero
        raise ValueError(f"`{name}` must have no negative eigenvalue. Received: {values[0]}")
    # A dead feature has variance 0, which comes out as +-1e-17: its root would be 1e-8, so it is cut to 0.
    roots = np.sqrt(np.where(values > rounding, values, 0))
    return (vectors * roots) @ vectors.T


def frechet_distance(mean_a, cov_a, mean_b, cov_b) -> float:
    """Squared Fréchet (2-Wasserstein) distance of two Gaussians.

    ``|mean_a - mean_b|**2 + tr(cov_a) + tr(cov_b) - 2 tr((cov_a cov_b)**(1/2))``. The last trace is the sum of the
    singular values of ``cov_a**(1/2) cov_b**(1/2)``. So no general matrix root is needed: nothing becomes complex, and
    singular covariances (features that are always 0) are as good as others.

    Args:
        mean_a, mean_b: (D,).
        cov_a, cov_b: (D, D), symmetric, no negative eigenvalue.

    Returns:
        At least 0; 0 for equal Gaussians up to rounding.

    Raises:
        ValueError: the shapes do not fit, a value is not finite, or a matrix is no covariance.

    Reference: Dowson and Landau, "The Fréchet distance between multivariate normal distributions", 1982; used for
    pictures by Heusel et al., "GANs trained by a two time-scale update rule converge to a local Nash equilibrium",
    2017 (arXiv:1706.08500), equation 6.
    """
    mean_a, cov_a, mean_b, cov_b = (np.asarray(v, "float64") for v in (mean_a, cov_a, mean_b, cov_b))
    d = mean_a.size
    if (
        mean_a.shape != (d,)
        or mean_b.shape != (d,)
        or cov_a.shape != (d, d)
        or cov_b.shape != (d, d)
        or not d
    ):
        raise ValueError(
            "Means must have shape (D,) and covariances (D, D). Received: "
            f"{mean_a.shape}, {cov_a.shape}, {mean_b.shape}, {cov_b.shape}"
        )
    if not all(np.isfinite(v).all() for v in (mean_a, cov_a, mean_b, cov_b)):
        raise ValueError("Means and covariances must be finite. Received: NaN or infinity")
    overlap = np.linalg.svd(_root(cov_a, "cov_a") @ _root(cov_b, "cov_b"), compute_uv=False).sum()
    distance = np.sum((mean_a - mean_b) ** 2) + np.trace(cov_a) + np.trace(cov_b) - 2 * overlap
    return max(float(distance), 0.0)


def fid(features_a: np.ndarray, features_b: np.ndarray) -> float:
    """Fréchet distance of two sets of features. Too large by about c / N: compare it at equal N only.

    Args:
        features_a: (N, D).
        features_b: (M, D).

    Returns:
        At least 0. Even two sets of real pictures do not reach 0; see `metrics.generation.Ruler` for that floor and
        `fid_infinity` for a value that hardly depends on N.

    Raises:
        ValueError: see `check_features`, or D differs.

    Reference: Heusel et al. 2017 (arXiv:1706.08500), section 4, with another network's features.
    """
    return frechet_distance(*fit_gaussian(features_a), *fit_gaussian(features_b))


def fid_infinity(
    features_a: np.ndarray,
    features_b: np.ndarray,
    *,
    points: int = 15,
    smallest: float = 0.25,
    rng: np.random.Generator,
) -> float:
    """FID as it would be with endless samples: a line of FID against 1 / share of the samples, read off at 0.

    Both sets are cut to the same shares of their sizes, at random, so that the bias of either is extrapolated away.
    What is left is the curvature, of order (D / N)**2. May be slightly negative for equal distributions.

    Args:
        features_a: (N, D).
        features_b: (M, D).
        points: number of shares from ``smallest`` to 1, at least 2.
        smallest: share of the smallest sample, above 0 and below 1.
        rng: chooses the samples.

    Returns:
        The line's intercept.

    Raises:
        ValueError: see `fid`, or a setting breaks its rule.

    Reference: Chong and Forsyth, "Effectively unbiased FID and Inception Score and where to find them", 2020
    (arXiv:1911.07023), section 3.1; they keep one set whole.
    """
    if points < 2 or not 0 < smallest < 1:
        raise ValueError(
            "`points` must be at least 2 and `smallest` above 0 and below 1. "
            f"Received: points={points}, smallest={smallest}"
        )
    sets = check_features(features_a, "features_a"), check_features(features_b, "features_b")
    if min(len(features) for features in sets) * smallest < 2:
        raise ValueError(f"`smallest` must leave 2 samples of each. Received: smallest={smallest}")
    # Evenly spaced in 1 / share, where the line is fitted.
    shares = 1 / np.linspace(1, 1 / smallest, points)
    values = []
    for share in shares:
        a, b = (f[rng.permutation(len(f))[: round(share * len(f))]] for f in sets)
        values.append(fid(a, b))
    return float(np.polynomial.Polynomial.fit(1 / shares, values, 1)(0.0))
