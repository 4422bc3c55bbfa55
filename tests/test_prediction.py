"""Noise, clean picture and velocity: each gives the others back, at both ends of the schedule."""

import numpy as np
import pytest
from keras import ops

from diffusion_course.prediction import (
    PREDICTIONS,
    check_prediction,
    target,
    to_noise,
    to_velocity,
    to_x0,
    x0_weights,
)
from diffusion_course.schedules import NoiseSchedule

KINDS = pytest.mark.parametrize("kind", PREDICTIONS)
TO = {"noise": to_noise, "x0": to_x0, "velocity": to_velocity}


def case(t, dtype="float64", seed=0):
    s = NoiseSchedule.linear(1000)
    x0, noise = np.random.default_rng(seed).uniform(-1, 1, (2, 4, 3, 3, 1)).astype(dtype)
    signal, sigma = (np.asarray(v[t], dtype) for v in (s.signal, s.sigma))
    return x0, noise, signal * x0 + sigma * noise, signal, sigma


@KINDS
@pytest.mark.parametrize("wanted", PREDICTIONS)
@pytest.mark.parametrize("t", [0, 1, 500, 998, 999])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_target_gives_back_everything(kind, wanted, t, dtype):
    """The tolerance is rounding, magnified only where the mathematics divides by the smaller level."""
    x0, noise, x_t, signal, sigma = case(t, dtype)
    said = target(kind, x0, noise, signal, sigma)
    result = TO[wanted](kind, said, x_t, signal, sigma)
    magnified = {"noise": 1 / signal, "x0": 1 / sigma, "velocity": 1}[kind] if kind != wanted else 1
    np.testing.assert_allclose(
        result, target(wanted, x0, noise, signal, sigma), rtol=0, atol=8 * np.finfo(dtype).eps * magnified
    )
    assert result.dtype == dtype


@KINDS
@pytest.mark.parametrize("via", PREDICTIONS)
@pytest.mark.parametrize("t", [0, 300, 999])
def test_round_trips_of_any_prediction(kind, via, t):
    """Not only of true ones: a network's wrong prediction is one and the same statement in all three forms."""
    _, _, x_t, signal, sigma = case(t)
    said = np.random.default_rng(1).normal(size=x_t.shape)
    there = TO[via](kind, said, x_t, signal, sigma)
    np.testing.assert_allclose(TO[kind](via, there, x_t, signal, sigma), said, rtol=1e-9, atol=1e-9)


@KINDS
def test_picture_and_noise_always_make_up_x_t(kind):
    _, _, x_t, signal, sigma = case(400)
    said = np.random.default_rng(2).normal(size=x_t.shape)
    x0, noise = to_x0(kind, said, x_t, signal, sigma), to_noise(kind, said, x_t, signal, sigma)
    np.testing.assert_allclose(signal * x0 + sigma * noise, x_t, atol=1e-12)


@pytest.mark.parametrize("phi", [0.05, 0.7, 1.5])
def test_velocity_is_the_derivative_along_the_circle(phi):
    x0, noise = np.random.default_rng(3).normal(size=(2, 10))

    def point(angle):
        return np.cos(angle) * x0 + np.sin(angle) * noise

    h = 1e-5
    np.testing.assert_allclose(
        target("velocity", x0, noise, np.cos(phi), np.sin(phi)),
        (point(phi + h) - point(phi - h)) / (2 * h),
        atol=1e-8,
    )


def test_targets_are_what_their_names_say():
    x0, noise, _, signal, sigma = case(100)
    assert target("noise", x0, noise, signal, sigma) is noise
    assert target("x0", x0, noise, signal, sigma) is x0


@KINDS
def test_weights_are_those_of_to_x0_and_fit_numbers_and_columns(kind):
    s = NoiseSchedule.cosine(50)
    a, b = x0_weights(kind, s.signal, s.sigma)
    assert a.shape == b.shape == (50,)
    for t in (0, 25, 49):
        assert x0_weights(kind, s.signal[t], s.sigma[t]) == (a[t], b[t])
        assert to_x0(kind, 2.0, 3.0, s.signal[t], s.sigma[t]) == pytest.approx(3 * a[t] + 2 * b[t])


def test_an_error_in_the_noise_grows_without_bound_and_one_in_the_velocity_does_not():
    """Why the velocity: what an error of 0.01 in the prediction does to x0 at the last step."""
    s = NoiseSchedule.cosine(1000)
    error = {k: 0.01 * abs(x0_weights(k, s.signal[-1], s.sigma[-1])[1]) for k in PREDICTIONS}
    assert error["noise"] > 100 and error["velocity"] <= 0.01 and error["x0"] == 0.01


@KINDS
@pytest.mark.parametrize("wanted", PREDICTIONS)
def test_tensors_and_one_step_per_picture(kind, wanted):
    s, t = NoiseSchedule.linear(1000), np.array([0, 10, 500, 999])
    signal, sigma = s.at(s.signal, t, 4), s.at(s.sigma, t, 4)
    x_t, said = (ops.convert_to_tensor(v) for v in case(0, "float32")[:2])
    together = ops.convert_to_numpy(TO[wanted](kind, said, x_t, signal, sigma))
    for i in range(4):
        alone = TO[wanted](kind, said[i], x_t[i], np.float32(s.signal[t[i]]), np.float32(s.sigma[t[i]]))
        np.testing.assert_allclose(together[i], ops.convert_to_numpy(alone), rtol=1e-6)


@pytest.mark.parametrize("kind", ["", "eps", "Noise", "v", None])
def test_unknown_kinds_are_refused_everywhere(kind):
    words = "`prediction` must be one of noise, x0, velocity. Received: "
    with pytest.raises(ValueError, match=words):
        check_prediction(kind)
    with pytest.raises(ValueError, match=words):
        target(kind, 1.0, 1.0, 0.6, 0.8)
    for convert in TO.values():
        with pytest.raises(ValueError, match=words):
            convert(kind, 1.0, 1.0, 0.6, 0.8)
    with pytest.raises(ValueError, match=words):
        x0_weights(kind, 0.6, 0.8)
