"""Scenes to be edited: another object in the same place, and a hole that hides whichever was there (chapter 16)."""

import dataclasses

import numpy as np

from diffusion_course.datasets.scenes import COLOURS, SHAPES, SIZES, Scene

# The largest object with the most jitter reaches 0.24 * 1.08 * 1.05 + 0.03 = 0.30 of the side from where it should be.
REACH = 0.3


def _one(scene: Scene):
    if len(scene.objects) != 1:
        raise ValueError(f"The scene must have one object. Received: {scene}")
    return scene.objects[0]


def with_another_object(scene: Scene, rng: np.random.Generator) -> Scene:
    """The same place and background with an object of another colour and another shape, and of any size.

    Args:
        scene: of one object.
        rng: chooses.

    Raises:
        ValueError: the scene has two objects.
    """
    thing = _one(scene)
    colours = [colour for colour in COLOURS if colour not in (thing.colour, scene.background)]
    shapes = [shape for shape in SHAPES if shape != thing.shape]
    choice = {"colour": colours, "shape": shapes, "size": list(SIZES)}
    new = {name: values[rng.integers(len(values))] for name, values in choice.items()}
    return Scene((dataclasses.replace(thing, **new),), scene.background)


def hole_around(scene: Scene, side: int = 32) -> np.ndarray:
    """A square around the place of the object, so large that it hides any object that may be there.

    Args:
        scene: of one object.
        side: H = W of the picture.

    Returns:
        (H, W) float32, 1 in the hole. Objects near a corner have their hole cut off there.

    Raises:
        ValueError: the scene has two objects.
    """
    _one(scene)
    ((x, y),) = scene.centres
    begins = np.arange(side) / side  # of each pixel; it is in as soon as a part of it is
    inside = [(begins + 1 / side > centre - REACH) & (begins < centre + REACH) for centre in (y, x)]
    return (inside[0][:, None] & inside[1][None]).astype("float32")
