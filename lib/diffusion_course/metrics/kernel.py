"""Kernel distance of two clouds of features: unbiased at any number of samples, and without Gaussians.

Built by hand in chapter 08.
"""

import numpy as np

from diffusion_course.metrics.frechet import check_features

_BLOCK = 1_000  # rows of the kernel matrix at a time: 10,000 x 10,000 at once would take 800 MB


def _check_pair(features_a, features_b) -> tuple[np.ndarray, np.ndarray]:
    a, b = check_features(features_a, "features_a"), check_features(features_b, "features_b")
    if a.shape[1] != b.shape[1]:
        raise ValueError(
            f"`features_a` and `features_b` must have one D. Received: shapes {a.shape} and {b.shape}"
        )
    return a, b


def polynomial_kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(N, M) values of ``(a.b / D + 1)**3`` for rows of ``a`` (N, D) and ``b`` (M, D).

    Reference: Bińkowski et al. 2018 (arXiv:1801.01401), section 4.
    """
    # Two products instead of a power: NumPy's ** 3 calls pow() for each number.
    inner = a @ b.T / a.shape[1] + 1
    return inner * inner * inner


def _kernel_sum(a: np.ndarray, b: np.ndarray) -> float:
    return sum(polynomial_kernel(a[i : i + _BLOCK], b).sum() for i in range(0, len(a), _BLOCK))


def _mean_of_pairs(x: np.ndarray) -> float:
    """Average kernel of two different rows; a row with itself would bias it."""
    itself = np.sum((np.sum(x * x, axis=1) / x.shape[1] + 1) ** 3)
    return (_kernel_sum(x, x) - itself) / (len(x) * (len(x) - 1))


def kid_exact(features_a: np.ndarray, features_b: np.ndarray) -> float:
    """Squared maximum mean discrepancy over all pairs, with the polynomial kernel: one number, unbiased.

    Args:
        features_a: (N, D).
        features_b: (M, D).

    Returns:
        About 0 for equal distributions, and then as often below 0 as an unbiased estimate must be.

    Raises:
        ValueError: see `check_features`, or D differs.

    Reference: Gretton et al., "A kernel two-sample test", 2012, equation 3; kernel of Bińkowski et al. 2018.
    """
    a, b = _check_pair(features_a, features_b)
    between = _kernel_sum(a, b) / (len(a) * len(b))
    return float(_mean_of_pairs(a) + _mean_of_pairs(b) - 2 * between)


def kid(
    features_a: np.ndarray, features_b: np.ndarray, *, subsets: int = 8, rng: np.random.Generator
) -> tuple[float, float]:
    """Kernel inception distance from disjoint random subsets, with its standard error.

    Each set is dealt into ``subsets`` hands; hand i of one meets hand i of the other. Because no two hands share a
    picture they are independent, and the spread of their values gives an honest standard error. (The paper draws 100
    overlapping subsets of 1,000: from 2,048 pictures their spread over sqrt(100) would promise too much.)

    Args:
        features_a: (N, D).
        features_b: (M, D).
        subsets: at least 2; every hand must hold 2 samples.
        rng: deals.

    Returns:
        (mean, standard error).

    Raises:
        ValueError: see `kid_exact`, or too many subsets.

    Reference: Bińkowski, Sutherland, Arbel and Gretton, "Demystifying MMD GANs", 2018 (arXiv:1801.01401), section 4.
    """
    a, b = _check_pair(features_a, features_b)
    most = min(len(a), len(b)) // 2
    if not 2 <= subsets <= most:
        raise ValueError(f"`subsets` must be from 2 to {most}. Received: subsets={subsets}")
    hands_a, hands_b = (np.array_split(x[rng.permutation(len(x))], subsets) for x in (a, b))
    values = [kid_exact(x, y) for x, y in zip(hands_a, hands_b, strict=True)]
    return float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(subsets))
