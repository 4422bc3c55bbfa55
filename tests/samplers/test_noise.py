"""Noise of its own for each picture, and noise between noises."""

import numpy as np
import pytest
from oracles import array, noise

from diffusion_course.samplers.noise import PictureNoise, interpolate_noise


def test_noise_is_standard_normal_and_never_repeats():
    draw = PictureNoise((4, 50, 1000), seed=1)
    one, two = draw().astype(np.float64), draw().astype(np.float64)
    n = one.size
    for x in (one, two):
        assert abs(x.mean()) < 4 / np.sqrt(n) and abs(x.var() - 1) < 4 * np.sqrt(2 / n)
        assert abs((x**4).mean() - 3) < 4 * np.sqrt(96 / n)
    streams = [*one, *two]  # four pictures, twice: none like another
    for i, a in enumerate(streams):
        for b in streams[:i]:
            assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 5 / np.sqrt(a.size)


@pytest.mark.parametrize("seed", [0, 1, 7, 2**40])
def test_noise_on_the_way_is_not_the_noise_at_the_start(seed):
    # A pipeline draws its start from default_rng(seed). NumPy fills short seeds with zeros: [seed, 0] would be that.
    start = np.random.default_rng(seed).standard_normal((1, 1000), dtype="float32")
    for first in range(3):
        assert abs(np.corrcoef(start, PictureNoise((1, 1000), seed=seed, first=first)())[0, 1]) < 0.2


def test_a_picture_has_the_same_noise_in_every_batch():
    wide, narrow = PictureNoise((6, 5), seed=3), PictureNoise((2, 5), seed=3, first=2)
    for _ in range(3):
        np.testing.assert_array_equal(wide()[2:4], narrow())
    assert np.abs(PictureNoise((6, 5), seed=4)() - PictureNoise((6, 5), seed=3)()).max() > 0.1


@pytest.mark.parametrize(
    "arguments", [{"seed": -1}, {"seed": 0.5}, {"seed": True}, {"first": -2}, {"first": None}]
)
def test_refuses_what_is_no_number_of_a_picture(arguments):
    name = next(iter(arguments))
    with pytest.raises(ValueError, match=f"`{name}` must be an integer of 0 or more. Received: {name}="):
        PictureNoise((2, 3), **arguments)


def test_interpolated_noise_keeps_its_norm_and_ends():
    a, b = noise((5, 8, 8, 1), 1), noise((5, 8, 8, 1), 2)
    norm = lambda x: np.sqrt((np.asarray(x, np.float64) ** 2).sum(axis=(1, 2, 3)))  # noqa: E731
    b *= (norm(a) / norm(b))[:, None, None, None].astype("float32")
    assert (array(interpolate_noise(a, b, 0.0)) == a).all()
    assert (array(interpolate_noise(a, b, 1.0)) == b).all()
    for share in (0.1, 0.5, 0.8, np.linspace(0, 1, 5)):
        np.testing.assert_allclose(norm(array(interpolate_noise(a, b, share))), norm(a), rtol=1e-5)
    np.testing.assert_allclose(array(interpolate_noise(a, a, 0.3)), a, rtol=1e-5)
    # Equal shares of the angle.
    quarter, half = interpolate_noise(a, b, 0.25), interpolate_noise(a, b, 0.5)
    np.testing.assert_allclose(array(interpolate_noise(a, half, 0.5)), array(quarter), atol=1e-5)


def test_interpolation_refuses_two_shapes():
    with pytest.raises(ValueError, match=r"one shape.*\(2, 3\)"):
        interpolate_noise(noise((2, 3)), noise((2, 4)), 0.5)
