"""Chapter 10's reference solutions against truths that are known without them."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from diffusion_course.datasets.mixture import three_humps
from diffusion_course.exercises import ch10

rng = np.random.default_rng(0)


def test_clean_mean_is_the_posterior_mean_of_shrunken_points():
    mixture, signal, sigma = three_humps(), 0.6, 0.8
    x_t = rng.normal(size=(50, 2))
    # x_t / signal is x_0 + sigma / signal noise, whose score is `signal` times as steep as that of x_t.
    score = mixture.score(x_t / signal, sigma / signal) / signal
    expected = mixture.clean_mean(x_t / signal, sigma / signal)
    np.testing.assert_allclose(ch10.clean_mean(x_t, score, signal, sigma), expected, atol=1e-9)


def test_annealed_langevin_ends_with_the_variance_of_its_last_level():
    levels, size = np.geomspace(5, 0.5, 10), 0.1
    z = rng.standard_normal((10, 20, 20_000, 1))
    end = ch10.annealed(
        lambda x, s: -x / (0.01 + s**2), 5 * rng.standard_normal((20_000, 1)), levels, size, z
    )
    expected = ch10.langevin_variance(0.01 + 0.5**2, size * 0.5**2)
    # Twenty steps at a level do not quite forget the one before, whose variance is larger.
    assert 0.97 * expected < end.var() < 1.25 * expected
    assert abs(end.mean()) < 0.04


def test_heun_step_errs_by_the_third_power_of_its_length():
    mixture, x = three_humps(), np.array([[1.0, 2.0]])

    def slope(sigma, flat):
        return mixture.noise_mean(flat[None], sigma)[0]

    errors = []
    for length in (0.2, 0.1):
        exact = solve_ivp(slope, (2.0, 2.0 - length), x[0], rtol=1e-12, atol=1e-12).y[:, -1]
        errors.append(np.abs(ch10.heun_step(mixture.noise_mean, x, 2.0, 2.0 - length) - exact).max())
    assert 7 < errors[0] / errors[1] < 9


@pytest.mark.parametrize("variance, size", [(1.0, 0.5), (4.0, 3.0)])
def test_langevin_variance_is_the_one_that_a_step_keeps(variance, size):
    v = ch10.langevin_variance(variance, size)
    assert (1 - size / (2 * variance)) ** 2 * v + size == pytest.approx(v)


def test_mixed_noise_is_as_strong_as_noise_and_lies_on_the_line():
    a, b = rng.standard_normal((2, 100_000))
    for share in (0.0, 0.3, 0.5, 1.0):
        mixed = ch10.mix_noise(a, b, share)
        assert mixed.std() == pytest.approx(1, abs=0.01)
        line = (1 - share) * a + share * b
        np.testing.assert_allclose(mixed * line[0], line * mixed[0], atol=1e-9)
