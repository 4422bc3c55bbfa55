"""Pixels into channels and back: the same numbers at a lower resolution, where convolutions cost less."""

from keras import ops


def fold_pixels(x, factor: int = 2):
    """Moves each square of ``factor`` x ``factor`` pixels into the channels of one pixel.

    Args:
        x: (B, H, W, C), H and W divisible by ``factor``.
        factor: side of the square.

    Returns:
        (B, H / factor, W / factor, factor**2 * C); channel ``(i * factor + j) * C + c`` is pixel (i, j) of the square.

    Raises:
        ValueError: H or W is known and not divisible.

    Reference: Shi et al. (2016), arXiv:1609.05158, section 3.2, whose shuffle this inverts.
    """
    if any(side is not None and side % factor for side in x.shape[1:3]):
        raise ValueError(f"Height and width must be divisible by {factor}. Received: shape {tuple(x.shape)}")
    _, h, w, c = ops.shape(x)
    x = ops.reshape(x, (-1, h // factor, factor, w // factor, factor, c))  # (B, h, i, w, j, C)
    x = ops.transpose(x, (0, 1, 3, 2, 4, 5))  # (B, h, w, i, j, C)
    return ops.reshape(x, (-1, h // factor, w // factor, factor * factor * c))


def unfold_pixels(x, factor: int = 2):
    """The inverse of `fold_pixels`.

    Args:
        x: (B, h, w, factor**2 * C).
        factor: side of the square.

    Returns:
        (B, h * factor, w * factor, C).

    Raises:
        ValueError: the channels are not divisible by ``factor**2``.
    """
    if x.shape[-1] % (factor * factor):
        raise ValueError(f"Channels must be divisible by {factor}**2. Received: shape {tuple(x.shape)}")
    _, h, w, c = ops.shape(x)
    c = c // (factor * factor)
    x = ops.reshape(x, (-1, h, w, factor, factor, c))  # (B, h, w, i, j, C)
    x = ops.transpose(x, (0, 1, 3, 2, 4, 5))  # (B, h, i, w, j, C)
    return ops.reshape(x, (-1, h * factor, w * factor, c))
