"""Inception Score: does a classifier know what each picture shows, and do the pictures show different things?

Built by hand in chapter 08.
"""

import numpy as np


def check_probabilities(probabilities: np.ndarray) -> np.ndarray:
    """Returns probabilities as float64 (N, K) whose rows sum to exactly 1.

    Raises:
        ValueError: the shape is not (N, K) with K at least 2, or a row is no distribution.
    """
    p = np.asarray(probabilities, "float64")
    if p.ndim != 2 or not len(p) or p.shape[1] < 2:
        raise ValueError(f"`probabilities` must have shape (N, K), K at least 2. Received: shape {p.shape}")
    sums = p.sum(axis=1)
    if not np.isfinite(p).all() or p.min() < 0 or np.abs(sums - 1).max() > 1e-3:
        worst = sums[np.argmax(np.abs(sums - 1))]
        raise ValueError(
            "`probabilities` must be at least 0 and each row must sum to 1. "
            f"Received: smallest {p.min()}, a sum of {worst}"
        )
    return p / sums[:, None]  # float32 sums miss 1 by a little


def inception_score(probabilities: np.ndarray, splits: int = 10) -> tuple[float, float]:
    """``exp(mean KL(p(y | x) || p(y)))``: high when each picture is clear and all classes occur.

    It looks at generated pictures only, so it cannot see that they differ from real ones, nor that a class always
    shows the same picture. Small splits lower it.

    Args:
        probabilities: (N, K), a classifier's p(y | x), in random order.
        splits: parts of nearly equal size, from 1 to N; p(y) is the average of a part.

    Returns:
        mean and standard deviation over the splits, each score from 1 to K.

    Raises:
        ValueError: see `check_probabilities`, or a bad number of splits.

    Reference: Salimans et al., "Improved techniques for training GANs", 2016 (arXiv:1606.03498), section 4.
    """
    p = check_probabilities(probabilities)
    if not 1 <= splits <= len(p):
        raise ValueError(f"`splits` must be from 1 to {len(p)}. Received: splits={splits}")
    scores = []
    for part in np.array_split(p, splits):
        marginal = part.mean(axis=0)
        # 0 log 0 = 0, and where the marginal is 0 so is every p.
        ratio = np.divide(part, marginal, out=np.ones_like(part), where=part > 0)
        scores.append(np.exp(np.mean(np.sum(part * np.log(ratio), axis=1))))
    return float(np.mean(scores)), float(np.std(scores))
