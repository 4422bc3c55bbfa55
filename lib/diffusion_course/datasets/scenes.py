"""Scenes: pictures of one or two coloured shapes, drawn from an exact description (chapters 12, 13 and 15).

"Did the picture follow the text?" has an answer that a program can compute here. `datasets.scene_captions` puts a
scene into words and reads words back; `metrics.alignment` reads a scene back from pixels.

    >>> scenes = sample_scenes(4, seed=0, kind="one", split="train")
    >>> draw_scenes(scenes, seed=0).shape
    (4, 32, 32, 3)
"""

import hashlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

SIDE, OVERSAMPLING = 32, 4

COLOURS = {
    "red": (220, 40, 40), "green": (40, 170, 70), "blue": (50, 90, 220), "yellow": (245, 210, 50),
    "purple": (140, 60, 180), "orange": (245, 140, 30), "white": (245, 245, 245), "black": (25, 25, 25),
}  # fmt: skip
SHAPES = ("circle", "square", "triangle", "cross", "ring", "star")
# Lengths are shares of the picture's side; x points right, y points down.
SIZES = {"small": 0.15, "large": 0.24}  # of the shape's radius
POSITIONS = {  # (x, y) of a single object's centre
    "center": (0.5, 0.5), "top left": (0.28, 0.28), "top right": (0.72, 0.28),
    "bottom left": (0.28, 0.72), "bottom right": (0.72, 0.72),
}  # fmt: skip
RELATIONS = {  # centres of the first and the second object
    "above": ((0.5, 0.3), (0.5, 0.7)),
    "left of": ((0.3, 0.5), (0.7, 0.5)),
}
COLOUR_JITTER, SIZE_JITTER, POSITION_JITTER = 6, 0.08, 0.03  # sigma in levels; up to, as a share; up to

KINDS = ("one", "two", "both")
SPLITS = ("train", "held_out", "all")
HELD_OUT_SHARE = 0.2

# Keeps what a scene is and how it is drawn apart: both come from (seed, i), through different streams.
_CHOICE, _DRAWING = 0, 1
_BLOCK = 512  # pictures drawn at once; more would only need more memory


@dataclass(frozen=True)
class SceneObject:
    """One coloured shape.

    Attributes:
        colour: one of `COLOURS`.
        shape: one of `SHAPES`.
        size: "small" or "large"; of two objects both are small.
        position: one of `POSITIONS` for a single object; None for two, which a relation places.
    """

    colour: str
    shape: str
    size: str = "small"
    position: str | None = None


@dataclass(frozen=True)
class Scene:
    """What a picture shows. Equal scenes look the same up to jitter, different scenes look different.

    So "a ring below a star" has no scene of its own: it is the star above the ring, said the other way round.

    Attributes:
        objects: one or two. Of two, the first is the upper or the left one. The data set has no two alike, but a
            generated picture may.
        background: one of `COLOURS`, of no object.
        relation: None for one object; "above" or "left of" for two: where the first lies, seen from the second.

    Raises:
        ValueError: a name that does not exist, or a combination that cannot be drawn.
    """

    objects: tuple[SceneObject, ...]
    background: str
    relation: str | None = None

    def __post_init__(self):
        object.__setattr__(self, "objects", tuple(self.objects))
        if len(self.objects) not in (1, 2):
            raise ValueError(f"A scene has one or two objects. Received: {len(self.objects)}")
        two = len(self.objects) == 2
        _check("relation", self.relation, RELATIONS if two else (None,))
        _check("background", self.background, COLOURS)
        for thing in self.objects:
            _check("colour", thing.colour, COLOURS)
            _check("shape", thing.shape, SHAPES)
            _check("size", thing.size, ("small",) if two else SIZES)
            _check("position", thing.position, (None,) if two else POSITIONS)
            if thing.colour == self.background:
                raise ValueError(
                    f"An object must differ in colour from its background. Received: both {thing.colour}"
                )

    @property
    def triples(self) -> tuple[tuple[str, str, str], ...]:
        """(shape, colour, background) of each object: what the split holds out."""
        return tuple((thing.shape, thing.colour, self.background) for thing in self.objects)

    @property
    def centres(self) -> tuple[tuple[float, float], ...]:
        """(x, y) of each object before jitter, as shares of the side."""
        return RELATIONS[self.relation] if self.relation else (POSITIONS[self.objects[0].position],)


def _check(what: str, value, allowed) -> None:
    if value not in allowed:
        raise ValueError(f"`{what}` must be one of {', '.join(map(str, allowed))}. Received: {value!r}")


