"""What many test files need: tensors as arrays, weights that are not as they begin, and one test for all layers."""

import keras
import numpy as np


def numpy(x) -> np.ndarray:
    """A tensor of any backend as a NumPy array."""
    return keras.ops.convert_to_numpy(x)


def shaken(model, scale: float = 0.3, seed: int = 1):
    """The same layer or model with random weights: zeros and ones at the start would hide what is wrong."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if keras.backend.is_float_dtype(weight.dtype):
            weight.assign(rng.normal(0, scale, weight.shape))
    return model


def assert_is_a_layer(layer: keras.layers.Layer, *inputs, weights: int, output_shape, tmp_path=None) -> None:
    """What every layer of the library must do.

    It builds all of its weights from shapes alone, agrees with the shape that it announces, survives its configuration
    and a saved model with all of them, keeps its dtype policy, gives the same compiled, and computes in half precision
    about what it computes in float32.

    Args:
        layer: not built yet.
        *inputs: arrays for its call, in the order of its arguments.
        weights: how many variables it must have.
        output_shape: of its result.
        tmp_path: where to save a model.
    """
    kind, config = type(layer), layer.get_config()
    shapes = [np.shape(x) for x in inputs]
    layer.build(*((None, *shape[1:]) for shape in shapes))
    assert len(layer.weights) == weights
    shaken(layer)
    out = numpy(layer(*inputs))
    assert len(layer.weights) == weights, "a child was not built in `build`"
    assert out.shape == tuple(output_shape) == tuple(layer.compute_output_shape(*shapes))
    assert np.isfinite(out).all() and np.abs(out).max() > 0

    again = kind.from_config(config)
    assert again.get_config() == config
    again.build(*shapes)
    again.set_weights(layer.get_weights())
    np.testing.assert_allclose(numpy(again(*inputs)), out, atol=1e-5)

    from diffusion_course.backend import compile_function

    compiled = compile_function(lambda *x: layer(*x), jit=False)
    np.testing.assert_allclose(numpy(compiled(*map(keras.ops.convert_to_tensor, inputs))), out, atol=1e-4)

    ends = [
        keras.Input(shape[1:], dtype=str(np.asarray(x).dtype))
        for x, shape in zip(inputs, shapes, strict=True)
    ]
    model = keras.Model(ends, layer(*ends))
    np.testing.assert_allclose(numpy(model(list(inputs))), out, atol=1e-5)
    if tmp_path is not None:
        model.save(tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras")
        np.testing.assert_allclose(numpy(loaded(list(inputs))), out, atol=1e-5)

    half = kind.from_config({**config, "dtype": "mixed_bfloat16"})
    half.build(*shapes)
    half.set_weights(layer.get_weights())
    assert kind.from_config(half.get_config()).dtype_policy.name == "mixed_bfloat16"
    near = numpy(keras.ops.cast(half(*inputs), "float32"))
    np.testing.assert_allclose(near, out, atol=0.05 * max(1.0, float(np.abs(out).max())))
