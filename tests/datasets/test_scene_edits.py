"""What is changed about a scene, and that the hole hides what was there and nothing else of note."""

import numpy as np
import pytest

from diffusion_course.datasets.scene_edits import hole_around, with_another_object
from diffusion_course.datasets.scenes import POSITIONS, SHAPES, Scene, SceneObject, draw_scenes, sample_scenes


def test_another_object_is_another_and_place_and_background_stay():
    rng, sizes, shapes = np.random.default_rng(0), set(), set()
    for scene in sample_scenes(300, 0):
        other = with_another_object(scene, rng)
        (old,), (new,) = scene.objects, other.objects
        assert new.colour not in (old.colour, scene.background) and new.shape != old.shape
        assert new.position == old.position and other.background == scene.background
        sizes.add(new.size)
        shapes.add(new.shape)
    assert sizes == {"small", "large"} and shapes == set(SHAPES)


@pytest.mark.parametrize("position", POSITIONS)
def test_the_hole_hides_the_largest_objects_and_shows_background(position):
    scenes = [
        Scene((SceneObject("red", shape, "large", position),), "white") for shape in SHAPES for _ in range(20)
    ]
    pictures = draw_scenes(scenes, seed=0).astype(int)
    known = hole_around(scenes[0]) == 0
    assert 0.2 < known.mean() < 0.75
    background = pictures[:, known]  # (N, pixels, 3), each near white: jitter is the same for all of them
    assert (np.ptp(background, axis=1) <= 1).all()


def test_scenes_of_two_objects_are_refused():
    (scene,) = sample_scenes(1, 0, kind="two")
    for edit in (hole_around, lambda s: with_another_object(s, np.random.default_rng(0))):
        with pytest.raises(ValueError, match="one object"):
            edit(scene)
