"""Scenes: what is drawn is what the specification says, scene i depends on (seed, i), and the split holds."""

import itertools
import math

import numpy as np
import pytest

from diffusion_course.datasets.scenes import (
    COLOURS,
    HELD_OUT,
    POSITIONS,
    RELATIONS,
    SHAPES,
    SIZES,
    Scene,
    SceneObject,
    all_scenes,
    coverage,
    draw,
    draw_scenes,
    inside,
    is_held_out,
    sample_scenes,
)

RED_STAR = Scene((SceneObject("red", "star", "large", "top left"),), "blue")


class Still:
    """A source of numbers without jitter."""

    def uniform(self, low, high, size):
        return np.zeros(size)

    def normal(self, mean, sigma, size):
        return np.zeros(size)


def area(shape):
    """Exact area of a shape of radius 1."""
    return {
        "circle": math.pi,
        "square": 1.7**2,
        "triangle": 1.8 * (2 * 1.8 / 1.8) / 2,  # height from v = -1 to 0.8, and there 2 wide
        "cross": 2 * (0.66 * 2) - 0.66**2,
        "ring": math.pi * (1 - 0.55**2),
        # Half of the integral of (outline)**2 over the angle, of a line from 1.05 to 0.42.
        "star": math.pi * (1.05**2 + 1.05 * 0.42 + 0.42**2) / 3,
    }[shape]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("radius", SIZES.values())
def test_areas_are_exact(shape, radius):
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0.35, 0.65, (2, 200))
    covered = coverage(shape, x, y, np.full(200, radius)).mean((1, 2))
    assert covered.mean() == pytest.approx(area(shape) * radius**2, rel=0.005)


@pytest.mark.parametrize("shape", SHAPES)
def test_coverage_is_the_average_of_four_by_four_points(shape):
    """Point by point on the whole picture, also where the shape is cut by the edge."""
    for x, y, radius in ((0.5, 0.47, 0.24), (0.02, 0.9, 0.15), (0.99, 0.01, 0.259), (0.28, 0.72, 0.138)):
        points = (np.arange(128) + 0.5) / 128
        u, v = (points[None, :] - x) / radius, (points[:, None] - y) / radius
        expected = inside(shape, u, v).reshape(32, 4, 32, 4).mean((1, 3))
        # A point on the very edge of a shape may fall to either side in float32.
        assert abs(coverage(shape, x, y, radius)[0] - expected).max() <= 1 / 16
        assert coverage(shape, x, y, radius).mean() == pytest.approx(expected.mean(), rel=0.02)


def test_shapes_point_up():
    """A tip above: the star at 1.05, the triangle at 1; nothing of either as far below."""
    for shape, tip in (("star", 1.04), ("triangle", 0.99)):
        assert inside(shape, np.float64(0), np.float64(-tip))
        assert not inside(shape, np.float64(0), np.float64(tip))
    angles = np.radians([0, 72, 144, 216, 288])
    assert inside("star", 1.04 * np.sin(angles), -1.04 * np.cos(angles)).all()
    assert not inside(
        "star", 0.43 * np.sin(angles + np.radians(36)), -0.43 * np.cos(angles + np.radians(36))
    ).any()


def test_a_still_picture_has_the_specified_colours_and_places():
    picture = draw(RED_STAR, Still())
    assert picture.shape == (32, 32, 3) and picture.dtype == np.uint8
    assert tuple(picture[9, 9]) == COLOURS["red"] and tuple(picture[31, 31]) == COLOURS["blue"]
    two = Scene((SceneObject("white", "square"), SceneObject("black", "cross")), "green", "left of")
    picture = draw(two, Still())
    assert tuple(picture[16, 9]) == COLOURS["white"] and tuple(picture[16, 22]) == COLOURS["black"]
    assert tuple(picture[0, 0]) == COLOURS["green"] == tuple(picture[16, 16])


def test_jitter_is_what_the_specification_says():
    scene = Scene((SceneObject("white", "square", "large", "center"),), "black")
    pictures = draw_scenes([scene] * 2000, seed=1).astype("float64")
    corner = pictures[:, 0, 0]
    assert corner.mean(0) == pytest.approx([25] * 3, abs=0.5) and corner.std(0) == pytest.approx(
        [6] * 3, abs=0.4
    )
    # From the white share: side 1.7 * r, and r uniform within 8 %; from its centre of mass: uniform within 0.03.
    low, high = corner.mean(1), pictures[:, 16, 16].mean(1)
    white = (pictures.mean(-1) - low[:, None, None]) / (high - low)[:, None, None]
    radius = np.sqrt(white.mean((1, 2))) / 1.7 / 0.24
    assert radius.mean() == pytest.approx(1, abs=0.005) and radius.std() == pytest.approx(
        0.08 / 3**0.5, abs=0.004
    )
    pixels = (np.arange(32) + 0.5) / 32
    for axis in (1, 2):
        shift = (white.sum(axis) * pixels).sum(1) / white.sum((1, 2)) - 0.5
        assert abs(shift).max() < 0.035 and shift.std() == pytest.approx(0.03 / 3**0.5, abs=0.002)


