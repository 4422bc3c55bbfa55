"""Edited pictures: the given one, the hole in it, and what each method made of it."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from diffusion_course.plots.grids import check_images, image_rows
from diffusion_course.plots.style import WIDTH

_ZOOM = 4  # pixels of the stripes' grid per pixel of a picture
_PERIOD, _STRIPE = 8, 3  # of the stripes, in pixels of that grid


def with_holes(pictures: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Pictures, enlarged, whose holes are grey with white stripes: seen on every colour, and no colour of a scene.

    Args:
        pictures: (N, H, W, 3) in [0, 1].
        masks: (N, H, W), or (H, W) for all; 1 is the hole.

    Returns:
        (N, 4 H, 4 W, 3) float32 in [0, 1].

    Raises:
        ValueError: shapes that do not fit.
    """
    pictures, masks = check_images(pictures, "pictures"), np.asarray(masks)
    if pictures.ndim != 4 or masks.shape not in (pictures.shape[:3], pictures.shape[1:3]):
        raise ValueError(
            "`pictures` must be (N, H, W, 3) and `masks` (N, H, W) or (H, W). "
            f"Received: {pictures.shape} and {masks.shape}"
        )
    hole = np.broadcast_to(masks, pictures.shape[:3]) != 0
    large, hole = (array.repeat(_ZOOM, axis=1).repeat(_ZOOM, axis=2) for array in (pictures, hole))
    y, x = np.indices(hole.shape[1:])
    stripes = np.where((x + y) % _PERIOD < _STRIPE, 1.0, 0.6)[None, ..., None]
    return np.where(hole[..., None], stripes, large).astype("float32")


def edited_rows(
    pictures: np.ndarray,
    masks: np.ndarray,
    made: Mapping[str, np.ndarray],
    *,
    notes: Sequence[str] | None = None,
    width: float = WIDTH,
) -> Figure:
    """A row of given pictures, one of their holes, and one for each method.

    Args:
        pictures, masks: as in `with_holes`.
        made: name -> (N, H, W, 3) in [0, 1].
        notes: N short texts below the last row, e.g. the prompts; or None.
        width: as in `image_rows`.

    Raises:
        ValueError: shapes or numbers that do not fit.
    """
    rows = {"given": pictures, "the hole": with_holes(pictures, masks), **made}
    empty = [""] * len(pictures)
    all_notes = None if notes is None else [*[empty] * (len(rows) - 1), list(notes)]
    return image_rows(list(rows.values()), list(rows), width=width, notes=all_notes)
