"""DDIM's own: the way up."""

import numpy as np
import pytest
from oracles import array, gaussian_oracle, noise

from diffusion_course.prediction import PREDICTIONS
from diffusion_course.samplers.ddim import DDIMSampler
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
    down = [point.x for point in sampler(denoise, x_T, steps=20)]
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
    sampler = DDIMSampler(SCHEDULE)
    film = list(sampler.invert(denoise, x_0, steps=12))
    assert len(film) == 12 and np.abs(array(film[0].x0_hat)).max() > 1
    np.testing.assert_array_equal(array(film[-1].x), array(sampler.encode(denoise, x_0, steps=12)))
    np.testing.assert_allclose([p.alpha_bar for p in film], SCHEDULE.respace(12).alpha_bars)
    assert np.abs(array(next(sampler.invert(denoise, x_0, steps=12, clip=(-1, 1))).x0_hat)).max() == 1
