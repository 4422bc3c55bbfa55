"""Compiled functions see a model's current weights."""

import keras
import numpy as np
from keras import ops

from diffusion_course.backend import compile_function


def test_compiled_function_sees_weights_that_change():
    dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    dense.build((None, 2))
    compiled = compile_function(lambda x: dense(x), jit=False)
    x = ops.ones((1, 2))
    assert float(ops.convert_to_numpy(compiled(x))[0, 0]) == 2
    dense.kernel.assign(3 * np.ones((2, 1), "float32"))
    assert float(ops.convert_to_numpy(compiled(x))[0, 0]) == 6
