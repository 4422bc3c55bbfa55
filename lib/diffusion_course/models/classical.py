"""Denoisers that learn nothing but one strength: the opponents of chapter 03's networks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle

Filter = Callable[[np.ndarray, float], np.ndarray]


def gaussian(noisy: np.ndarray, radius: float) -> np.ndarray:
    """Gaussian filter: each pixel becomes a weighted mean of its neighbours.

    Args:
        noisy: (N, H, W, C).
        radius: standard deviation of the weights in pixels; 0 changes nothing.

    Returns:
        (N, H, W, C) float32.
    """
    return gaussian_filter(np.asarray(noisy, "float32"), (0, radius, radius, 0))


def total_variation(noisy: np.ndarray, weight: float) -> np.ndarray:
    """Total-variation denoising: the picture near the noisy one whose neighbouring pixels differ least in sum.

    Args:
        noisy: (N, H, W, 1).
        weight: how much smoothness counts against nearness, greater than 0.

    Returns:
        (N, H, W, 1) float32.

    Raises:
        ValueError: the pictures have more than one channel.

    Reference: Rudin, Osher and Fatemi, 1992; the algorithm is Chambolle's, 2004, as in scikit-image.
    """
    noisy = np.asarray(noisy, "float32")
    if noisy.ndim != 4 or noisy.shape[-1] != 1:
        raise ValueError(f"`noisy` must have shape (N, H, W, 1). Received: shape {noisy.shape}")
    # scikit-image treats each channel alone, so the pictures go in as the channels of one: (H, W, N).
    stack = denoise_tv_chambolle(np.moveaxis(noisy[..., 0], 0, -1), weight=weight, channel_axis=-1)
    return np.moveaxis(stack, -1, 0)[..., None].astype("float32")


def non_local_means(noisy: np.ndarray, strength: float) -> np.ndarray:
    """Non-local means: each pixel becomes a mean of the pixels nearby whose surroundings look like its own.

    Args:
        noisy: (N, H, W, 1).
        strength: how unlike surroundings may be and still count, on the scale of the pixels; greater than 0.

    Returns:
        (N, H, W, 1) float32.

    Raises:
        ValueError: the pictures have more than one channel.

    Reference: Buades, Coll and Morel, 2005; the algorithm is scikit-image's, with 5 x 5 surroundings.
    """
    noisy = np.asarray(noisy, "float32")
    if noisy.ndim != 4 or noisy.shape[-1] != 1:
        raise ValueError(f"`noisy` must have shape (N, H, W, 1). Received: shape {noisy.shape}")
    pictures = [denoise_nl_means(image, 5, 6, h=strength) for image in noisy[..., 0]]
    return np.stack(pictures)[..., None].astype("float32")


@dataclass(frozen=True)
class FittedFilter:
    """A filter at its best strength, followed by the best straight line for contrast and brightness.

    Attributes:
        apply: (noisy pictures, strength) -> pictures.
        strength: what the filter is called with.
        gain, offset: the result is ``gain * filtered + offset``, clipped to [0, 1]. Clipped noise brightens black and
            darkens white; the line takes that back, as far as a line can.
    """

    apply: Filter
    strength: float
    gain: float
    offset: float

    def __call__(self, noisy: np.ndarray) -> np.ndarray:
        filtered = self.apply(noisy, self.strength)
        return np.clip(self.gain * filtered + self.offset, 0, 1).astype("float32")


def fit_filter(
    apply: Filter, strengths: Sequence[float], noisy: np.ndarray, clean: np.ndarray
) -> FittedFilter:
    """Chooses the strength, and the line after it, that give the smallest squared error.

    Args:
        apply: a filter.
        strengths: the candidates.
        noisy, clean: (N, H, W, C) pictures that are not used to judge the result afterwards.

    Returns:
        The best FittedFilter.

    Raises:
        ValueError: there are no candidates.
    """
    if len(strengths) == 0:
        raise ValueError("`strengths` must hold at least one candidate. Received: none")
    best, smallest = None, np.inf
    for strength in strengths:
        filtered = apply(noisy, strength)
        gain, offset = np.polyfit(filtered.ravel().astype("float64"), clean.ravel(), 1)
        candidate = FittedFilter(apply, float(strength), float(gain), float(offset))
        error = np.mean((np.clip(gain * filtered + offset, 0, 1) - clean) ** 2)
        if error < smallest:
            best, smallest = candidate, error
    return best
