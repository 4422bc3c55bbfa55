"""One Gaussian per class in a latent space: the simplest generator that answers to a word (chapter 00)."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ClassGaussian:
    """A normal distribution of latent codes for each of K classes.

    Attributes:
        means: (K, d), the average code of each class.
        factors: (K, d, d), lower triangular L with L L^T the covariance of the class's codes.
    """

    means: np.ndarray
    factors: np.ndarray

    def sample(self, label: int, noise: np.ndarray) -> np.ndarray:
        """Codes of one class: ``mean + L noise`` for every row of ``noise``.

        Args:
            label: class, 0 to K - 1.
            noise: (N, d), standard normal; scaled down it gives more typical codes, scaled up stranger ones.

        Returns:
            (N, d) float32.

        Raises:
            ValueError: there is no such class, or ``noise`` has another shape.
        """
        classes, d = self.means.shape
        if not 0 <= label < classes:
            raise ValueError(f"`label` must be a class from 0 to {classes - 1}. Received: label={label}")
        noise = np.asarray(noise)
        if noise.ndim != 2 or noise.shape[1] != d:
            raise ValueError(f"`noise` must have shape (N, {d}). Received: shape {noise.shape}")
        return (self.means[label] + noise @ self.factors[label].T).astype("float32")


def fit_class_gaussian(codes: np.ndarray, labels: np.ndarray) -> ClassGaussian:
    """Mean and covariance of the codes of each class.

    Args:
        codes: (N, d).
        labels: (N,) integers 0 to K - 1, more than d of each.

    Returns:
        The ClassGaussian.

    Raises:
        ValueError: shapes do not match, or a class has too few codes for a covariance.
    """
    codes, labels = np.asarray(codes, "float64"), np.asarray(labels)
    if codes.ndim != 2 or labels.shape != codes.shape[:1]:
        raise ValueError(
            f"`codes` must have shape (N, d) and `labels` (N,). Received: shapes {codes.shape} and {labels.shape}"
        )
    means, factors = [], []
    for k in range(int(labels.max()) + 1):
        mine = codes[labels == k]
        if len(mine) <= codes.shape[1]:
            raise ValueError(
                f"Each class must have more than d = {codes.shape[1]} codes. Received: {len(mine)} of class {k}"
            )
        means.append(mine.mean(axis=0))
        covariance = np.cov(mine, rowvar=False).reshape(codes.shape[1], -1)
        # A code that never varies makes the covariance singular; this much is below float32's resolution.
        ridge = 1e-6 * max(np.trace(covariance) / len(covariance), 1e-6)
        factors.append(np.linalg.cholesky(covariance + ridge * np.eye(len(covariance))))
    return ClassGaussian(np.stack(means), np.stack(factors))
