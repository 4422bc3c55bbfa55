"""How a recipe is computed: on how many devices, in which precision, with XLA or without."""

from dataclasses import dataclass

import keras

from diffusion_course.backend import half_precision
from diffusion_course.recipes.base import Recipe
from diffusion_course.training.devices import check_devices

PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")


@dataclass(frozen=True)
class Computing:
    """One way to compute a training; what is None is left to Keras.

    Attributes:
        devices: how many share each batch.
        dtype: policy of the network that is trained; those that it goes on from stay as they are.
        jit_compile: whether XLA compiles the training step.
    """

    devices: int = 1
    dtype: str | None = None
    jit_compile: bool | None = None

    def words(self) -> str:
        """For the model card."""
        xla = {None: [], True: ["XLA"], False: ["without XLA"]}[self.jit_compile]
        devices = [f"on {self.devices} devices"] if self.devices > 1 else []
        return ", ".join([self.dtype or "float32", *xla, *devices])


def plan_computing(
    name: str,
    recipe: Recipe,
    profile: str,
    devices: int = 1,
    dtype: str | None = None,
    jit_compile: bool | None = None,
) -> Computing:
    """What the arguments ask for, and where they leave it open what the profile advises.

    ``full`` is for a GPU. With one, it computes in the half precision that the GPU is fast in, and with XLA, which
    TensorFlow cannot together with several devices. Without a GPU, and in the other profiles, nothing is changed.

    Args:
        name, recipe: whose training it is. Only those that go on from checkpoints, which all take more than minutes,
            can be told how to compute: they train by `training.fitting.fit_steps`.
        profile: of the training.
        devices: of `training.devices.training_on`.
        dtype: one of ``PRECISIONS``, or None.
        jit_compile: as there.

    Raises:
        ValueError: a recipe that cannot, too many devices, or another precision.
    """
    if dtype is not None and dtype not in PRECISIONS:
        raise ValueError(f"`dtype` must be one of {', '.join(PRECISIONS)}. Received: dtype={dtype!r}")
    check_devices(devices)
    if not recipe.tidy:
        if devices > 1 or dtype or jit_compile is not None:
            raise ValueError(
                f"Only a recipe that goes on from checkpoints can be told how to compute; {name} trains in minutes. "
                f"Received: devices={devices}, dtype={dtype}, jit_compile={jit_compile}"
            )
        return Computing()
    if profile == "full" and (half := half_precision()):
        dtype = dtype or half
        if jit_compile is None and not (devices > 1 and keras.backend.backend() == "tensorflow"):
            jit_compile = keras.backend.backend() != "torch"
    return Computing(devices, None if dtype == "float32" else dtype, jit_compile)
