"""From a reconstruction error along the beat to one number per beat: larger means stranger."""

import numpy as np


def check_residual(residual: np.ndarray) -> np.ndarray:
    """Returns a residual (signal minus reconstruction) as float64 (N, T).

    Raises:
        ValueError: it has another shape.
    """
    residual = np.asarray(residual, "float64")
    if residual.ndim != 2:
        raise ValueError(f"`residual` must have shape (N, T). Received: shape {residual.shape}")
    return residual


def mean_absolute(residual: np.ndarray) -> np.ndarray:
    """Mean absolute error of each signal: (N, T) -> (N,)."""
    return np.abs(check_residual(residual)).mean(axis=1)


def smooth(residual: np.ndarray, window: int) -> np.ndarray:
    """Moving average along time, over whole windows only.

    Independent noise of standard deviation s keeps s / sqrt(window); an error that lasts keeps its height.

    Args:
        residual: (N, T).
        window: number of neighbouring points, 1 to T.

    Returns:
        (N, T - window + 1).

    Raises:
        ValueError: the window is out of range.
    """
    residual = check_residual(residual)
    if not isinstance(window, int) or not 1 <= window <= residual.shape[1]:
        raise ValueError(
            f"`window` must be an integer from 1 to {residual.shape[1]}. Received: window={window!r}"
        )
    total = np.cumsum(np.pad(residual, ((0, 0), (1, 0))), axis=1)  # (N, T + 1)
    return (total[:, window:] - total[:, :-window]) / window


def smoothed_rms(residual: np.ndarray, window: int = 5) -> np.ndarray:
    """Root mean square of the smoothed residual: (N, T) -> (N,)."""
    return np.sqrt((smooth(residual, window) ** 2).mean(axis=1))


def standardised_rms(residual: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Root mean square after each point in time is divided by how much normal residuals vary there.

    Args:
        residual: (N, T).
        reference: (M, T), residuals of normal signals.

    Returns:
        (N,).
    """
    spread = np.sqrt((check_residual(reference) ** 2).mean(axis=0))
    return np.sqrt(((check_residual(residual) / spread) ** 2).mean(axis=1))


def mahalanobis(residual: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Mahalanobis distance of each residual from normal residuals, with a shrunk covariance.

    Args:
        residual: (N, T).
        reference: (M, T), residuals of normal signals, M > 1.

    Returns:
        (N,).

    Reference: Ledoit and Wolf, "A well-conditioned estimator for large-dimensional covariance matrices", Journal
    of Multivariate Analysis 88 (2004); scikit-learn's implementation.
    """
    from sklearn.covariance import LedoitWolf

    fitted = LedoitWolf().fit(check_residual(reference))
    return np.sqrt(fitted.mahalanobis(check_residual(residual)))
