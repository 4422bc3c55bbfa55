"""Drag a point through a two-dimensional latent space and watch what the decoder makes of it."""

from diffusion_course.widgets.latent_logic import LatentMap, checked_image_shape, checked_place


def latent_explorer(decode, points, labels, class_names, *, start=(0, 0), image_shape=(28, 28), limits=None):
    """Shows a latent map with a point to drag and the picture decoded from it.

    The point moves by mouse, by touch, or by the arrow keys (with Shift in bigger steps; Home returns to the
    start). Where no kernel runs, the committed notebook shows a still picture of the map instead.

    Args:
        decode: turns codes into pictures: float32 of shape (1, 2) -> (1, height, width, 1) in [0, 1], an
            array or a tensor. It is called on every move: use `lambda z: decoder(z, training=False)`, not
            `decoder.predict`, which sets up a loop over batches for each single picture.
        points: codes of known pictures, shape (N, 2). At most 3,000 are drawn; the nearest is sought in all.
        labels: their classes, shape (N,), integers that index `class_names`.
        class_names: one name per class, at most 50.
        start: where the point begins, in latent units; moved onto the map where it lies outside.
        image_shape: (height, width) of a picture.
        limits: the part of the plane to show, (x_min, x_max, y_min, y_max); None fits a square to the codes.

    Returns:
        The widget, a `LatentExplorer`: `z` is where the point is, `picture` what was decoded there, and
        `move(x, y)` moves it from Python.

    Raises:
        TypeError: `decode` cannot be called.
        ValueError: an argument, or the decoder's first answer, breaks one of these rules.
    """
    if not callable(decode):
        raise TypeError(f"`decode` must be a function or a model. Received: {type(decode).__name__}")
    if not 1 <= len(class_names) <= 50:
        raise ValueError(f"`class_names` must hold 1 to 50 names. Received: {len(class_names)}")
    latent_map = LatentMap(points, labels, class_names, limits)
    shape, place = checked_image_shape(image_shape), checked_place(start)
    # Here and not above: the widget classes take a moment that `import` need not cost.
    from diffusion_course.widgets.latent_view import LatentExplorer

    return LatentExplorer(decode, latent_map, place, shape)