@pytest.mark.parametrize("kind", ["one", "two", "both"])
def test_scene_and_picture_depend_on_seed_and_index_alone(kind):
    scenes = sample_scenes(40, seed=5, kind=kind)
    assert scenes[:7] == sample_scenes(7, seed=5, kind=kind)
    assert scenes != sample_scenes(40, seed=6, kind=kind)
    pictures = draw_scenes(scenes, seed=5)
    np.testing.assert_array_equal(pictures[:7], draw_scenes(scenes[:7], seed=5))
    others = [*scenes[10:17], *scenes[7:]]  # others were drawn before it
    np.testing.assert_array_equal(pictures[7:], draw_scenes(others, seed=5)[7:])
    assert (draw_scenes(scenes, seed=6) != pictures).any((1, 2, 3)).all()


def test_many_are_drawn_as_one_is():
    scenes = sample_scenes(30, seed=2, kind="both")
    alone = [draw(scene, np.random.default_rng((2, 1, i))) for i, scene in enumerate(scenes)]
    np.testing.assert_array_equal(draw_scenes(scenes, seed=2), alone)
    assert draw_scenes([], seed=0).shape == (0, 32, 32, 3)


def test_every_scene_exists_once():
    one, two = all_scenes("one"), all_scenes("two")
    assert len(set(one)) == len(one) == 6 * 8 * 7 * 2 * 5
    # Ordered pairs of different things among 42 on each of 8 backgrounds, in two relations.
    assert len(set(two)) == len(two) == 42 * 41 * 8 * 2


def test_split_holds_out_a_fifth_of_the_triples():
    triples = {(s, c, b) for s, c, b in itertools.product(SHAPES, COLOURS, COLOURS) if c != b}
    assert triples > HELD_OUT and len(HELD_OUT) == 67 == round(0.2 * len(triples))
    for kind in ("one", "two"):
        train, held_out = all_scenes(kind, "train"), all_scenes(kind, "held_out")
        assert set(train).isdisjoint(held_out) and {*train, *held_out} == set(all_scenes(kind))
        assert not any(set(scene.triples) & HELD_OUT for scene in train)
        assert all(set(scene.triples) & HELD_OUT for scene in held_out)
        assert [is_held_out(train[0]), is_held_out(held_out[0])] == [False, True]


def test_split_never_changes():
    """Shipped weights were trained with it."""
    assert ("star", "red", "blue") not in HELD_OUT
    assert sorted(HELD_OUT)[:3] == [
        ("circle", "black", "green"),
        ("circle", "blue", "purple"),
        ("circle", "blue", "red"),
    ]


def test_training_shows_every_value_and_every_pair_of_values():
    train = {triple for scene in all_scenes("one", "train") for triple in scene.triples}
    pairs = {(shape, colour) for shape, colour, _ in train}
    assert pairs == set(itertools.product(SHAPES, COLOURS))
    assert {(shape, background) for shape, _, background in train} == pairs
    assert {(c, b) for _, c, b in train} == {(c, b) for c, b in itertools.product(COLOURS, COLOURS) if c != b}


@pytest.mark.parametrize("split", ["train", "held_out"])
def test_samples_are_of_their_split_and_use_every_value(split):
    for kind, count in (("one", 1), ("two", 2)):
        scenes = sample_scenes(2000, seed=0, kind=kind, split=split)
        assert {is_held_out(scene) for scene in scenes} == {split == "held_out"}
        assert {len(scene.objects) for scene in scenes} == {count}
        things = [thing for scene in scenes for thing in scene.objects]
        assert {t.colour for t in things} == {s.background for s in scenes} == set(COLOURS)
        assert {t.shape for t in things} == set(SHAPES)
        if count == 1:
            assert {t.size for t in things} == set(SIZES) and {t.position for t in things} == set(POSITIONS)
            assert np.mean([t.size == "large" for t in things]) == pytest.approx(0.5, abs=0.05)
        else:
            assert {s.relation for s in scenes} == set(RELATIONS)
    both = sample_scenes(2000, seed=0, kind="both", split=split)
    assert np.mean([len(scene.objects) == 2 for scene in both]) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    "make, problem",
    [
        (lambda: Scene((), "red"), "one or two objects. Received: 0"),
        (lambda: Scene(RED_STAR.objects, "red"), "differ in colour from its background. Received: both red"),
        (lambda: Scene(RED_STAR.objects, "pink"), "`background` must be one of red, .*Received: 'pink'"),
        (lambda: Scene((SceneObject("red", "heart", "large", "center"),), "blue"), "Received: 'heart'"),
        (lambda: Scene((SceneObject("red", "star"),), "blue"), "`position` must be one of center, .*None"),
        (lambda: Scene((SceneObject("red", "star"),) * 2, "blue", "below"), "above, left of. Received: 'below'"),
        (lambda: Scene(RED_STAR.objects, "blue", "above"), "`relation` must be one of None"),
        (lambda: Scene(RED_STAR.objects * 2, "blue", "above"), "`size` must be one of small. Received: 'large'"),
        (lambda: sample_scenes(1, 0, kind="three"), "one, two, both. Received: 'three'"),
        (lambda: sample_scenes(1, 0, split="test"), "train, held_out, all. Received: 'test'"),
        (lambda: sample_scenes(-1, 0), "must not be negative. Received: count=-1"),
        (lambda: draw_scenes([RED_STAR], -3), "must not be negative. Received: count=1, seed=-3"),
        (lambda: coverage("heart", 0.5, 0.5, 0.2), "Received: 'heart'"),
    ],
)  # fmt: skip
def test_bad_requests_are_refused(make, problem):
    with pytest.raises(ValueError, match=problem):
        make()
