"""Pairs of scenes: swapping is its own inverse, keeps the split, and numbers say what is the same."""

import numpy as np
import pytest

from diffusion_course.datasets.scene_captions import captions, scene_of
from diffusion_course.datasets.scene_pairs import (
    neighbours,
    related,
    scene_numbers,
    swapped,
    with_swapped,
)
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


@pytest.mark.parametrize("swap", [True, False])
@pytest.mark.parametrize("split", ["train", "held_out"])
def test_families_of_two_objects_differ_in_a_shape_and_perhaps_in_the_order(swap, split):
    scenes, families = related(sample_scenes(300, 0, kind="two", split=split), swap=swap, seed=1)
    assert len(set(scenes)) == len(scenes)  # none is in two families
    assert all(is_held_out(scene) == (split == "held_out") for scene in scenes)
    sizes = np.bincount(families)
    assert set(sizes) <= ({2, 4} if swap else {1, 2}) and np.median(sizes) == sizes.max()
    for family in range(50):
        members = [scene for scene, number in zip(scenes, families, strict=True) if number == family]
        assert not swap or {swapped(scene) for scene in members} == set(members)
        first, *others = members[: len(members) // 2] if swap else members
        for other in others:
            assert (other.background, other.relation) == (first.background, first.relation)
            (a, b), (c, d) = first.objects, other.objects
            assert b == d and a.colour == c.colour and a.size == c.size and a.shape != c.shape


def differences(a, b):
    """Which of the five attributes of two scenes with one object differ."""
    names = ("size", "colour", "shape", "position")
    return {n for n in names if getattr(a.objects[0], n) != getattr(b.objects[0], n)} | (
        {"background"} if a.background != b.background else set()
    )


def test_neighbours_differ_in_one_thing_or_have_their_colours_changed_round():
    for scene in sample_scenes(40, 0, split="all"):
        kinds = neighbours(scene)
        *single, turned = kinds
        assert [{frozenset(differences(scene, o)) for o in kind} <= {frozenset({name})} for kind, name in zip(
            single, ("size", "shape", "position", "colour", "background"), strict=True)] == [True] * 5  # fmt: skip
        for other in turned:
            assert (other.objects[0].colour, other.background) == (scene.background, scene.objects[0].colour)
        assert all(
            is_held_out(o) == is_held_out(scene) and o.background != o.objects[0].colour
            for o in sum(kinds, [])
        )


def test_scenes_of_one_object_differ_from_their_family_in_the_shape_or_from_a_partner_in_one_thing():
    given = sample_scenes(6_000, 0)
    scenes, families = related(given, swap=True, seed=1)
    assert scenes == given
    by_family, kinds, in_families = {}, np.zeros(6), 0
    for scene, number in zip(scenes, families, strict=True):
        by_family.setdefault(number, set()).add(scene)
    for members in by_family.values():
        first, *others = members
        if len(others) > 1:
            in_families += len(members)
            assert all(differences(first, other) == {"shape"} for other in others)
        elif others:
            (kind,) = [i for i, kind in enumerate(neighbours(first)) if others[0] in kind]
            kinds[kind] += 1
    total = len(set(given))
    assert 0.4 < in_families / total < 0.6
    assert 2 * kinds.sum() / (total - in_families) > 0.7 and (kinds / kinds.sum() > 0.05).all()
    assert (related(given, swap=True, seed=2)[1] != families).any()