def _held_out_triples() -> frozenset:
    # A hash orders them, so that the split is the same for every version of NumPy and every platform.
    triples = [t for t in itertools.product(SHAPES, COLOURS, COLOURS) if t[1] != t[2]]
    triples.sort(key=lambda triple: hashlib.sha256(" ".join(triple).encode()).hexdigest())
    return frozenset(triples[: round(HELD_OUT_SHARE * len(triples))])


# (shape, colour, background): never seen in training, though each of the three words is, and each pair of them.
HELD_OUT = _held_out_triples()


def is_held_out(scene: Scene) -> bool:
    """Whether a scene is kept from training: it shows at least one object whose triple is in `HELD_OUT`."""
    return any(triple in HELD_OUT for triple in scene.triples)


@lru_cache
def all_scenes(kind: str = "one", split: str = "all") -> tuple[Scene, ...]:
    """Every scene of a kind: 3,360 with one object, 27,552 with two.

    Args:
        kind: "one" or "two" objects.
        split: "train" without any held-out triple, "held_out" with at least one, or "all".

    Raises:
        ValueError: an unknown kind or split.
    """
    _check("kind", kind, ("one", "two"))
    _check("split", split, SPLITS)
    scenes = _one_object() if kind == "one" else _two_objects()
    return tuple(scene for scene in scenes if split == "all" or is_held_out(scene) == (split == "held_out"))


def _one_object() -> Iterator[Scene]:
    for colour, shape, size, position, background in itertools.product(
        COLOURS, SHAPES, SIZES, POSITIONS, COLOURS
    ):
        if colour != background:
            yield Scene((SceneObject(colour, shape, size, position),), background)


def _two_objects() -> Iterator[Scene]:
    things = [SceneObject(colour, shape) for colour in COLOURS for shape in SHAPES]
    for first, second, background, relation in itertools.product(things, things, COLOURS, RELATIONS):
        if first != second and background not in (first.colour, second.colour):
            yield Scene((first, second), background, relation)


def _generators(count: int, seed: int, stream: int) -> Iterator[np.random.Generator]:
    """One source of numbers for each i, so that i depends on nothing but (seed, i)."""
    if count < 0 or seed < 0:
        raise ValueError(f"Count and seed must not be negative. Received: count={count}, seed={seed}")
    return (np.random.default_rng((seed, stream, i)) for i in range(count))


def sample_scenes(count: int, seed: int, *, kind: str = "one", split: str = "train") -> list[Scene]:
    """Draws scenes, each equally likely among those of its kind and split; scene i depends on (seed, i) alone.

    Args:
        count: how many.
        seed: at least 0.
        kind: "one" object, "two", or "both": half of the scenes of each kind, at random.
        split: "train", "held_out" or "all". A scene with two objects counts as held out if at least one of its
            objects forms a held-out triple with the background; training scenes contain none.

    Raises:
        ValueError: an unknown kind or split, or a negative number.
    """
    _check("kind", kind, KINDS)
    pools = [all_scenes(one, split) for one in (("one", "two") if kind == "both" else (kind,))]
    scenes = []
    for rng in _generators(count, seed, _CHOICE):
        pool = pools[rng.integers(len(pools))]
        scenes.append(pool[rng.integers(len(pool))])
    return scenes


