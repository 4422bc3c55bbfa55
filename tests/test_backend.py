"""Compiled functions see a model's current weights."""

import keras
import numpy as np
from keras import ops

from diffusion_course.backend import compile_function, gradient


def test_compiled_function_sees_weights_that_change():
    dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    dense.build((None, 2))
    compiled = compile_function(lambda x: dense(x), jit=False)
    x = ops.ones((1, 2))
    assert float(ops.convert_to_numpy(compiled(x))[0, 0]) == 2
    dense.kernel.assign(3 * np.ones((2, 1), "float32"))
    assert float(ops.convert_to_numpy(compiled(x))[0, 0]) == 6


def test_gradient_is_each_rows_own_and_compiles():
    # Of a x^3, with weights that are read at each call and an argument that is not differentiated.
    scale = keras.Variable(2.0)
    derivative = gradient(lambda x, power: scale * ops.sum(x**power, axis=-1))
    x = ops.convert_to_tensor([[1.0, 2.0], [3.0, 0.5]])
    want = 3 * 2.0 * ops.convert_to_numpy(x) ** 2
    np.testing.assert_allclose(ops.convert_to_numpy(derivative(x, 3)), want, rtol=1e-6)
    compiled = compile_function(lambda x: derivative(x, 3), jit=False)
    np.testing.assert_allclose(ops.convert_to_numpy(compiled(x)), want, rtol=1e-6)
    scale.assign(4.0)
    np.testing.assert_allclose(ops.convert_to_numpy(compiled(x)), 2 * want, rtol=1e-6)
    still = gradient(lambda x: 0 * x[:, 0] + 1.0)
    np.testing.assert_array_equal(ops.convert_to_numpy(still(x)), np.zeros((2, 2)))
