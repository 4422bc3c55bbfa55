"""How close a picture is to another: PSNR and SSIM, for many pictures at once.

Built by hand in chapter 03.
"""

import numpy as np
from scipy.ndimage import gaussian_filter


def _check(x: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x, reference = np.asarray(x, "float64"), np.asarray(reference, "float64")
    if x.ndim != 4 or x.shape != reference.shape:
        raise ValueError(
            f"`x` and `reference` must have one shape (N, H, W, C). Received: {x.shape} and {reference.shape}"
        )
    return x, reference


def psnr(x: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Peak signal-to-noise ratio of each picture, for values in [0, 1].

    Args:
        x, reference: (N, H, W, C) in [0, 1].

    Returns:
        (N,) in decibel, ``10 log10(1 / MSE)``; infinite for equal pictures.

    Raises:
        ValueError: the shapes differ.
    """
    x, reference = _check(x, reference)
    with np.errstate(divide="ignore"):
        return -10 * np.log10(np.mean((x - reference) ** 2, axis=(1, 2, 3)))


def ssim(x: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Structural similarity of each picture, for values in [0, 1].

    The same numbers as ``skimage.metrics.structural_similarity`` with Gaussian weights, but for all pictures at once:
    the chapter compares many thousands.

    Args:
        x, reference: (N, H, W, C) in [0, 1]; H and W at least 11.

    Returns:
        (N,), 1 for equal pictures, near 0 for unrelated ones.

    Raises:
        ValueError: the shapes differ, or the pictures are smaller than the window.

    Reference: Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error visibility to structural
    similarity", 2004, equation 13, with their 11 x 11 window, C1 = 0.01**2, C2 = 0.03**2.
    """
    x, reference = _check(x, reference)
    pad = 5  # half the window
    if min(x.shape[1:3]) <= 2 * pad:
        raise ValueError(f"Pictures must be at least 11 x 11. Received: shape {x.shape}")

    def local_mean(values):
        return gaussian_filter(values, (0, 1.5, 1.5, 0), truncate=3.5)

    mean_x, mean_r = local_mean(x), local_mean(reference)
    var_x = local_mean(x * x) - mean_x**2
    var_r = local_mean(reference * reference) - mean_r**2
    covariance = local_mean(x * reference) - mean_x * mean_r
    c1, c2 = 0.01**2, 0.03**2
    similarity = (
        (2 * mean_x * mean_r + c1)
        * (2 * covariance + c2)
        / ((mean_x**2 + mean_r**2 + c1) * (var_x + var_r + c2))
    )
    # Windows that hang over the edge do not count.
    return similarity[:, pad:-pad, pad:-pad].mean(axis=(1, 2, 3))