def draw(scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """Draws one scene.

    Args:
        scene: what to draw.
        rng: gives the jitter.

    Returns:
        (32, 32, 3), uint8.
    """
    return _draw([scene], [rng])[0]


def draw_scenes(scenes: Sequence[Scene], seed: int) -> np.ndarray:
    """Draws many scenes; picture i depends on its scene and (seed, i) alone. 10,000 take about two seconds.

    Args:
        scenes: N of either kind.
        seed: of the jitter, at least 0.

    Returns:
        (N, 32, 32, 3), uint8.

    Raises:
        ValueError: a negative seed.
    """
    generators = _generators(len(scenes), seed, _DRAWING)
    pictures = np.empty((len(scenes), SIDE, SIDE, 3), "uint8")
    for start in range(0, len(scenes), _BLOCK):
        block = scenes[start : start + _BLOCK]
        pictures[start : start + _BLOCK] = _draw(block, list(itertools.islice(generators, len(block))))
    return pictures


def _draw(scenes: Sequence[Scene], generators: Sequence[np.random.Generator]) -> np.ndarray:
    shifts = np.empty((len(scenes), 2, 3))  # of each object: x, y, size, from -1 to 1
    colours = np.empty((len(scenes), 3, 3))  # background, first, second object; RGB
    for i, rng in enumerate(generators):
        shifts[i], colours[i] = rng.uniform(-1, 1, (2, 3)), rng.normal(0, COLOUR_JITTER, (3, 3))
    for i, scene in enumerate(scenes):
        for j, name in enumerate([scene.background, *(thing.colour for thing in scene.objects)]):
            colours[i, j] += COLOURS[name]
    colours = np.clip(colours, 0, 255).astype("float32")

    pictures = np.repeat(np.repeat(colours[:, :1, None], SIDE, 1), SIDE, 2)  # (N, 32, 32, 3)
    groups = {}  # objects of one shape and size are drawn together
    for i, scene in enumerate(scenes):
        for j, thing in enumerate(scene.objects):
            groups.setdefault((thing.shape, thing.size), []).append((i, j, *scene.centres[j]))
    for (shape, size), members in groups.items():
        i, j, x, y = map(np.array, zip(*members, strict=True))
        dx, dy, grow = shifts[i, j].T
        radius = SIZES[size] * (1 + SIZE_JITTER * grow)
        cover = coverage(shape, x + POSITION_JITTER * dx, y + POSITION_JITTER * dy, radius)[..., None]
        # The two objects of a picture do not overlap and are often in one group: add, do not assign.
        np.add.at(pictures, i, cover * (colours[i, 1 + j] - colours[i, 0])[:, None, None])
    return np.round(pictures).astype("uint8")


def coverage(shape: str, x, y, radius) -> np.ndarray:
    """The share of each pixel that a shape covers, counted on 4 x 4 points a pixel.

    Args:
        shape: one of `SHAPES`.
        x, y: (N,), the centre, as shares of the side.
        radius: (N,), as shares of the side.

    Returns:
        (N, 32, 32), float32 from 0 to 1.

    Raises:
        ValueError: an unknown shape.
    """
    _check("shape", shape, SHAPES)
    x, y, radius = np.broadcast_arrays(*(np.atleast_1d(np.asarray(a, "float32")) for a in (x, y, radius)))
    # Only a window around the shape is looked at. 1.05 is the star's reach, the largest of all.
    width = int(np.ceil(2 * 1.05 * radius.max() * SIDE)) + 1
    left, top = (np.floor((centre - 1.05 * radius) * SIDE).astype(int) for centre in (x, y))
    steps = (np.arange(width * OVERSAMPLING, dtype="float32") + 0.5) / OVERSAMPLING
    u = ((left[:, None] + steps) / SIDE - x[:, None]) / radius[:, None]
    v = ((top[:, None] + steps) / SIDE - y[:, None]) / radius[:, None]
    points = inside(shape, u[:, None, :].astype("float32"), v[:, :, None].astype("float32"))  # (N, 4w, 4w)
    counts = points.reshape(len(x), width, OVERSAMPLING, width, OVERSAMPLING).sum((2, 4), dtype="uint8")
    # A window may reach over the edge: paste it into a larger canvas, then cut the picture out.
    canvas = np.zeros((len(x), SIDE + 2 * width, SIDE + 2 * width), "float32")
    rows, columns = (
        np.clip(start + width, 0, SIDE + width)[:, None] + np.arange(width) for start in (top, left)
    )
    canvas[np.arange(len(x))[:, None, None], rows[:, :, None], columns[:, None, :]] = counts
    return canvas[:, width:-width, width:-width] / OVERSAMPLING**2


def inside(shape: str, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Whether points lie within a shape of radius 1 around the origin.

    Args:
        shape: one of `SHAPES`.
        u, v: coordinates, broadcastable; v points down.

    Returns:
        Booleans.
    """
    if shape == "square":
        return (abs(u) < 0.85) & (abs(v) < 0.85)
    if shape == "triangle":
        return (v < 0.8) & (v > -1 + 1.8 * abs(u))
    if shape == "cross":
        return ((abs(u) < 0.33) & (abs(v) < 1)) | ((abs(v) < 0.33) & (abs(u) < 1))
    squared = u * u + v * v
    if shape == "circle":
        return squared < 1
    if shape == "ring":
        return (squared < 1) & (squared > 0.55**2)
    # A star: the angle from the nearest of five tips, the first of them straight up, in units from tip to notch.
    fifth = 2 * np.pi / 5
    angle = np.arctan2(u, -v) % fifth
    from_tip = np.minimum(angle, fifth - angle) / (fifth / 2)
    outline = 1.05 + (0.42 - 1.05) * from_tip
    return squared < outline * outline
