"""All samplers with denoisers that know the answer."""

import numpy as np
import pytest
from oracles import array, gaussian_oracle, noise, tensor

from diffusion_course.prediction import PREDICTIONS
from diffusion_course.samplers.ddim import DDIMSampler
from diffusion_course.samplers.ddpm import DDPMSampler
from diffusion_course.samplers.dpm_solver import DPMSolverSampler
from diffusion_course.schedules import NoiseSchedule

SCHEDULE = NoiseSchedule.linear(200)
SAMPLERS = {
    "ddpm small": lambda schedule=SCHEDULE, **options: DDPMSampler(schedule, **options),
    "ddpm large": lambda schedule=SCHEDULE, **options: DDPMSampler(schedule, variance="large", **options),
    "ddim": lambda schedule=SCHEDULE, **options: DDIMSampler(schedule, **options),
    "ddim 0.5": lambda schedule=SCHEDULE, **options: DDIMSampler(schedule, eta=0.5, **options),
    "ddim 1": lambda schedule=SCHEDULE, **options: DDIMSampler(schedule, eta=1.0, **options),
    "dpm": lambda schedule=SCHEDULE, **options: DPMSolverSampler(schedule, **options),
    "dpm 1": lambda schedule=SCHEDULE, **options: DPMSolverSampler(schedule, eta=1.0, **options),
}
PICTURE = np.random.default_rng(9).uniform(-0.95, 0.95, size=(1, 4, 3, 2)).astype("float32")


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("kind", PREDICTIONS)
def test_one_picture_comes_back(name, kind):
    sampler = SAMPLERS[name](prediction=kind)
    denoise = gaussian_oracle(SCHEDULE, PICTURE, 0.0, kind)
    for steps in (1, 2, 13, [0, 50, 199], None):
        x_0 = array(sampler.sample(denoise, noise((2, 4, 3, 2)), steps=steps, seed=5))
        np.testing.assert_allclose(x_0, np.repeat(PICTURE, 2, 0), atol=5e-5)


