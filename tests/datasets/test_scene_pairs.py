"""Pairs of scenes: swapping is its own inverse, keeps the split, and numbers say what is the same."""

import numpy as np
import pytest

from diffusion_course.datasets.scene_captions import captions, scene_of
from diffusion_course.datasets.scene_pairs import pair_numbers, scene_numbers, swapped, with_swapped
from diffusion_course.datasets.scenes import is_held_out, sample_scenes

ABOVE = scene_of("a red ring above a blue star on a white background")


def test_swapped_is_another_scene_of_the_same_split_and_its_own_inverse():
    assert swapped(ABOVE) == scene_of("a red ring below a blue star on a white background")
    for scene in sample_scenes(50, 0, kind="two", split="all"):
        other = swapped(scene)
        assert other != scene == swapped(other) and is_held_out(other) == is_held_out(scene)
        assert not set(captions(scene)) & set(captions(other))
    with pytest.raises(ValueError, match="Only two objects can be swapped. Received"):
        swapped(scene_of("a small red ring in the center on a white background"))


def test_numbers():
    one = scene_of("a small red ring in the center on a white background")
    beside = scene_of("a red ring left of a blue star on a white background")
    scenes = with_swapped([ABOVE, one, beside, one])
    assert scenes[4:] == [swapped(ABOVE), swapped(beside)]
    np.testing.assert_array_equal(scene_numbers(scenes), [0, 1, 2, 1, 3, 4])
    np.testing.assert_array_equal(pair_numbers(scenes), [0, 1, 2, 1, 0, 2])
