"""Noise from two numbers, and compiled functions that see a model's current weights."""

import keras
import numpy as np
import pytest
from keras import ops

from diffusion_course.backend import compile_function, stateless_normal


def normal(shape, seed, index):
    return ops.convert_to_numpy(stateless_normal(shape, seed, index))


def scalar(value):
    return ops.convert_to_tensor(value, dtype="int32")


@pytest.mark.parametrize("shape", [(1,), (3, 5), (2, 4, 4, 3)])
@pytest.mark.parametrize("jit", [False, True])
def test_noise_is_the_same_inside_and_outside_of_compilation(shape, jit):
    compiled = compile_function(lambda seed, index: stateless_normal(shape, seed, index), jit=jit)
    inside = ops.convert_to_numpy(compiled(scalar(7), scalar(11)))
    assert inside.shape == shape and inside.dtype == np.float32
    np.testing.assert_allclose(inside, normal(shape, 7, 11), atol=2e-6)


@pytest.mark.parametrize("jit", [False, True])
def test_noise_is_the_same_inside_a_compiled_loop(jit):
    def total(x, seed):
        def body(k, x):
            return x + ops.cast(k + 1, "float32") * stateless_normal(ops.shape(x), seed, k)

        return ops.fori_loop(0, 4, body, x)

    inside = compile_function(total, jit=jit)(ops.zeros((3, 5)), scalar(2))
    outside = sum((k + 1) * normal((3, 5), 2, k) for k in range(4))
    np.testing.assert_allclose(ops.convert_to_numpy(inside), outside, atol=1e-5)


def test_noise_is_standard_normal():
    x = normal((400, 500), 1, 2).astype(np.float64)
    n = x.size
    assert abs(x.mean()) < 4 / np.sqrt(n)
    assert abs(x.var() - 1) < 4 * np.sqrt(2 / n)
    assert abs((x**3).mean()) < 4 * np.sqrt(15 / n)
    assert abs((x**4).mean() - 3) < 4 * np.sqrt(96 / n)


@pytest.mark.parametrize("other", [(1, 3), (2, 2), (2, 1), (0, 2), (1, 1000)])
def test_noise_of_another_seed_or_index_is_independent(other):
    x, y = normal((100_000,), 1, 2), normal((100_000,), *other)
    assert abs(np.corrcoef(x, y)[0, 1]) < 4 / np.sqrt(len(x))
    assert np.isin(x[:1000], y[:1000]).mean() < 0.01  # a few meet by chance: float32 has so few numbers


def test_neighbours_within_one_draw_are_independent():
    x = normal((100_000,), 5, 6)
    half = len(x) // 2
    for lag in (1, 2, half):  # half: the two outcomes of one Box-Muller pair
        assert abs(np.corrcoef(x[lag:], x[:-lag])[0, 1]) < 4 / np.sqrt(len(x) - lag)


def test_compiled_function_sees_weights_that_change():
    dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    dense.build((None, 2))
    compiled = compile_function(lambda x: dense(x), jit=False)
    x = ops.ones((1, 2))
    assert float(ops.convert_to_numpy(compiled(x))[0, 0]) == 2
    dense.kernel.assign(3 * np.ones((2, 1), "float32"))
    assert float(ops.convert_to_numpy(compiled(x))[0, 0]) == 6
