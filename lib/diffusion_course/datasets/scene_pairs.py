"""Which scenes are the same, and which differ only in the order of their objects (chapter 12).

>>> from diffusion_course.datasets.scene_captions import plain_caption, scene_of
>>> scene = scene_of("a red ring above a blue star on a white background")
>>> plain_caption(swapped(scene))
'a blue star above a red ring on a white background'
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from diffusion_course.datasets.scenes import SHAPES, Scene, is_held_out


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


def pair_numbers(scenes: Sequence[Scene]) -> np.ndarray:
    """(N,) integers: as `scene_numbers`, but one number for a scene and its swapped form."""
    return _numbers([(frozenset(scene.objects), scene.background, scene.relation) for scene in scenes])


def related(scenes: Sequence[Scene], *, swap: bool, seed: int) -> tuple[list[Scene], np.ndarray]:
    """Families of scenes that are hard to tell apart, for training on each other's wrong answers.

    A contrastive loss teaches only what tells the rows of a batch apart. Shape and size are a few pixels: without
    families a network learns them last. And captions that never meet, such as "red on blue" and "blue on red", it need
    not tell apart at all.

    Every scene with two objects gets a relative whose first object has another shape and, with ``swap``, both get one
    with their objects swapped. Scenes with one object that agree in position and in the two colours, whichever is the
    background's, are put at random into families that differ in shape and size, or in shape and in which colour is the
    background's, or into none: a third of them each.

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
    kinds, out, there, names = {}, [], set(), []
    for scene in scenes:
        if len(scene.objects) == 1:
            (o,) = scene.objects
            colours = frozenset((o.colour, scene.background))
            families = ((o.position, o.colour, scene.background), (o.position, colours, o.size), scene)
            out.append(scene)
            names.append(families[kinds.setdefault((o.position, colours), rng.integers(3))])
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


def _numbers(things) -> np.ndarray:
    seen = {}
    return np.array([seen.setdefault(thing, len(seen)) for thing in things], dtype="int64")
