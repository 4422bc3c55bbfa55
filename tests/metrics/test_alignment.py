"""The report's arithmetic: each attribute, all together, chance, and what was seen in training apart."""

import numpy as np
import pytest

from diffusion_course.datasets.scenes import Scene, SceneObject, is_held_out, sample_scenes
from diffusion_course.metrics.alignment import compare, floor


def one(colour="red", shape="star", size="large", position="center", background="blue"):
    return Scene((SceneObject(colour, shape, size, position),), background)


def two(first, second, relation="above", background="white"):
    return Scene((SceneObject(*first), SceneObject(*second)), background, relation)


def test_each_attribute_of_one_object_counts():
    readings = [
        one(),
        one(colour="green"),
        one(shape="ring"),
        one(size="small"),
        one(position="top left"),
        one(background="black"),
        one(background="black", shape="ring"),
        None,
    ]
    report = compare(readings, [one()] * 8)
    assert {name: 8 * share for name, share in report.shares.items()} == {
        "size": 6, "colour": 6, "shape": 5, "background": 5, "position": 6,
    }  # fmt: skip
    assert report.exact.tolist() == [True] + [False] * 7
    assert (report.together, report.found) == (1 / 8, 7 / 8)
    assert report.product == pytest.approx(6**3 * 5**2 / 8**5)
    assert report.summary()["product"] == report.product


@pytest.mark.parametrize(
    "reading, right",
    [
        (two(("red", "ring"), ("blue", "star")), {"colour", "shape", "background", "relation"}),
        # The same objects the other way round: all is right but where they are.
        (two(("blue", "star"), ("red", "ring")), {"colour", "shape", "background"}),
        (two(("red", "ring"), ("blue", "star"), "left of"), {"colour", "shape", "background"}),
        (two(("red", "ring"), ("green", "star")), {"shape", "background", "relation"}),
        (two(("red", "ring"), ("red", "ring")), {"background", "relation"}),
        # Colours at the wrong shapes: one object after the other, no more than half of each.
        (two(("blue", "ring"), ("red", "star"), "above", "black"), {"shape", "relation"}),
        (one(background="white"), {"background"}),
        (None, set()),
    ],
)
def test_each_attribute_of_two_objects_counts(reading, right):
    report = compare([reading], [two(("red", "ring"), ("blue", "star"))])
    assert {name for name, share in report.shares.items() if share} == right
    assert set(report.shares) == {"colour", "shape", "background", "relation"}


@pytest.mark.parametrize("kind", ["one", "two", "both"])
def test_all_attributes_right_means_the_same_scene(kind):
    rng = np.random.default_rng(0)
    asked = sample_scenes(300, 0, kind=kind)
    read = [
        asked[i] if rng.random() < 0.3 else other for i, other in enumerate(sample_scenes(300, 1, kind=kind))
    ]
    assert compare(read, asked).exact.tolist() == [a == b for a, b in zip(read, asked, strict=True)]


def test_floor_is_chance():
    """Half for the size, a fifth for the position, and so on: what an unconditional model would reach."""
    scenes = sample_scenes(4000, seed=0)
    shares = floor(compare(scenes, scenes), np.random.default_rng(0)).shares
    chance = {"size": 1 / 2, "colour": 1 / 8, "shape": 1 / 6, "background": 1 / 8, "position": 1 / 5}
    assert shares == pytest.approx(chance, abs=0.03)


def test_floor_gives_no_picture_its_own_caption():
    scenes = list(dict.fromkeys(sample_scenes(50, seed=0)))
    report = compare(scenes, scenes)
    for seed in range(20):
        assert floor(report, np.random.default_rng(seed)).together == 0
    with pytest.raises(ValueError, match="at least 2 pictures can be shuffled. Received: 1"):
        floor(compare(scenes[:1], scenes[:1]), np.random.default_rng(0))


def test_seen_and_held_out_are_told_apart():
    asked = sample_scenes(30, 0, split="train") + sample_scenes(10, 0, split="held_out")
    parts = compare(asked[:30] + [None] * 10, asked).apart(is_held_out)
    assert {name: (len(part.scenes), part.together) for name, part in parts.items()} == {
        "seen": (30, 1.0), "held out": (10, 0.0),
    }  # fmt: skip
    assert list(compare(asked[:5], asked[:5]).apart(is_held_out)) == ["seen"]


def test_bad_comparisons_are_refused():
    for readings, scenes in (([], []), ([None], [one(), one()])):
        with pytest.raises(ValueError, match="a scene for each picture, at least one. Received: "):
            compare(readings, scenes)
