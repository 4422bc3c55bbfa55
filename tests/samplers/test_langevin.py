"""A denoiser's score, Langevin dynamics and the probability-flow ODE, against closed forms and the exact toy."""

import numpy as np
import pytest
from keras import ops
from oracles import array, gaussian_oracle, noise
from scipy.integrate import solve_ivp

from diffusion_course.datasets.mixture import three_humps
from diffusion_course.prediction import PREDICTIONS
from diffusion_course.samplers.base import last
from diffusion_course.samplers.ddim import DDIMSampler
from diffusion_course.samplers.flow import follow_flow, last_x
from diffusion_course.samplers.langevin import annealed_langevin, langevin_sample, langevin_step
from diffusion_course.samplers.score import DenoiserScore, tweedie
from diffusion_course.schedules import NoiseSchedule

SCHEDULE = NoiseSchedule.cosine(200)


def test_langevin_on_a_gaussian_reaches_its_variance_and_the_steps_bias():
    variance, size, rng = 2.0, 1.0, np.random.default_rng(0)
    x = np.zeros(100_000)
    for _ in range(40):
        x = langevin_step(x, -x / variance, size, rng.standard_normal(x.shape))
    biased = variance / (1 - size / (4 * variance))  # a step keeps this variance: 14 % too much
    assert x.var() == pytest.approx(biased, rel=0.02) and biased > 1.1 * variance


@pytest.mark.parametrize("kind", PREDICTIONS)
def test_score_of_a_denoiser_is_that_of_the_noisy_data(kind):
    mean, variance = 0.4, 0.3
    score = DenoiserScore(gaussian_oracle(SCHEDULE, mean, variance, kind), SCHEDULE, prediction=kind)
    x = noise((5, 4, 4, 1)) + mean
    for sigma in score.levels(10, 0.1, 4):
        exact = -(x - mean) / (variance + sigma**2)
        np.testing.assert_allclose(array(score(x, sigma)), exact, rtol=2e-3, atol=2e-3 / sigma)
        clean = mean + variance / (variance + sigma**2) * (x - mean)  # the exact posterior mean
        np.testing.assert_allclose(array(tweedie(x, score(x, sigma), sigma)), clean, atol=3e-3)


def test_levels_fall_are_known_to_the_network_and_about_evenly_spaced():
    score = DenoiserScore(gaussian_oracle(SCHEDULE, 0, 1), SCHEDULE)
    levels = score.levels(20, 0.1, 12)
    assert len(levels) == 12 and (np.diff(levels) < 0).all() and set(levels) <= set(score.sigmas)
    assert levels[0] == pytest.approx(20, rel=0.15) and levels[-1] == pytest.approx(0.1, rel=0.15)
    assert np.diff(np.log(levels)).std() < 0.15
    assert len(score.levels(0.02, 0.01, 50)) < 10  # no more than the schedule has there


def test_a_level_that_the_network_does_not_know_is_refused():
    score = DenoiserScore(gaussian_oracle(SCHEDULE, 0, 1), SCHEDULE)
    with pytest.raises(ValueError, match=r"one of `sigmas`.*Received: 0.5;"):
        score(noise((2, 3)), 0.5)
    with pytest.raises(ValueError, match="no smaller"):
        score.levels(1, 2, 3)


def test_annealed_langevin_finds_the_shares_of_humps_and_a_single_level_does_not():
    toy, count = three_humps(), 1500
    start = noise((count, 2), seed=1)

    def exact(x, sigma):
        return ops.convert_to_tensor(toy.score(ops.convert_to_numpy(x), sigma), dtype="float32")

    # Humps hardly overlap at 0.3: each point stays in the hump that pulled it in.
    annealed = array(langevin_sample(exact, 6 * start, np.geomspace(6, 0.3, 25), repeats=10))
    stuck = array(langevin_sample(exact, 6 * start, [0.3], repeats=250))
    assert np.abs(toy.shares_of(annealed) - toy.shares).max() < 0.06
    assert np.abs(toy.shares_of(stuck) - toy.shares).max() > 0.2


