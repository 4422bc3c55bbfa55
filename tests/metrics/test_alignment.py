"""The reader: right on real scenes, also degraded ones, silent on what is none; and the report's arithmetic."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from diffusion_course.datasets import scenes as world
from diffusion_course.datasets.scenes import Scene, SceneObject, draw_scenes, is_held_out, sample_scenes
from diffusion_course.metrics.alignment import SceneReader, alignment, compare, floor

COUNT = 200


@pytest.fixture(scope="module")
def reader():
    return SceneReader(world)


@pytest.fixture(scope="module", params=["one", "two"])
def real(request):
    scenes = sample_scenes(COUNT, seed=11, kind=request.param, split="all")
    return scenes, draw_scenes(scenes, seed=11)


def to_pixels(x):
    return np.clip(np.round(x), 0, 255).astype("uint8")


def psnr(a, b):
    return 10 * np.log10(255**2 / np.mean((a.astype("float64") - b) ** 2))


def test_real_scenes_are_read_exactly(reader, real):
    scenes, pictures = real
    report = alignment(pictures, scenes, reader)
    assert report.together >= 0.99 and report.found >= 0.99
    assert all(share >= 0.99 for share in report.shares.values())


@pytest.mark.parametrize("damage", ["noise", "blur", "both"])
def test_real_scenes_at_30_db_are_read_exactly(reader, real, damage):
    """About what an autoencoder does to them."""
    scenes, pictures = real
    blur, noise = {"noise": (0, 8), "blur": (0.8, 0), "both": (0.6, 6)}[damage]
    x = gaussian_filter(pictures.astype("float64"), (0, blur, blur, 0))
    x = to_pixels(x + np.random.default_rng(0).normal(0, noise, x.shape))
    assert 27 < psnr(pictures, x) < 33
    assert alignment(x, scenes, reader).together >= 0.99


def nothing(name, real, rng):
    scenes, pictures = real
    x, grey = pictures.astype("float64"), np.full(pictures.shape, 128.0)
    background = np.repeat(np.repeat(x[:, :1, :1], 32, 1), 32, 2)
    if name == "crossfade":
        return x / 2 + np.roll(x, 1, 0) / 2
    if name == "half objects":  # all left of the first object's centre is background
        for picture, plain, scene in zip(x, background, scenes, strict=True):
            left = int(32 * scene.centres[0][0])
            picture[:, :left] = plain[:, :left]
        return x
    return {
        "noise": rng.uniform(0, 255, x.shape),
        "soft noise": 128 + 320 * gaussian_filter(rng.normal(size=x.shape), (0, 3, 3, 0)),
        "grey": grey,
        "background alone": background + rng.normal(0, 4, x.shape),
        "faded to grey": (x + grey) / 2,
        "noised": x + rng.normal(0, 60, x.shape),
    }[name]


@pytest.mark.parametrize(
    "name",
    [
        "noise", "soft noise", "grey", "background alone", "faded to grey", "noised", "crossfade", "half objects",
    ],
)  # fmt: skip
def test_what_is_no_scene_is_not_read_as_one(reader, real, name):
    pictures = to_pixels(nothing(name, [values[:64] for values in real], np.random.default_rng(1)))
    assert np.mean([reading is not None for reading in reader.read(pictures)]) <= 0.02


def test_a_reading_does_not_depend_on_its_batch(reader):
    scenes = sample_scenes(70, seed=3, kind="both")
    pictures = draw_scenes(scenes, seed=3)
    assert reader.read(pictures)[60:70] == reader.read(pictures[60:70]) == scenes[60:70]
    assert reader.read(pictures[:0]) == []


def test_two_objects_alike_are_read(reader):
    """No scene of the data set, but what a network may draw."""
    twins = Scene((SceneObject("red", "ring"),) * 2, "white", "left of")
    assert reader.read(draw_scenes([twins], seed=0)) == [twins]


def test_other_pictures_are_refused(reader):
    for pictures in (
        np.zeros((2, 32, 32, 3)),
        np.zeros((2, 28, 28, 3), "uint8"),
        np.zeros((32, 32, 3), "uint8"),
    ):
        with pytest.raises(ValueError, match=r"uint8 of shape \(N, 32, 32, 3\). Received:"):
            reader.read(pictures)


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
