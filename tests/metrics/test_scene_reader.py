"""The reader: right on real scenes, also degraded ones, and silent on what is no scene."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from diffusion_course.datasets import scenes as world
from diffusion_course.datasets.scenes import Scene, SceneObject, draw_scenes, sample_scenes
from diffusion_course.metrics.alignment import alignment
from diffusion_course.metrics.scene_reader import SceneReader

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


def test_the_nearest_scene_is_named_in_grain_that_the_strict_reader_refuses(reader):
    scenes = sample_scenes(40, seed=4, kind="one")
    grain = np.random.default_rng(4).normal(0, 50, (40, 32, 32, 3))
    pictures = to_pixels(draw_scenes(scenes, seed=4) + grain)
    assert all(reading is None for reading in reader.read(pictures))
    assert alignment(pictures, scenes, SceneReader(world, strict=False)).together >= 0.9


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
