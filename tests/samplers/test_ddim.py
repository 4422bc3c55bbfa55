"""DDIM's own: the way up, and noise between noises."""

import numpy as np
import pytest
from oracles import array, gaussian_oracle, noise

from diffusion_course.prediction import PREDICTIONS
from diffusion_course.samplers.ddim import DDIMSampler, interpolate_noise
from diffusion_course.schedules import NoiseSchedule

SCHEDULE = NoiseSchedule.linear(1000)
PICTURE = np.random.default_rng(2).uniform(-0.9, 0.9, size=(1, 3, 3, 1)).astype("float32")


@pytest.mark.parametrize("kind", PREDICTIONS)
@pytest.mark.parametrize("steps", [1, 10, 50])
def test_round_trip_of_one_picture_is_exact(kind, steps):
    sampler = DDIMSampler(SCHEDULE, prediction=kind)
    denoise = gaussian_oracle(SCHEDULE, PICTURE, 0.0, kind)
    x_T = sampler.encode(denoise, PICTURE, steps=steps)
    np.testing.assert_allclose(array(sampler.sample(denoise, x_T, steps=steps)), PICTURE, atol=5e-5)


@pytest.mark.parametrize("kind", PREDICTIONS)
def test_way_up_from_the_first_level_is_exact_for_one_picture(kind):
    """There the noise is the same at all levels, so that going up undoes going down, whatever the noise."""
    sampler = DDIMSampler(SCHEDULE, prediction=kind, clip=None)
    denoise = gaussian_oracle(SCHEDULE, PICTURE, 0.0, kind)
    x_T = noise((2, 3, 3, 1))
    down = [x for x, _ in sampler(denoise, x_T, steps=20)]
    up = {k: column[1:] for k, column in sampler.inversion_table(20).items()}  # without the step from x_0
    x = array(down[-2])
    for i in range(19):
        prediction = array(denoise(x.astype("float32"), np.full(2, up["t"][i])))
        x = up["a"][i] * (up["c_x"][i] * x + up["c_p"][i] * prediction) + up["b"][i] * x
    np.testing.assert_allclose(x, x_T, atol=2e-3)


@pytest.mark.parametrize("kind", PREDICTIONS)
def test_round_trip_on_gaussian_data_improves_with_steps(kind):
    sampler = DDIMSampler(SCHEDULE, prediction=kind, clip=None)
    denoise = gaussian_oracle(SCHEDULE, 0.3, 0.16, kind)
    x_0 = 0.3 + 0.4 * noise((500, 1), seed=1)
    errors = []
    for steps in (10, 40, 160):
        x_T = sampler.encode(denoise, x_0, steps=steps)
        errors.append(np.abs(array(sampler.sample(denoise, x_T, steps=steps)) - x_0).mean())
    assert errors[1] < errors[0] / 2 and errors[2] < errors[1] / 2.5 and errors[2] < 0.02
    exact = (x_0 - 0.3) / 0.4  # the map of the continuous process: quantiles to quantiles
    assert np.abs(array(x_T) - exact).mean() < 0.05


def test_invert_shows_what_encode_returns_and_leaves_the_clip_off():
    denoise = gaussian_oracle(SCHEDULE, 0.0, 1.0)
    x_0 = 3 * noise((4, 2))
    for compile in (True, False):
        sampler = DDIMSampler(SCHEDULE, compile=compile)
        film = list(sampler.invert(denoise, x_0, steps=12))
        assert len(film) == 12 and np.abs(array(film[0][1])).max() > 1
        np.testing.assert_allclose(
            array(film[-1][0]), array(sampler.encode(denoise, x_0, steps=12)), atol=1e-5
        )
        assert np.abs(array(next(sampler.invert(denoise, x_0, steps=12, clip=(-1, 1)))[1])).max() == 1


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