def test_what_a_picture_gets_does_not_depend_on_its_batch():
    x = noise((4, 3))

    def walk(part, first):
        return array(last(annealed_langevin(lambda x, s: -x, x[part], [2.0, 1.0], seed=7, first=first)).x)

    whole = walk(slice(None), 0)
    np.testing.assert_allclose(walk(slice(2, 4), 2), whole[2:], rtol=1e-5)
    points = list(annealed_langevin(lambda x, s: -x, x, [2.0, 1.0]))
    assert [p.sigma for p in points] == [2.0, 1.0]


@pytest.mark.parametrize("options", [{"sigmas": [1, 2]}, {"sigmas": [1, 0]}, {"repeats": 0}, {"size": 0}])
def test_annealed_langevin_refuses(options):
    arguments = {"sigmas": [2.0, 1.0], **options}
    with pytest.raises(ValueError, match="Received"):
        annealed_langevin(lambda x, s: -x, noise((2, 2)), arguments.pop("sigmas"), **arguments)


def test_euler_along_the_flow_is_ddim():
    mean, variance = 0.3, 0.5
    denoise = gaussian_oracle(SCHEDULE, mean, variance)
    score, x_T = DenoiserScore(denoise, SCHEDULE), noise((3, 4, 4, 1))
    few = SCHEDULE.respace(7)
    sigmas = np.append((few.sigma / few.signal)[::-1], 0.0)
    euler = array(last_x(score.noise, x_T / few.signal[-1], sigmas, order=1))
    ddim = array(DDIMSampler(SCHEDULE, clip=None).sample(denoise, x_T, steps=7))
    np.testing.assert_allclose(euler, ddim, atol=5e-3)  # float32, from sigma = 1,000 at the start


def exact_end(toy, x, begin, end):
    slope = lambda sigma, flat: toy.noise_mean(flat.reshape(-1, 2), sigma).ravel()  # noqa: E731
    return solve_ivp(slope, (begin, end), x.ravel(), rtol=1e-10, atol=1e-10).y[:, -1].reshape(-1, 2)


@pytest.mark.parametrize("order, low, high", [(1, 0.85, 1.15), (2, 1.8, 2.3)])
def test_errors_fall_with_the_order_of_the_method(order, low, high):
    toy, x = three_humps(), np.array([[2.0, 1.0], [-1.5, 2.0], [0.3, -2.0]])
    exact, errors = exact_end(toy, x, 3.0, 0.5), []
    for steps in (20, 40):
        sigmas = np.geomspace(3.0, 0.5, steps + 1)
        found = last_x(
            lambda x, s: ops.convert_to_tensor(toy.noise_mean(ops.convert_to_numpy(x), s), dtype="float32"),
            x, sigmas, order=order,
        )  # fmt: skip
        errors.append(np.abs(array(found) - exact).max())
    assert low < np.log2(errors[0] / errors[1]) < high


def test_the_flow_goes_up_as_well_as_down():
    def flow(x, sigma):  # of data N(0, 1)
        return sigma * x / (1 + sigma**2)

    x, levels = noise((5, 3)), np.linspace(0, 2, 101)
    up = array(last_x(flow, x, levels))
    np.testing.assert_allclose(up, x * np.sqrt(1 + 4), rtol=1e-3)
    np.testing.assert_allclose(array(last_x(flow, up, levels[::-1])), x, atol=1e-3)
    assert len(list(follow_flow(flow, x, levels))) == 100


@pytest.mark.parametrize("sigmas, order", [([1.0], 1), ([1, 2, 1], 1), ([1, -1], 1), ([2, 1], 3)])
def test_follow_flow_refuses(sigmas, order):
    with pytest.raises(ValueError, match="Received"):
        follow_flow(lambda x, s: x, noise((2, 2)), sigmas, order=order)
