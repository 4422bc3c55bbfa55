"""Seams: how much colour jumps across the border of a mask (chapter 16).

>>> picture, mask = np.zeros((1, 2, 4, 1)), np.zeros((1, 2, 4))
>>> picture[..., 2:, :] = mask[..., 2:] = 1
>>> border_jumps(picture, mask).tolist(), border_jumps(picture, np.roll(mask, 1)).tolist()
([1.0], [0.0])
"""

import numpy as np


def border_jumps(pictures, masks) -> np.ndarray:
    """Mean difference in colour between the two pixels on either side of a mask's border, for each picture.

    Edges of what is shown count too. So compare it with the same of the picture as it should be: what is more than
    there is a seam.

    Args:
        pictures: (N, H, W, C), any scale.
        masks: (N, H, W), or (H, W) for all, of 0 and 1. Borders run between neighbours beside and below each other.

    Returns:
        (N,) float64, in the scale of the pictures; NaN where a mask has no border.

    Raises:
        ValueError: shapes that do not fit.
    """
    pictures, masks = np.asarray(pictures, "float64"), np.asarray(masks)
    if pictures.ndim != 4 or masks.shape not in (pictures.shape[:3], pictures.shape[1:3]):
        raise ValueError(
            "`pictures` must be (N, H, W, C) and `masks` (N, H, W) or (H, W). "
            f"Received: {pictures.shape} and {masks.shape}"
        )
    masks = np.broadcast_to(masks, pictures.shape[:3]) != 0
    total, count = np.zeros(len(pictures)), np.zeros(len(pictures))
    for axis in (1, 2):
        border = np.diff(masks, axis=axis)  # of truth values: whether neighbours differ
        jump = np.abs(np.diff(pictures, axis=axis)).mean(axis=-1)
        total += np.where(border, jump, 0).sum(axis=(1, 2))
        count += border.sum(axis=(1, 2))
    return np.divide(total, count, out=np.full(len(pictures), np.nan), where=count > 0)
