"""What a network that fills holes trains on: random holes, and what it is shown of the pictures around them.

Chapter 16. `models.inpainting.widened` makes the network; each picture and its hole pass through the autoencoder once,
before the training.
"""

import numpy as np

from diffusion_course.models.inpainting import extra_channels, widened

__all__ = ["MASK_SHARES", "inpainting_examples", "random_masks", "widened"]

# How often each kind of hole comes. Some pictures are hidden as a whole: the text alone must still do.
MASK_SHARES = {"rectangle": 0.4, "half plane": 0.2, "stroke": 0.3, "whole": 0.1}
_SIDES = (0.25, 0.85)  # of a rectangle, as shares of the picture's
_BRUSH = (0.06, 0.16)  # radius of a stroke, as a share of the picture's side
_BLOCK = 2_048  # pictures at once: more would only need more memory


def inpainting_examples(autoencoder, pictures, seed: int = 0) -> np.ndarray:
    """The condition ``extra`` for training: each picture with a random hole, as `models.inpainting.extra_channels`.

    For several holes a picture, give the pictures several times, or another seed.

    Args:
        autoencoder: trained; None for a network of pixels.
        pictures: (N, H, W, C) in [-1, 1], the same that become the training's ``x``.
        seed: of the holes; that of picture i depends on (seed, i) alone.

    Returns:
        (N, h, w, 1 + c) float32, a row for each picture.

    Raises:
        ValueError: pictures of another range.
    """
    pictures = np.asarray(pictures)
    if pictures.ndim != 4 or not len(pictures) or not (pictures.min() >= -1 and pictures.max() <= 1):
        raise ValueError(
            f"`pictures` must be (N, H, W, C) in [-1, 1], and some. Received: shape {pictures.shape}"
            + (f", from {pictures.min():g} to {pictures.max():g}" if pictures.size else "")
        )
    size, found = pictures.shape[1:3], []
    for first in range(0, len(pictures), _BLOCK):
        block = pictures[first : first + _BLOCK]
        mask = random_masks(len(block), size, seed=seed, first=first)[..., None]
        found.append(extra_channels(autoencoder, block, mask))
    return np.concatenate(found)


def random_masks(count: int, size: tuple[int, int], *, seed: int = 0, first: int = 0) -> np.ndarray:
    """Holes of the kinds of `MASK_SHARES`: mask i depends on (seed, first + i) alone.

    Args:
        count: how many.
        size: (H, W).
        seed: at least 0.
        first: number of the first mask.

    Returns:
        (count, H, W) float32, 1 where to paint. None is empty.

    >>> float(random_masks(1000, (8, 8)).all(axis=(1, 2)).mean()) > 0.05  # some hide all
    True
    """
    kinds, shares = list(MASK_SHARES), list(MASK_SHARES.values())
    y, x = (np.arange(n, dtype="float32") + 0.5 for n in size)
    masks = np.empty((count, *size), "float32")
    for i in range(count):
        rng = np.random.default_rng((seed, first + i))
        masks[i] = _DRAW[kinds[rng.choice(len(kinds), p=shares)]](rng, y[:, None], x[None])
    return masks


def _rectangle(rng, y, x):
    inside = True
    for axis in (y, x):
        length = axis.size
        side = max(1, round(length * rng.uniform(*_SIDES)))
        start = rng.integers(length - side + 1)
        inside = inside & (axis > start) & (axis < start + side)
    return inside


def _half_plane(rng, y, x):
    """One side of a line at any angle, through a point in the middle half of the picture."""
    angle = rng.uniform(0, 2 * np.pi)
    cy, cx = (axis.size * rng.uniform(0.25, 0.75) for axis in (y, x))
    return np.cos(angle) * (x - cx) + np.sin(angle) * (y - cy) > 0


def _stroke(rng, y, x):
    """A thick brush, led along two or three straight lines."""
    corners = rng.uniform(0, 1, (rng.integers(3, 5), 2)) * (y.size, x.size)
    radius = max(0.75, rng.uniform(*_BRUSH) * min(y.size, x.size))  # below 0.71 it could miss every pixel
    inside = False
    for (ay, ax), (by, bx) in zip(corners[:-1], corners[1:], strict=True):
        along = ((y - ay) * (by - ay) + (x - ax) * (bx - ax)) / max((by - ay) ** 2 + (bx - ax) ** 2, 1e-6)
        along = np.clip(along, 0, 1)  # the nearest point of the line, as a share of its length
        distance = (y - ay - along * (by - ay)) ** 2 + (x - ax - along * (bx - ax)) ** 2
        inside = inside | (distance < radius**2)
    return inside


def _whole(rng, y, x):
    return np.ones((y.size, x.size), bool)


_DRAW = {"rectangle": _rectangle, "half plane": _half_plane, "stroke": _stroke, "whole": _whole}
