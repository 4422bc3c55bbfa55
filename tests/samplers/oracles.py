"""Denoisers that know the truth, for tests: no network, no training."""

import numpy as np
from keras import ops

from diffusion_course.prediction import target


def tensor(x):
    return ops.convert_to_tensor(np.asarray(x, "float32"))


def array(x):
    return ops.convert_to_numpy(x).astype(np.float64)


def noise(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def gaussian_oracle(schedule, mean, variance, kind="noise"):
    """E[x0 | x_t] for data N(mean, variance), as a prediction; variance 0 is a data set of one picture.

    It looks up ``t`` in the schedule that it was "trained" with, so that a wrong numbering gives wrong pictures.
    """

    def denoise(x, t):
        x, t = array(x), ops.convert_to_numpy(t)
        signal, sigma = (
            column[t].reshape((-1,) + (1,) * (x.ndim - 1)) for column in (schedule.signal, schedule.sigma)
        )
        gain = variance * signal / (variance * signal**2 + sigma**2)
        x0 = mean + gain * (x - signal * mean)
        return target(kind, x0, (x - signal * x0) / sigma, signal, sigma)

    return denoise
