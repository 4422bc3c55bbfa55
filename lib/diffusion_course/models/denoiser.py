"""A network as samplers want it: ``denoise(x, t, **conditions)``, compiled."""

import keras
import numpy as np
from keras import ops

from diffusion_course.backend import compile_function
from diffusion_course.models.guidance import beyond, check_scale


class Denoiser:
    """Calls a network with what it is to undo and under which conditions, as one compiled function.

    Everything that may change from call to call is an argument: the pictures, the step, and conditions such as a class
    label or the text's context. So a new prompt compiles nothing, and no old one can be drawn. Compiled anew is what
    comes in another shape. The weights are those that the network has at each call.

    Args:
        network: ``{"x": (B, ..., C), "t": (B,), **conditions}`` -> prediction (B, ..., C).
        guide: a weaker network for the same task, to lead away from as in `guidance.guided`; None for none. Both run in
            the one compiled function, in which TensorFlow gives each a core.
        guidance_scale: of the guide; 1 is off.
        jit: whether TensorFlow uses XLA, which is meant for GPUs above all; JAX always does.

    Call arguments:
        x: (B, ..., C) float32.
        t: integer steps, (B,) or one for all.
        **conditions: what else the network takes, by the names of its inputs; each (B, ...).

    Returns:
        (B, ..., C), the prediction.

    Raises:
        ValueError: a guidance scale that is not finite; when called, a step that is no integer of 0 or more, a
            condition that is missing, unknown to the network, not one per picture, or a label that the network has no
            class for. Inside compiled code, where values are not known yet, only shapes are looked at.
    """

    def __init__(
        self,
        network: keras.Model,
        *,
        guide: keras.Model | None = None,
        guidance_scale: float = 1.0,
        jit: bool = False,
    ):
        self.network, scale = network, check_scale(guidance_scale)

        def said(inputs):
            better = network(inputs, training=False)
            return better if guide is None else beyond(guide(inputs, training=False), better, scale)

        self._call = compile_function(said, jit=jit)

    def __call__(self, x, t, **conditions):
        x = ops.convert_to_tensor(x, dtype="float32")
        check_whole("t", t)
        t = ops.convert_to_tensor(t, dtype="int32")
        if tuple(t.shape) not in ((), (1,), (x.shape[0],)):
            raise ValueError(
                f"`t` must be one step, or one per picture, {x.shape[0]}. Received: shape {tuple(t.shape)}"
            )
        conditions = {name: ops.convert_to_tensor(value) for name, value in conditions.items()}
        self._check(x, conditions)
        return self._call({"x": x, "t": ops.broadcast_to(t, (x.shape[0],)), **conditions})

    def _check(self, x, conditions) -> None:
        wanted = self.network.input if isinstance(self.network.input, dict) else None
        if wanted is not None and set(wanted) - {"x", "t"} != set(conditions):
            raise ValueError(
                f"Conditions of {self.network.name} must be {sorted(set(wanted) - {'x', 't'})}. "
                f"Received: {sorted(conditions)}"
            )
        for name, value in conditions.items():
            if tuple(value.shape)[:1] != (x.shape[0],):
                raise ValueError(
                    f"`{name}` must have one row per picture, {x.shape[0]}. Received: shape {tuple(value.shape)}"
                )
        if "label" in conditions:
            check_whole("label", conditions["label"], getattr(self.network, "num_classes", None))


def check_whole(name: str, value, most: int | None = None) -> None:
    """Raises ValueError unless ``value`` holds integers from 0 to ``most``; of symbols only the dtype is known."""
    upper = "" if most is None else f" to {most}"
    rule = f"`{name}` must be integers from 0{upper}" if upper else f"`{name}` must be integers of 0 or more"
    dtype = keras.backend.standardize_dtype(getattr(value, "dtype", None) or np.asarray(value).dtype)
    if "int" not in dtype:
        raise ValueError(f"{rule}. Received: {dtype}, {value!r:.200}")
    try:
        known = ops.convert_to_numpy(value)
    except (NotImplementedError, TypeError, AttributeError):  # a symbol inside compiled code
        return
    if known.size and (known.min() < 0 or (most is not None and known.max() > most)):
        raise ValueError(f"{rule}. Received: from {known.min()} to {known.max()}")
