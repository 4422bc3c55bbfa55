"""DPM-Solver++(2M): the published formulas, its order, and where it is DDIM."""

import numpy as np
import pytest
from oracles import array, gaussian_oracle, noise

from diffusion_course.prediction import PREDICTIONS
from diffusion_course.samplers.ddim import DDIMSampler
from diffusion_course.samplers.dpm_solver import DPMSolverSampler
from diffusion_course.schedules import NoiseSchedule

SCHEDULE = NoiseSchedule.linear(1000)


@pytest.mark.parametrize("kind", PREDICTIONS)
@pytest.mark.parametrize("schedule", [SCHEDULE, NoiseSchedule.cosine(1000)], ids=lambda s: s.name)
@pytest.mark.parametrize("eta", [0, 1])
def test_steps_are_those_of_the_paper(eta, schedule, kind):
    """Algorithm 2 of Lu et al. 2022 for eta = 0, and its SDE form for eta = 1, in the paper's symbols."""
    short, x = schedule.respace(12), noise((50, 1)).astype(np.float64)
    alpha, sigma = short.signal[::-1], short.sigma[::-1]
    lam = np.log(alpha / sigma)
    denoise = gaussian_oracle(schedule, 0.3, 0.16, kind)
    film = [
        array(x)
        for x, _ in DPMSolverSampler(schedule, prediction=kind, eta=eta, clip=None)(denoise, x, steps=12)
    ]
    before = None
    for i in range(11):
        gain = 0.16 * alpha[i] / (0.16 * alpha[i] ** 2 + sigma[i] ** 2)
        x0 = 0.3 + gain * (x - alpha[i] * 0.3)
        h = lam[i + 1] - lam[i]
        if before is None:
            D = x0
        else:
            r = (lam[i] - lam[i - 1]) / h
            D = (1 + 1 / (2 * r)) * x0 - 1 / (2 * r) * before
        if eta == 0:
            mean, spread = sigma[i + 1] / sigma[i] * x - alpha[i + 1] * np.expm1(-h) * D, 0.0
        else:
            mean = sigma[i + 1] / sigma[i] * np.exp(-h) * x - alpha[i + 1] * np.expm1(-2 * h) * D
            spread = sigma[i + 1] * np.sqrt(-np.expm1(-2 * h))
        z = film[i] - mean  # the noise that was added
        if eta == 0:
            np.testing.assert_allclose(z, 0, atol=2e-3)
        else:
            assert abs(z.std() / spread - 1) < 0.35 and abs(z.mean()) < 4 * spread / np.sqrt(50)
        x, before = film[i], x0


END = (
    20  # the level at which walks are compared; below it, neighbours of the schedule lie far apart in log-SNR
)


def error(make, steps: int) -> float:
    """Of the walk down to ``END``, against the exact map of quantiles to quantiles."""
    mean, variance, x_T = 0.3, 0.16, noise((200, 1), seed=3)
    levels = np.linspace(SCHEDULE.log_snr[-1], SCHEDULE.log_snr[END], steps)
    visited = np.unique([np.abs(SCHEDULE.log_snr - level).argmin() for level in levels]).tolist()
    film = make(SCHEDULE, clip=None)(gaussian_oracle(SCHEDULE, mean, variance), x_T, steps=visited)
    x = array([x for x, _ in film][-2])

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
    assert (dpm.pop("m") == 0).all() and list(dpm) == list(ddim)
    assert all((dpm[column] == ddim[column]).all() for column in ddim)
