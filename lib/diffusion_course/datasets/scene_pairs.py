"""Which scenes are the same, and which differ only in the order of their objects (chapter 12).

>>> from diffusion_course.datasets.scene_captions import plain_caption, scene_of
>>> scene = scene_of("a red ring above a blue star on a white background")
>>> plain_caption(swapped(scene))
'a blue star above a red ring on a white background'
"""

from collections.abc import Sequence

import numpy as np

from diffusion_course.datasets.scenes import Scene


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


def _numbers(things) -> np.ndarray:
    seen = {}
    return np.array([seen.setdefault(thing, len(seen)) for thing in things], dtype="int64")
