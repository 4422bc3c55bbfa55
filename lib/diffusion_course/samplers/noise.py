"""Noise for samplers: of its own for each picture, and between two noises.

Built by hand in chapter 10.
"""

from numbers import Integral

import numpy as np
from keras import ops


class PictureNoise:
    """Standard normal noise for a batch, drawn picture by picture: what picture i gets depends on (seed, i) alone.

    So a picture stays the same whatever it is drawn beside, and on every backend: NumPy draws.

    Args:
        shape: (B, ..., C) of the batch.
        seed: 0 or more.
        first: number of the batch's first picture in the whole set.

    Raises:
        ValueError: ``seed`` or ``first`` is no such number.

    >>> wide, narrow = PictureNoise((4, 2), seed=1), PictureNoise((2, 2), seed=1, first=2)
    >>> bool((wide()[2:] == narrow()).all()), bool((wide()[2:] == narrow()).all())
    (True, True)
    """

    def __init__(self, shape: tuple[int, ...], *, seed: int = 0, first: int = 0):
        for name, number in (("seed", seed), ("first", first)):
            if isinstance(number, bool) or not isinstance(number, Integral) or number < 0:
                raise ValueError(f"`{name}` must be an integer of 0 or more. Received: {name}={number!r}")
        self._shape, self._seed, self._first = tuple(shape), int(seed), int(first)
        self._generators = None

    def __call__(self) -> np.ndarray:
        """The next noise, (B, ..., C) float32."""
        if self._generators is None:  # a walk without noise never needs them
            # spawn_key, not [seed, i]: a seed alone and [seed, 0] would give the same numbers.
            self._generators = [
                np.random.default_rng(np.random.SeedSequence(self._seed, spawn_key=(i,)))
                for i in range(self._first, self._first + self._shape[0])
            ]
        return np.stack([g.standard_normal(self._shape[1:], dtype="float32") for g in self._generators])


def interpolate_noise(a, b, share):
    """Noise between two noises, along the arc and not the chord, so that it stays as strong as noise is.

    Args:
        a, b: (B, ...), standard normal noise; not opposite to each other.
        share: 0 gives ``a``, 1 gives ``b``; a number, or (B,).

    Returns:
        (B, ...); where both have the same norm, that is the norm of each result.

    Reference: Shoemake, "Animating rotation with quaternion curves", 1985; used for diffusion by Song, Meng and
    Ermon 2021, section 5.3 and appendix D.5.
    """
    a, b = ops.convert_to_tensor(a, dtype="float32"), ops.convert_to_tensor(b, dtype="float32")
    if tuple(a.shape) != tuple(b.shape) or len(a.shape) < 2:
        raise ValueError(
            f"`a` and `b` must be batches of one shape. Received: {tuple(a.shape)} and {tuple(b.shape)}"
        )
    axes = tuple(range(1, len(a.shape)))
    one_each = (-1,) + (1,) * len(axes)
    share = ops.reshape(ops.convert_to_tensor(share, dtype="float32"), one_each)  # (B or 1, 1, ...)

    def norm(x):
        return ops.sqrt(ops.sum(ops.square(x), axis=axes, keepdims=True))

    cosine = ops.sum(a * b, axis=axes, keepdims=True) / ops.maximum(norm(a) * norm(b), 1e-20)
    angle = ops.arccos(ops.clip(cosine, -1.0, 1.0))
    # So close to each other the arc is the chord, and the formula would divide 0 by 0.
    near = angle < 1e-3
    sine = ops.sin(ops.where(near, 1.0, angle))
    weight_a = ops.where(near, 1 - share, ops.sin((1 - share) * angle) / sine)
    weight_b = ops.where(near, share, ops.sin(share * angle) / sine)
    return weight_a * a + weight_b * b
