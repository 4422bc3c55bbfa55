"""Sampling and KL: moments, closed forms against numerical integration, serialisation."""

import keras
import numpy as np
import pytest

from diffusion_course.layers.gaussian import Sampling, kl_to_standard_normal


@pytest.mark.parametrize(("mean", "log_var"), [(0.0, 0.0), (1.5, -1.0), (-0.3, 0.7), (2.0, -4.0)])
def test_kl_equals_the_integral(mean, log_var):
    z = np.linspace(-30, 30, 400_001)
    log_q = -0.5 * ((z - mean) ** 2 / np.exp(log_var) + log_var + np.log(2 * np.pi))
    log_p = -0.5 * (z**2 + np.log(2 * np.pi))
    integral = np.trapezoid(np.exp(log_q) * (log_q - log_p), z)
    ours = kl_to_standard_normal(np.array([[mean]], "float32"), np.array([[log_var]], "float32"))
    np.testing.assert_allclose(float(ours[0]), integral, atol=1e-5)


def test_kl_adds_over_dimensions_and_vanishes_only_at_the_prior():
    zeros = np.zeros((1, 3), "float32")
    assert float(kl_to_standard_normal(zeros, zeros)[0]) == 0
    mean = np.array([[0.5, 0, 0]], "float32")
    assert float(kl_to_standard_normal(mean, zeros)[0]) == pytest.approx(0.125)
    both = np.array([[0.5, 0.5, 0]], "float32")
    assert float(kl_to_standard_normal(both, zeros)[0]) == pytest.approx(0.25)


def test_samples_have_the_right_moments():
    mean = np.tile(np.array([[1.0, -2.0]], "float32"), (100_000, 1))
    log_var = np.tile(np.log(np.array([[4.0, 0.25]], "float32")), (100_000, 1))
    z = keras.ops.convert_to_numpy(Sampling(seed=1)(mean, log_var))
    np.testing.assert_allclose(z.mean(axis=0), [1.0, -2.0], atol=0.03)
    np.testing.assert_allclose(z.std(axis=0), [2.0, 0.5], rtol=0.02)
    assert abs(np.corrcoef(z.T)[0, 1]) < 0.02


def test_noise_differs_between_calls_and_repeats_with_the_seed():
    zeros = np.zeros((4, 2), "float32")
    layer = Sampling(seed=5)
    first, second = (keras.ops.convert_to_numpy(layer(zeros, zeros)) for _ in range(2))
    assert not np.allclose(first, second)
    np.testing.assert_array_equal(first, Sampling(seed=5)(zeros, zeros))


def test_serialises():
    layer = Sampling(seed=3)
    again = Sampling.from_config(layer.get_config())
    assert again.get_config() == layer.get_config() and again.seed == 3
