"""Scenes read back from pixels, or the finding that there is none.

No network judges: a picture is matched against renders of every shape, size and place over a grid of jitters. Each
render is a mask m; the picture is explained as ``background + m * (object - background)``, whose two colours follow
from least squares, so colours need no grid. The best mask gives shape, size and place; the two colours give the rest.

The renderer is handed in: the module `datasets.scenes`, or anything that has the same names.

    >>> from diffusion_course.datasets import scenes
    >>> reader = SceneReader(scenes)
    >>> asked = scenes.sample_scenes(8, seed=0)
    >>> reader.read(scenes.draw_scenes(asked, seed=0)) == asked
    True
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, uniform_filter

# A picture is a scene only if all of this holds; otherwise it is "no scene". Levels are those of 0 ... 255.
MAX_ERROR = 20.0  # root mean square of what the best render leaves unexplained
MAX_SHARE = 0.06  # of the object's energy left unexplained, apart from noise
MAX_COLOUR_DISTANCE = 45.0  # from a named colour in RGB; the two nearest names are 73 apart

# Renders for the match: places and sizes within the jitter, each sharp and as soft as an autoencoder's edges.
_SHIFTS, _GROWTHS, _BLURS = (
    (-1, -0.5, 0, 0.5, 1),
    (-1, 0, 1),
    (0, 0.5, 0.9),
)  # of the jitter; of the jitter; pixels
_BLOCK = 64  # pictures matched at once


@dataclass
class _Match:
    """What the best renders say about N pictures, in one part of each."""

    names: list  # (shape, size, place) of each picture
    background: np.ndarray  # (N, 3)
    colour: np.ndarray  # (N, 3), the object's
    error: np.ndarray  # (N,), sum of squares that the best render leaves unexplained
    share: np.ndarray  # (N,), see MAX_SHARE


class _Templates:
    """Renders of one object in a part of the picture, ready to be matched."""

    def __init__(self, renderer, places: dict, sizes: Sequence[str], part: tuple[slice, slice]):
        dx, dy, grow = (a.ravel() for a in np.meshgrid(_SHIFTS, _SHIFTS, _GROWTHS))
        self.part, self.names, masks = part, [], []
        for (place, (x, y)), shape, size in itertools.product(places.items(), renderer.SHAPES, sizes):
            sharp = renderer.coverage(
                shape,
                x + renderer.POSITION_JITTER * dx,
                y + renderer.POSITION_JITTER * dy,
                renderer.SIZES[size] * (1 + renderer.SIZE_JITTER * grow),
            )
            for blur in _BLURS:
                soft = gaussian_filter(sharp, (0, blur, blur))
                masks.append(soft[(slice(None), *part)].reshape(len(sharp), -1))
                self.names += [(shape, size, place)] * len(sharp)
        self.units = np.concatenate(masks)  # (K, P)
        self.means = self.units.mean(1)  # (K,)
        self.units -= self.means[:, None]
        self.norms = np.linalg.norm(self.units, axis=1)  # (K,)
        self.units /= self.norms[:, None]  # each of mean 0 and length 1; the mask is norm * unit + mean

    def match(self, pictures: np.ndarray) -> _Match:
        """The best render for each picture, (N, H, W, 3) float32."""
        seen = pictures[(slice(None), *self.part)]
        pixels = seen.reshape(len(seen), -1, 3)  # (N, P, 3)
        # Least squares on (1, m): a mask of mean 0 and length 1 explains the square of its product with the pixels.
        products = self.units @ pixels.transpose(1, 0, 2).reshape(pixels.shape[1], -1)  # (K, N * 3)
        explained = np.square(products).reshape(len(self.units), -1, 3).sum(-1)  # (K, N)
        best = explained.argmax(0)  # (N,)
        units, norms, means = self.units[best], self.norms[best, None], self.means[best, None]
        contrast = np.einsum("np,npc->nc", units, pixels) / norms  # (N, 3)
        background = pixels.mean(1) - contrast * means
        drawn = ((norms * units + means)[:, :, None] * contrast[:, None]).reshape(seen.shape)
        rest = seen - background[:, None, None] - drawn
        error = np.square(rest).sum((1, 2, 3))
        # Averaging over 3 x 3 pixels leaves shapes, and a ninth of white noise's energy, which is taken off.
        left = np.square(_smooth(rest)).sum((1, 2, 3)) - error / 9
        share = left / np.maximum(np.square(_smooth(drawn)).sum((1, 2, 3)), 1)
        return _Match([self.names[k] for k in best], background, background + contrast, error, share)


def _smooth(x: np.ndarray) -> np.ndarray:
    return uniform_filter(x, (0, 3, 3, 0), mode="nearest")


class SceneReader:
    """Reads the scene in a picture, or that there is none.

    Of two objects each is read in its own half of the picture. Whether there are one or two follows from what
    explains the pixels better. A picture is "no scene" if the best render leaves too much unexplained, or if a colour
    is none of the named ones: noise, grey, half-formed objects.

    Args:
        renderer: the module `datasets.scenes`, or an object with the same ``coverage``, ``Scene``, ``SceneObject``,
            ``COLOURS``, ``SHAPES``, ``SIZES``, ``POSITIONS``, ``RELATIONS``, ``SIDE`` and jitters.
        strict: False names the nearest scene, however much of the picture that leaves unexplained. Then anything has
            a scene, noise too, and a share of right attributes means something only beside that of shuffled captions.
    """

    def __init__(self, renderer, *, strict: bool = True):
        self._renderer, self._strict = renderer, strict
        self._names = list(renderer.COLOURS)
        self._palette = np.array([renderer.COLOURS[name] for name in self._names], "float32")
        whole, first, second = slice(None), slice(renderer.SIDE // 2), slice(renderer.SIDE // 2, None)
        halves = {"above": ((first, whole), (second, whole)), "left of": ((whole, first), (whole, second))}
        # Each way to see a picture: the relation, and the renders of each object.
        self._ways = {None: [_Templates(renderer, renderer.POSITIONS, list(renderer.SIZES), (whole, whole))]}
        for relation, centres in renderer.RELATIONS.items():
            self._ways[relation] = [
                _Templates(renderer, {relation: centre}, ["small"], half)
                for centre, half in zip(centres, halves[relation], strict=True)
            ]

    def read(self, pictures: np.ndarray) -> list:
        """The scene in each picture.

        Args:
            pictures: (N, 32, 32, 3), uint8.

        Returns:
            N items: a ``renderer.Scene``, or None for "no scene". Two objects may come out alike, which no scene of
            the data set has but a generated picture may show.

        Raises:
            ValueError: another shape or type.
        """
        pictures = np.asarray(pictures)
        side = self._renderer.SIDE
        if pictures.dtype != np.uint8 or pictures.shape[1:] != (side, side, 3):
            raise ValueError(
                f"`pictures` must be uint8 of shape (N, {side}, {side}, 3). "
                f"Received: {pictures.dtype} of shape {pictures.shape}"
            )
        scenes = []
        for start in range(0, len(pictures), _BLOCK):
            scenes += self._read(pictures[start : start + _BLOCK].astype("float32"))
        return scenes

    def _read(self, pictures: np.ndarray) -> list:
        ways = [
            (relation, [part.match(pictures) for part in parts]) for relation, parts in self._ways.items()
        ]
        errors = np.array([sum(match.error for match in matches) for _, matches in ways])  # (ways, N)
        rms = np.sqrt(errors.min(0) / pictures[0].size)
        return [
            self._scene(*ways[way], i) if rms[i] <= MAX_ERROR or not self._strict else None
            for i, way in enumerate(errors.argmin(0))
        ]

    def _scene(self, relation: str | None, matches: Sequence[_Match], i: int):
        """The scene that one way to see picture i amounts to, or None."""
        objects, backgrounds = [], set()
        for match in matches:
            shape, size, place = match.names[i]
            colour, background = self._colour(match.colour[i]), self._colour(match.background[i])
            unexplained = self._strict and match.share[i] > MAX_SHARE
            if unexplained or None in (colour, background) or colour == background:
                return None
            backgrounds.add(background)
            objects.append(self._renderer.SceneObject(colour, shape, size, None if relation else place))
        if len(backgrounds) > 1:
            return None
        return self._renderer.Scene(tuple(objects), backgrounds.pop(), relation)

    def _colour(self, rgb: np.ndarray) -> str | None:
        # Least squares may overshoot what a pixel can be.
        distances = np.linalg.norm(self._palette - np.clip(rgb, 0, 255), axis=1)
        nearest = distances.argmin()
        near = distances[nearest] <= MAX_COLOUR_DISTANCE
        return self._names[nearest] if near or not self._strict else None
