"""Which scenes are the same, and which differ only in the order of their objects (chapter 12).

>>> from diffusion_course.datasets.scene_captions import plain_caption, scene_of
>>> scene = scene_of("a red ring above a blue star on a white background")
>>> plain_caption(swapped(scene))
'a blue star above a red ring on a white background'
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from diffusion_course.datasets.scenes import COLOURS, POSITIONS, SHAPES, SIZES, Scene, is_held_out


def swapped(scene: Scene) -> Scene:
    """The same words, another picture: the two objects have changed places.

    It is held out exactly if ``scene`` is, for the triples are the same.

    Raises:
        ValueError: the scene has one object.
    """
    if len(scene.objects) != 2:
        raise ValueError(f"Only two objects can be swapped. Received: {scene}")
    return Scene(scene.objects[::-1], scene.background, scene.relation)


def with_swapped(scenes: Sequence[Scene]) -> list[Scene]:
    """The scenes, then the swapped form of each of those that have two objects, in the same order."""
    return [*scenes, *(swapped(scene) for scene in scenes if len(scene.objects) == 2)]


def scene_numbers(scenes: Sequence[Scene]) -> np.ndarray:
    """(N,) integers: equal for equal scenes and for no others, counted in the order in which they come."""
    return _numbers(scenes)


def neighbours(scene: Scene) -> list[list[Scene]]:
    """Scenes of the same split that differ in one thing from one with one object, a list for each kind of thing.

    The kinds: size, colour, shape, position, background, and the two colours in each other's place.
    """
    (o,), background = scene.objects, scene.background
    colours = [colour for colour in COLOURS if colour not in (o.colour, background)]
    values = {"size": SIZES, "shape": SHAPES, "position": POSITIONS, "colour": colours}
    kinds = [
        [Scene((dataclasses.replace(o, **{name: value}),), background) for value in choices]
        for name, choices in values.items()
    ]
    kinds.append([Scene((o,), colour) for colour in colours])
    kinds.append([Scene((dataclasses.replace(o, colour=background),), o.colour)])
    here = is_held_out(scene)
    return [[other for other in kind if other != scene and is_held_out(other) == here] for kind in kinds]


def related(scenes: Sequence[Scene], *, swap: bool, seed: int) -> tuple[list[Scene], np.ndarray]:
    """Families of scenes that are hard to tell apart, for training on each other's wrong answers.

    A contrastive loss teaches only what tells the rows of a batch apart. Shape and size are a few pixels: without
    families a network learns them last. And captions that never meet, such as "red on blue" and "blue on red", it need
    not tell apart at all.

    Half of the sets of scenes with one object that differ in nothing but the shape, at random, become families. The
    scenes of the other half are paired, as long as partners are left, with one that differs in one thing, see
    `neighbours`; each kind of thing has its turn at random.
    Every scene with two objects gets a relative whose first object has another shape and, with ``swap``, both get one
    with their objects swapped.

    Args:
        scenes: of either kind. Scenes with two objects that are there already, as themselves or as a relative, are
            left out; those with one may come several times.
        swap: whether swapped relatives are added.
        seed: of what is left to chance.

    Returns:
        Scenes, and (N,) integers, equal within a family, as `training.distinct_batches` takes them for ``together``.
        A relative is held out exactly if the scene is.
    """
    rng = np.random.default_rng(seed)
    alike, pairs, out, there, names = {}, {}, [], set(), []

    def in_a_family(scene):
        return alike.setdefault(_but_for_the_shape(scene), rng.random() < 0.5)

    for scene in scenes:
        if len(scene.objects) == 1:
            if not in_a_family(scene) and scene not in pairs:
                kinds = neighbours(scene)
                order = [
                    kinds[i][j] for i in rng.permutation(len(kinds)) for j in rng.permutation(len(kinds[i]))
                ]
                free = [other for other in order if other not in pairs and not in_a_family(other)]
                pairs |= dict.fromkeys([scene, *free[:1]], scene)
            out.append(scene)
            names.append(_but_for_the_shape(scene) if in_a_family(scene) else pairs[scene])
            continue
        first, second = scene.objects
        shapes = [dataclasses.replace(first, shape=shape) for shape in SHAPES if shape != first.shape]
        others = [Scene((o, second), scene.background, scene.relation) for o in shapes if o != second]
        others = [other for other in others if is_held_out(other) == is_held_out(scene)]
        members = [scene, *([others[rng.integers(len(others))]] if others else [])]
        members = with_swapped(members) if swap else members
        if not there.isdisjoint(members):
            continue
        there.update(members)
        out += members
        names += [scene] * len(members)
    return out, _numbers(names)


def _but_for_the_shape(scene: Scene) -> tuple:
    (o,) = scene.objects
    return (o.size, o.colour, o.position, scene.background)


def _numbers(things) -> np.ndarray:
    seen = {}
    return np.array([seen.setdefault(thing, len(seen)) for thing in things], dtype="int64")
