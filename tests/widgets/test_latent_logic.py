"""The latent map without a browser: nearest codes, limits, samples, and what it refuses."""

import numpy as np
import pytest

from diffusion_course.widgets.latent_logic import (
    LatentMap,
    checked_image_shape,
    checked_place,
    class_style,
    decode_one,
    square_limits,
)

NAMES = ["Bag", "Boot", "Coat"]


@pytest.fixture
def grid_map():
    """A unit grid of 10 x 10 codes; the class changes with x."""
    x, y = np.meshgrid(np.arange(10.0), np.arange(10.0))
    points = np.stack([x.ravel(), y.ravel()], axis=1)
    return LatentMap(points, np.minimum(x.ravel() // 4, 2).astype(int), NAMES)


def test_nearest_is_the_brute_force_nearest():
    rng = np.random.default_rng(3)
    points, labels = rng.normal(size=(500, 2)), rng.integers(0, 3, 500)
    latent_map = LatentMap(points, labels, NAMES)
    for z in rng.normal(size=(50, 2)) * 2:
        distances = np.linalg.norm(points - z, axis=1)
        near = latent_map.nearest(z)
        assert near.index == distances.argmin()
        assert near.label == labels[distances.argmin()]
        assert near.distance == pytest.approx(distances.min())


def test_distance_is_told_in_usual_gaps(grid_map):
    assert grid_map.usual_gap == 1
    near = grid_map.nearest((0.5, 0))
    assert (near.gaps, near.far) == (pytest.approx(0.5), False)
    away = grid_map.nearest((9, 12))
    assert (away.distance, away.gaps, away.far) == (pytest.approx(3), pytest.approx(3), True)


def test_words(grid_map):
    assert grid_map.describe((5, 5)) == "Nearest coded picture: Boot, right here."
    close = grid_map.describe((8.9, 1))
    assert close == "Nearest coded picture: Coat, 0.1 away (0.1 times the usual gap between codes)."
    assert grid_map.describe((-4, 0)).endswith("Far from every code: here the decoder guesses.")


def test_codes_that_coincide_have_no_usual_gap():
    latent_map = LatentMap(np.zeros((5, 2)), np.zeros(5, int), NAMES)
    near = latent_map.nearest((1, 0))
    assert near.gaps is None and near.far
    assert "times" not in latent_map.describe((1, 0))
    x_min, x_max, _, _ = latent_map.limits
    assert x_min < 0 < x_max


def test_limits_are_a_square_and_a_stray_code_does_not_move_them():
    rng = np.random.default_rng(0)
    points = rng.uniform((-4, 0), (4, 1), (10_000, 2))
    limits = square_limits(points)
    x_min, x_max, y_min, y_max = limits
    assert x_max - x_min == pytest.approx(y_max - y_min)
    assert x_min < -4 and x_max > 4 and (y_min + y_max) / 2 == pytest.approx(0.5, abs=0.02)
    stray = square_limits(np.vstack([points, [[1e6, 1e6]]]))
    assert stray == pytest.approx(limits, abs=0.01)


def test_subsample_keeps_every_class_in_its_share_and_is_the_same_every_time():
    labels = np.repeat([0, 1, 2], [9000, 900, 100])
    points = np.random.default_rng(0).normal(size=(10_000, 2))
    latent_map = LatentMap(points, labels, NAMES)
    drawn, classes = latent_map.subsample(3000)
    assert drawn.shape == (3000, 2) and drawn.dtype == np.float32
    assert np.abs(np.bincount(classes) - [2700, 270, 30]).max() <= 1
    assert len(np.unique(drawn, axis=0)) == 3000
    known = {tuple(row): label for row, label in zip(points.astype(np.float32).tolist(), labels, strict=True)}
    assert all(known[tuple(row)] == label for row, label in zip(drawn.tolist(), classes, strict=True))
    again, _ = latent_map.subsample(3000)
    np.testing.assert_array_equal(drawn, again)
    assert len(latent_map.subsample(20_000)[0]) == 10_000


def test_probes_find_the_crowd_and_the_place_where_classes_meet():
    rng = np.random.default_rng(1)
    sides = [np.array([x, 0]) + rng.normal(size=(2000, 2)) for x in (-3, 3)]
    crowd = np.array([-5, 0]) + rng.normal(size=(2000, 2)) * 0.05
    points, labels = np.vstack([*sides, crowd]), np.repeat([0, 1, 0], 2000)
    probes = LatentMap(points, labels, NAMES).probes((1, 2))
    assert probes["start"] == (1, 2)
    assert probes["crowd"] == (pytest.approx(-5, abs=0.2), pytest.approx(0, abs=0.2))
    assert abs(probes["border"][0]) < 0.5  # halfway between the two classes
    assert any(
        np.allclose(probes["border"], point) for point in points
    )  # where a code is, not beside the cloud


def test_clamp_keeps_a_place_on_the_map():
    latent_map = LatentMap([[0, 0], [1, 1]], [0, 1], NAMES, limits=(-1, 2, -3, 4))
    assert latent_map.clamp((9, -9)) == (2, -3)
    assert latent_map.clamp((0.5, 0.25)) == (0.5, 0.25)


def test_no_two_classes_look_alike():
    assert len({class_style(k) for k in range(50)}) == 50


def test_decode_one_passes_the_right_shape_and_rounds():
    seen = []

    def decode(z):
        seen.append(z)
        return np.full((1, 2, 3, 1), 0.5)

    pixels = decode_one(decode, (1, -2), (2, 3))
    assert seen[0].shape == (1, 2) and seen[0].dtype == np.float32 and seen[0].tolist() == [[1, -2]]
    assert pixels.dtype == np.uint8 and pixels.tolist() == [[128] * 3] * 2


@pytest.mark.parametrize(
    "image, words",
    [
        (np.zeros((1, 28, 28)), r"shape \(1, 28, 28, 1\).*Received: shape=\(1, 28, 28\)"),
        (np.full((1, 28, 28, 1), np.nan), "finite"),
        (np.full((1, 28, 28, 1), 255.0), r"\[0, 1\].*Received: 255"),
        (np.full((1, 28, 28, 1), -0.5), r"\[0, 1\].*Received: -0.5"),
    ],
)
def test_a_decoder_that_makes_no_picture_is_refused(image, words):
    with pytest.raises(ValueError, match=words):
        decode_one(lambda z: image, (0, 0), (28, 28))


@pytest.mark.parametrize(
    "change, words",
    [
        ({"points": np.zeros((4, 3))}, r"`points`.*shape=\(4, 3\)"),
        ({"points": np.zeros((1, 2)), "labels": [0]}, r"`points`.*N >= 2"),
        ({"points": [[0, 0], [np.nan, 0], [1, 1]]}, "1 of 3 rows"),
        ({"labels": [0, 1]}, "`labels` must be 3 integers"),
        ({"labels": [0.0, 1.0, 2.0]}, "dtype=float64"),
        ({"labels": [1, 2, 3]}, "0 to 2.*from 1 to 3"),
        ({"labels": [-1, 0, 1]}, "from -1 to 1"),
        ({"limits": (0, 1)}, "`limits` must be"),
        ({"limits": (1, 0, 0, 1)}, "x_min < x_max"),
        ({"limits": (0, np.inf, 0, 1)}, "`limits` must be"),
    ],
)
def test_bad_input_is_refused(change, words):
    good = {"points": [[0, 0], [1, 0], [0, 1]], "labels": [0, 1, 2], "class_names": NAMES}
    LatentMap(**good)
    with pytest.raises(ValueError, match=words):
        LatentMap(**{**good, **change})


@pytest.mark.parametrize("z", [(0,), (0, 0, 0), (np.nan, 0), "ab"])
def test_a_place_is_two_finite_numbers(z):
    with pytest.raises(ValueError):
        checked_place(z)


@pytest.mark.parametrize("shape", [(28,), (28, 28, 1), (0, 28), (28.5, 28)])
def test_an_image_shape_is_two_positive_integers(shape):
    with pytest.raises(ValueError, match="image_shape"):
        checked_image_shape(shape)
