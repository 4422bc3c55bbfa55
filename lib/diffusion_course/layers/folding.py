"""Pixels into channels and back: the same numbers at a lower resolution, where convolutions cost less.

Built by hand in chapter 07.
"""

from keras import ops


def fold_pixels(x, fold: int = 2):
    """Moves each square of ``fold`` x ``fold`` pixels into the channels of one pixel.

    Args:
        x: (B, H, W, C), H and W divisible by ``fold``.
        fold: side of the square.

    Returns:
        (B, H / fold, W / fold, fold**2 * C); channel ``(i * fold + j) * C + c`` is pixel (i, j) of the square.

    Raises:
        ValueError: H or W is known and not divisible.

    >>> import numpy as np
    >>> np.asarray(fold_pixels(np.arange(16).reshape(1, 4, 4, 1)))[0, 0].tolist()  # the two upper squares
    [[0, 1, 4, 5], [2, 3, 6, 7]]

    Reference: Shi et al. (2016), arXiv:1609.05158, section 3.2, whose shuffle this inverts.
    """
    if any(side is not None and side % fold for side in x.shape[1:3]):
        raise ValueError(f"Height and width must be divisible by {fold}. Received: shape {tuple(x.shape)}")
    _, h, w, c = ops.shape(x)
    x = ops.reshape(x, (-1, h // fold, fold, w // fold, fold, c))  # (B, h, i, w, j, C)
    x = ops.transpose(x, (0, 1, 3, 2, 4, 5))  # (B, h, w, i, j, C)
    return ops.reshape(x, (-1, h // fold, w // fold, fold * fold * c))


def unfold_pixels(x, fold: int = 2):
    """The inverse of `fold_pixels`.

    Args:
        x: (B, h, w, fold**2 * C).
        fold: side of the square.

    Returns:
        (B, h * fold, w * fold, C).

    Raises:
        ValueError: the channels are not divisible by ``fold**2``.
    """
    if x.shape[-1] % (fold * fold):
        raise ValueError(f"Channels must be divisible by {fold}**2. Received: shape {tuple(x.shape)}")
    _, h, w, c = ops.shape(x)
    c = c // (fold * fold)
    x = ops.reshape(x, (-1, h, w, fold, fold, c))  # (B, h, w, i, j, C)
    x = ops.transpose(x, (0, 1, 3, 2, 4, 5))  # (B, h, i, w, j, C)
    return ops.reshape(x, (-1, h * fold, w * fold, c))
