"""What a two-dimensional latent map knows: limits, nearest codes, usual gaps. No widget, no figure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from diffusion_course.plots.style import CLASS_COLOURS, CLASS_MARKERS


@dataclass(frozen=True)
class Nearest:
    """The coded picture that lies nearest to a place on the map.

    Attributes:
        index: its row in the points.
        label: its class, an index into the class names.
        distance: Euclidean distance in latent units.
        gaps: that distance in units of the usual gap between neighbouring codes; None where codes coincide.
        far: whether hardly any code (1 in 100) lies this far from its own nearest neighbour.
    """

    index: int
    label: int
    distance: float
    gaps: float | None
    far: bool


class LatentMap:
    """A cloud of two-dimensional codes with classes, and what can be asked of it.

    Args:
        points: codes, shape (N, 2) with N >= 2, finite.
        labels: classes, shape (N,), integers that index `class_names`.
        class_names: one name per class.
        limits: the part of the plane to show, (x_min, x_max, y_min, y_max); None fits a square to the codes.

    Raises:
        ValueError: an argument breaks one of these rules.
    """

    def __init__(self, points, labels, class_names: Sequence[str], limits=None):
        self.points = _checked_points(points)
        self.class_names = [str(name) for name in class_names]
        self.labels = _checked_labels(labels, len(self.points), len(self.class_names))
        self.limits = square_limits(self.points) if limits is None else _checked_limits(limits)
        self._tree = cKDTree(self.points)
        gaps = self._tree.query(self.points, k=2)[0][:, 1]
        self.usual_gap = float(np.median(gaps))
        self._far_gap = float(np.percentile(gaps, 99))

    def nearest(self, z) -> Nearest:
        """Finds the coded picture nearest to a place.

        Args:
            z: a place, two numbers in latent units.

        Returns:
            A `Nearest`.
        """
        distance, index = self._tree.query(np.asarray(z, dtype=float))
        return Nearest(
            index=int(index),
            label=int(self.labels[index]),
            distance=float(distance),
            gaps=float(distance / self.usual_gap) if self.usual_gap > 0 else None,
            far=bool(distance > self._far_gap),
        )

    def clamp(self, z) -> tuple[float, float]:
        """Moves a place onto the part of the plane that is shown."""
        x_min, x_max, y_min, y_max = self.limits
        return float(np.clip(z[0], x_min, x_max)), float(np.clip(z[1], y_min, y_max))

    def subsample(self, limit: int = 3000) -> tuple[np.ndarray, np.ndarray]:
        """Picks codes to draw, evenly from each class and the same ones every time.

        Args:
            limit: how many codes at most.

        Returns:
            (points, labels) with shapes (M, 2) float32 and (M,), M <= limit, in a shuffled order, so that the
            class drawn last does not cover the others.
        """
        if len(self.points) <= limit:
            order = np.random.default_rng(0).permutation(len(self.points))
        else:
            # Sorted by class and then taken at even steps: every class keeps its share.
            by_class = np.argsort(self.labels, kind="stable")
            steps = np.linspace(0, len(by_class) - 1, limit).round().astype(int)
            order = np.random.default_rng(0).permutation(by_class[steps])
        return self.points[order].astype(np.float32), self.labels[order]

    def describe(self, z) -> str:
        """Says in words what lies nearest to a place, and whether the decoder has seen anything like it."""
        near = self.nearest(z)
        name = self.class_names[near.label]
        if near.distance <= 1e-3 * self.usual_gap:
            return f"Nearest coded picture: {name}, right here."
        text = f"Nearest coded picture: {name}, {near.distance:.3g} away"
        if near.gaps is not None:
            text += f" ({near.gaps:.1f} times the usual gap between codes)"
        return text + (". Far from every code: here the decoder guesses." if near.far else ".")

    def probes(self, start) -> dict[str, tuple[float, float]]:
        """Chooses three places that tell a story without a mouse: the start, a crowd and a border.

        Args:
            start: the place where the explorer begins.

        Returns:
            Places by name: "start", "crowd" (a code whose neighbours are closest) and "border" (a code whose
            neighbours are of the most different classes).
        """
        drawn, _ = self.subsample(1000)
        neighbours = min(51, len(self.points))
        distances, indices = self._tree.query(drawn, k=neighbours)
        crowd = drawn[distances[:, min(11, neighbours) - 1].argmin()]
        shares = np.stack([(self.labels[indices] == k).mean(axis=1) for k in range(len(self.class_names))])
        border = drawn[(shares**2).sum(axis=0).argmin()]  # two neighbours are least often of one class
        return {"start": self.clamp(start), "crowd": self.clamp(crowd), "border": self.clamp(border)}


def class_style(label: int) -> tuple[str, str]:
    """The colour and the marker of a class, the same as in the figures of `plots`.

    Args:
        label: index of the class, from 0.

    Returns:
        (colour as "#rrggbb", Matplotlib's letter of the marker). Beyond ten classes the colours begin again, with
        other markers: no two of the first hundred classes share both.
    """
    colour = CLASS_COLOURS[label % len(CLASS_COLOURS)]
    return colour, CLASS_MARKERS[(label + label // len(CLASS_COLOURS)) % len(CLASS_MARKERS)]


def square_limits(points: np.ndarray) -> tuple[float, float, float, float]:
    """A square that holds nearly all codes, with room around them.

    A square, because distances on the map must look as long as they are. The outermost half percent on each
    side is not asked: one stray code must not shrink the map.

    Args:
        points: shape (N, 2).

    Returns:
        (x_min, x_max, y_min, y_max).
    """
    low, high = np.percentile(points, (0.5, 99.5), axis=0)
    middle = (low + high) / 2
    half = max(float((high - low).max()) / 2 * 1.2, 1e-6)
    return (
        float(middle[0] - half),
        float(middle[0] + half),
        float(middle[1] - half),
        float(middle[1] + half),
    )


def decode_one(decode, z, image_shape: tuple[int, int]) -> np.ndarray:
    """Decodes one place into pixels and refuses anything that is not a grey picture in [0, 1].

    Args:
        decode: takes float32 of shape (1, 2), returns (1, height, width, 1) in [0, 1] (array or tensor).
        z: a place, two numbers.
        image_shape: (height, width).

    Returns:
        Pixels, uint8, shape (height, width).

    Raises:
        ValueError: the decoder's answer has another shape, is not finite, or leaves [0, 1].
    """
    image = np.asarray(decode(np.asarray(z, dtype=np.float32).reshape(1, 2)))
    expected = (1, *image_shape, 1)
    if image.shape != expected:
        raise ValueError(f"`decode` must return a picture of shape {expected}. Received: shape={image.shape}")
    if not np.isfinite(image).all():
        raise ValueError(f"`decode` must return finite numbers. Received: {image.min()} to {image.max()}")
    if image.min() < -1e-3 or image.max() > 1 + 1e-3:
        raise ValueError(
            f"`decode` must return values in [0, 1]. Received: {image.min():.4g} to {image.max():.4g}"
        )
    return np.round(np.clip(image[0, ..., 0], 0, 1) * 255).astype(np.uint8)


def checked_place(z, name: str = "start") -> tuple[float, float]:
    """Returns a place as two floats.

    Raises:
        ValueError: it is not two finite numbers.
    """
    place = np.asarray(z, dtype=float)
    if place.shape != (2,) or not np.isfinite(place).all():
        raise ValueError(f"`{name}` must be two finite numbers. Received: {name}={z}")
    return float(place[0]), float(place[1])


def checked_image_shape(image_shape) -> tuple[int, int]:
    """Returns (height, width) as two integers.

    Raises:
        ValueError: it is not two positive integers.
    """
    shape = tuple(image_shape)
    if len(shape) != 2 or any(int(side) != side or side < 1 for side in shape):
        raise ValueError(f"`image_shape` must be (height, width). Received: image_shape={image_shape}")
    return int(shape[0]), int(shape[1])


def _checked_points(points) -> np.ndarray:
    points = np.asarray(points, dtype=float)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) < 2:
        raise ValueError(f"`points` must have shape (N, 2) with N >= 2. Received: shape={points.shape}")
    if not np.isfinite(points).all():
        bad = int((~np.isfinite(points).all(axis=1)).sum())
        raise ValueError(
            f"`points` must be finite. Received: {bad} of {len(points)} rows with NaN or infinity"
        )
    return points


def _checked_labels(labels, n_points: int, n_classes: int) -> np.ndarray:
    labels = np.asarray(labels)
    if labels.shape != (n_points,) or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"`labels` must be {n_points} integers, one per point. "
            f"Received: shape={labels.shape}, dtype={labels.dtype}"
        )
    if labels.min() < 0 or labels.max() >= n_classes:
        raise ValueError(
            f"`labels` must index `class_names`, 0 to {n_classes - 1}. "
            f"Received: labels from {labels.min()} to {labels.max()}"
        )
    return labels.astype(np.int64)


def _checked_limits(limits) -> tuple[float, float, float, float]:
    values = np.asarray(limits, dtype=float)
    if values.shape != (4,) or not np.isfinite(values).all():
        raise ValueError(f"`limits` must be (x_min, x_max, y_min, y_max). Received: limits={limits}")
    if values[0] >= values[1] or values[2] >= values[3]:
        raise ValueError(f"`limits` must have x_min < x_max and y_min < y_max. Received: limits={limits}")
    return tuple(float(value) for value in values)
