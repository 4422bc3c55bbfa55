"""DPM-Solver++(2M): the published formulas, its order, and where it is DDIM."""

import numpy as np
import pytest
from oracles import array, gaussian_oracle, noise

from diffusion_course.prediction import PREDICTIONS
from diffusion_course.samplers.ddim import DDIMSampler
from diffusion_course.samplers.dpm_solver import DPMSolverSampler
from diffusion_course.schedules import NoiseSchedule

SCHEDULE = NoiseSchedule.linear(1000)


@pytest.mark.parametrize("schedule", [SCHEDULE, NoiseSchedule.cosine(1000)], ids=lambda s: s.name)
@pytest.mark.parametrize("eta", [0, 1])
def test_numbers_are_those_of_the_paper(eta, schedule):
    """Algorithm 2 of Lu et al. 2022 for eta = 0, and its SDE form for eta = 1, in the paper's symbols."""
    short = schedule.respace(12)
    found = {k: column[::-1] for k, column in DPMSolverSampler(schedule, eta=eta).table(12).items()}
    alpha, sigma = short.signal[::-1], short.sigma[::-1]
    lam = np.log(alpha / sigma)
    h = np.diff(lam)  # of the steps 0 to 10; the last one is endless
    if eta == 0:
        a, b, s = -alpha[1:] * np.expm1(-h), sigma[1:] / sigma[:-1], 0 * h
    else:
        a, b = -alpha[1:] * np.expm1(-2 * h), sigma[1:] / sigma[:-1] * np.exp(-h)
        s = sigma[1:] * np.sqrt(-np.expm1(-2 * h))
    r = h[:-1] / h[1:]
    for column, paper in (("a", a), ("b", b), ("s", s)):
        np.testing.assert_allclose(found[column][:-1], paper, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(found["m"][1:-1], 1 / (2 * r), rtol=1e-8)
    assert found["m"][0] == found["m"][-1] == 0


@pytest.mark.parametrize("kind", PREDICTIONS)
def test_walk_looks_ahead(kind):
    """D = (1 + 1 / 2r) x0_hat - 1 / 2r x0_hat_before takes the place of x0_hat, step by step."""
    short, x = SCHEDULE.respace(12), noise((50, 1)).astype(np.float64)
    table = {k: column[::-1] for k, column in DPMSolverSampler(SCHEDULE).table(12).items()}
    lam = np.log(short.signal / short.sigma)[::-1]
    denoise = gaussian_oracle(SCHEDULE, 0.3, 0.16, kind)
    film = DPMSolverSampler(SCHEDULE, prediction=kind, clip=None)(denoise, x, steps=12)
    before = None
    for i, point in enumerate(film):
        signal, sigma = short.signal[::-1][i], short.sigma[::-1][i]
        x0 = 0.3 + 0.16 * signal / (0.16 * signal**2 + sigma**2) * (x - signal * 0.3)
        D = x0
        if 0 < i < 11:
            r = (lam[i] - lam[i - 1]) / (lam[i + 1] - lam[i])
            D = (1 + 1 / (2 * r)) * x0 - 1 / (2 * r) * before
        x, before = table["a"][i] * D + table["b"][i] * x, x0
        np.testing.assert_allclose(array(point.x), x, atol=2e-3)
        np.testing.assert_allclose(array(point.x0_hat), x0, atol=2e-3)


# The level at which walks are compared; below it, neighbours of the schedule lie far apart in log-SNR.
END = 20


def error(make, steps: int) -> float:
    """Of the walk down to ``END``, against the exact map of quantiles to quantiles."""
    mean, variance, x_T = 0.3, 0.16, noise((200, 1), seed=3)
    levels = np.linspace(SCHEDULE.log_snr[-1], SCHEDULE.log_snr[END], steps)
    visited = np.unique([np.abs(SCHEDULE.log_snr - level).argmin() for level in levels]).tolist()
    film = make(SCHEDULE, clip=None)(gaussian_oracle(SCHEDULE, mean, variance), x_T, steps=visited)
    x = array([point.x for point in film][-2])

    def spread(i):
        return np.sqrt(variance * SCHEDULE.alpha_bars[i] + 1 - SCHEDULE.alpha_bars[i])

    exact = SCHEDULE.signal[END] * mean + spread(END) / spread(-1) * (x_T - SCHEDULE.signal[-1] * mean)
    return np.abs(x - exact).mean()


def test_error_is_of_second_order():
    """Four times as many steps: a method of first order gains 4 times, one of second order 16 times, in the limit."""
    for coarse, fine in ((8, 32), (16, 64)):
        assert 3.5 < error(DDIMSampler, coarse) / error(DDIMSampler, fine) < 4.5
        assert error(DPMSolverSampler, coarse) / error(DPMSolverSampler, fine) > 8
        assert error(DPMSolverSampler, coarse) < error(DDIMSampler, coarse) / 5


@pytest.mark.parametrize("eta", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("steps", [1, 2, [0, 999]])
def test_first_and_last_step_are_those_of_ddim(eta, steps):
    dpm, ddim = (make(SCHEDULE, eta=eta).table(steps) for make in (DPMSolverSampler, DDIMSampler))
    assert (dpm["m"] == 0).all() and list(dpm) == list(ddim)
    assert all((dpm[column] == ddim[column]).all() for column in ddim)
