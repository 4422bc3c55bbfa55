"""A network as samplers want it: ``denoise(x, t, **conditions)``, compiled."""

import keras
from keras import ops

from diffusion_course.backend import compile_function


class Denoiser:
    """Calls a network with what it is to undo and under which conditions, as one compiled function.

    Everything that may change from call to call is an argument: the pictures, the step, and conditions such as a class
    label or the text's context. So a new prompt compiles nothing, and no old one can be drawn. Compiled anew is what
    comes in another shape. The weights are those that the network has at each call.

    Args:
        network: ``{"x": (B, ..., C), "t": (B,), **conditions}`` -> prediction (B, ..., C).
        jit: whether TensorFlow uses XLA, which is meant for GPUs above all; JAX always does.

    Call arguments:
        x: (B, ..., C) float32.
        t: integer steps, (B,) or one for all.
        **conditions: what else the network takes, by the names of its inputs; each (B, ...).

    Returns:
        (B, ..., C), the prediction.

    Raises:
        ValueError: a condition is missing, or the network has no such input.
    """

    def __init__(self, network: keras.Model, *, jit: bool = False):
        self.network = network
        self._call = compile_function(lambda inputs: network(inputs, training=False), jit=jit)

    def __call__(self, x, t, **conditions):
        x = ops.convert_to_tensor(x, dtype="float32")
        t = ops.broadcast_to(ops.convert_to_tensor(t, dtype="int32"), (x.shape[0],))
        conditions = {name: ops.convert_to_tensor(value) for name, value in conditions.items()}
        wanted = self.network.input if isinstance(self.network.input, dict) else None
        if wanted is not None and set(wanted) - {"x", "t"} != set(conditions):
            raise ValueError(
                f"Conditions of {self.network.name} must be {sorted(set(wanted) - {'x', 't'})}. "
                f"Received: {sorted(conditions)}"
            )
        return self._call({"x": x, "t": t, **conditions})