def moments(table, schedule, mean, variance):
    """Mean and variance of the samples for Gaussian data, exactly: each step is linear in (x, x0_hat of before)."""
    m, v = np.zeros(2), np.diag([1.0, 0.0])
    for i in reversed(range(len(table["t"]))):
        signal, sigma = schedule.signal[table["t"][i]], schedule.sigma[table["t"][i]]
        gain = variance * signal / (variance * signal**2 + sigma**2)
        a, b, rate = table["a"][i], table["b"][i], table["m"][i]
        step = np.array([[a * (1 + rate) * gain + b, -a * rate], [gain, 0.0]])
        m = step @ m + np.array([a * (1 + rate), 1.0]) * mean * (1 - gain * signal)
        v = step @ v @ step.T + np.diag([table["s"][i] ** 2, 0.0])
    return m[0], v[0, 0]


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("steps", [None, 20])
def test_gaussian_data_have_the_moments_of_the_mathematics(name, steps):
    mean, variance, n = 0.4, 0.09, 100_000
    sampler = SAMPLERS[name](clip=None)
    m, v = moments(sampler.table(steps), SCHEDULE, mean, variance)
    x = array(
        sampler.sample(gaussian_oracle(SCHEDULE, mean, variance), noise((10, n // 10)), steps=steps, seed=1)
    )
    assert abs(x.mean() - m) < 4 * np.sqrt(v / n)
    assert abs(x.var() - v) < 4 * v * np.sqrt(2 / n)


@pytest.mark.parametrize("name", SAMPLERS)
def test_many_steps_reach_the_data(name):
    mean, variance = 0.4, 0.09
    errors = []
    for steps in (25, 100, 1000):
        schedule = NoiseSchedule.linear(1000)
        m, v = moments(SAMPLERS[name](schedule, clip=None).table(steps), schedule, mean, variance)
        assert abs(m - mean) < 0.01
        errors.append(abs(v / variance - 1))
    # The error falls with the number of steps; "small" is too narrow for data as wide as these, for longest.
    assert errors[0] > errors[1] > 4 * errors[2] and errors[2] < 0.03


def test_large_variance_is_exact_for_noise_and_small_for_one_picture():
    """Ho et al. 2020, section 3.2: the two extremes of what the data may be."""
    schedule = NoiseSchedule.linear(1000).respace(10)
    for variance, name, other in ((1.0, "ddpm large", "ddpm small"), (0.0, "ddpm small", "ddpm large")):
        # The variance before the last step, which adds no noise, is that of the noisy data at the first step.
        right = variance * schedule.alpha_bars[0] + 1 - schedule.alpha_bars[0]
        found = {}
        for which in (name, other):
            table = {k: column[1:] for k, column in SAMPLERS[which](schedule, clip=None).table().items()}
            table["t"] = np.arange(1, 10)
            found[which] = moments(table, schedule, 0.0, variance)[1]
        assert abs(found[name] / right - 1) < 1e-3
        assert abs(found[other] / right - 1) > 0.2


@pytest.mark.parametrize("steps", [None, 1, 2, 20, [3, 99, 199]])
@pytest.mark.parametrize("kind", PREDICTIONS)
@pytest.mark.parametrize(
    "schedule", [SCHEDULE, NoiseSchedule.cosine(200), NoiseSchedule.scaled_linear(200)], ids=lambda s: s.name
)
def test_ddim_with_eta_1_is_ddpm(schedule, kind, steps):
    ddim = DDIMSampler(schedule, prediction=kind, eta=1.0).table(steps)
    ddpm = DDPMSampler(schedule, prediction=kind).table(steps)
    assert list(ddim) == list(ddpm)
    for column in ddpm:
        np.testing.assert_allclose(ddim[column], ddpm[column], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("steps", [None, 20])
def test_ddim_with_eta_1_draws_the_samples_of_ddpm(steps):
    denoise = gaussian_oracle(SCHEDULE, 0.2, 0.2)
    a, b = (
        array(sampler.sample(denoise, noise((64, 1)), steps=steps, seed=8))
        for sampler in (DDIMSampler(SCHEDULE, eta=1.0), DDPMSampler(SCHEDULE))
    )
    np.testing.assert_allclose(a, b, atol=2e-5)
    assert a.std() > 0.3


def test_clip_is_honoured_in_picture_and_direction():
    def too_bright(x, t):
        return 0 * x + 5.0

    for clip in ((-1.0, 1.0), (-0.5, 2.0)):
        for name in SAMPLERS:
            sampler = SAMPLERS[name](prediction="x0", clip=clip)
            film = list(sampler(too_bright, noise((2, 3)), steps=4))
            assert all((array(point.x0_hat) == clip[1]).all() for point in film)
            np.testing.assert_allclose(array(film[-1].x), clip[1], atol=1e-6)
    *_, end = DDIMSampler(SCHEDULE, prediction="x0", clip=None)(too_bright, noise((2, 3)), steps=4)
    assert (array(end.x0_hat) == 5).all()
    # DDIM keeps x_t consistent: what is not clipped picture is noise, derived again after clipping.
    x_T = noise((2, 3))
    x = next(DDIMSampler(SCHEDULE, prediction="x0")(too_bright, tensor(x_T), steps=2)).x
    high, low = SCHEDULE.respace(2).signal[::-1], SCHEDULE.respace(2).sigma[::-1]
    eps = (x_T - high[0] * 1.0) / low[0]
    np.testing.assert_allclose(array(x), high[1] * 1.0 + low[1] * eps, atol=1e-5)


@pytest.mark.parametrize("name", SAMPLERS)
def test_table_ends_without_noise_and_keeps_the_networks_numbering(name):
    table = SAMPLERS[name]().table(4)
    assert table["t"].tolist() == [49, 99, 149, 199]
    assert table["s"][0] == 0 and (table["s"][1:] > 0).all() == (name not in ("ddim", "dpm"))
    assert all(table[column].dtype == np.float64 for column in table if column != "t")
