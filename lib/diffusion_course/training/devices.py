"""Training on several devices at once, and with XLA: each of them gets its part of every batch (data parallel).

It is the same training, only faster. A batch of 64 on two devices is 32 pictures on each, with one gradient, the mean
over all 64. Noise, steps and dropped conditions belong to the rows of the whole batch, see `drawn_for_batch`; so the
weights become those that one device would have found, up to rounding.

TensorFlow does it with ``tf.distribute.MirroredStrategy``, JAX with ``keras.distribution.DataParallel``, both on one
machine. Supported is what goes through `training.fitting.fit_steps`: its trainers, optimizers, averages, checkpoints.
A checkpoint knows no devices: a training that began on one may go on on two. Not supported are several machines,
PyTorch, batches that do not divide evenly, and XLA with several devices on TensorFlow. Tested are two halves of a CPU
in float32; not yet several GPUs, and not the scaled losses of "mixed_float16" on several devices. A trainer of your own
draws what is random by `drawn_for_batch`, and returns `share_of_loss` from its ``compute_loss``.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar

import keras

from diffusion_course.backend import data_parallel, parallel_devices, replica

_OPTIONS: ContextVar[dict | None] = ContextVar("options", default=None)


def check_devices(devices: int) -> int:
    """Returns ``devices`` if a training can be spread over so many.

    Raises:
        ValueError: not a whole number of 1 or more, more than there are, or more than one on a backend without it.
    """
    if isinstance(devices, bool) or not isinstance(devices, int) or devices < 1:
        raise ValueError(f"`devices` must be an integer of 1 or more. Received: devices={devices!r}")
    if devices == 1:
        return devices
    backend = keras.backend.backend()
    if backend not in ("tensorflow", "jax"):
        raise ValueError(
            "`devices` must be 1 on this backend; data parallel training needs TensorFlow or JAX "
            f"(KERAS_BACKEND). Received: devices={devices}, backend={backend}"
        )
    there = parallel_devices()
    if devices > len(there):
        raise ValueError(
            f"`devices` must be at most {len(there)}, as many as {backend} sees here: {', '.join(there)}. "
            f"Received: devices={devices}"
        )
    return devices


@contextmanager
def training_on(devices: int = 1, *, jit_compile: bool | None = None) -> Iterator[None]:
    """Inside, networks and trainers are made and trained on so many devices.

    Make network and trainer inside of the block, and train there: TensorFlow puts a copy of each variable on each
    device when the variable is made. ::

        with training_on(devices=2):
            trainer = DiffusionTrainer(UNet(), NoiseSchedule.cosine(1000))
            train_diffusion(trainer, pictures, steps=1_000)

    Args:
        devices: of `backend.parallel_devices`, the first ones.
        jit_compile: whether XLA compiles the training step; None leaves it to Keras, which does so with one GPU, and
            always on JAX. On TensorFlow XLA and several devices exclude each other.

    Raises:
        ValueError: as `check_devices`, or XLA with several devices on TensorFlow.
    """
    check_devices(devices)
    if jit_compile and devices > 1 and keras.backend.backend() == "tensorflow":
        raise ValueError(
            "`jit_compile` must not be True with several devices on TensorFlow. "
            f"Received: jit_compile=True, devices={devices}"
        )
    options = {} if jit_compile is None else {"jit_compile": jit_compile}
    token = _OPTIONS.set({"devices": devices, "compile": options})
    try:
        with data_parallel(parallel_devices()[:devices]) if devices > 1 else nullcontext():
            yield
    finally:
        _OPTIONS.reset(token)


def devices_in_use() -> int:
    """The ``devices`` of the block that this is called in; 1 outside of any."""
    return (_OPTIONS.get() or {}).get("devices", 1)


def compile_options() -> dict:
    """What `keras.Model.compile` is to be told of the block that this is called in."""
    return dict((_OPTIONS.get() or {}).get("compile", {}))


def check_batch(batch) -> None:
    """Raises ValueError unless the batch, an array or a dict or tuple of them, can be divided among the devices."""
    devices, rows = devices_in_use(), len(keras.tree.flatten(batch)[0])
    if rows % devices:
        raise ValueError(
            f"A batch must be divisible among the devices, here {devices}. Received: batches of {rows} rows"
        )


def drawn_for_batch(draw: Callable, rows):
    """What belongs to the rows on this device of something random that is drawn for a whole batch.

    The copies of a generator of random numbers on several devices draw the same. Each device therefore draws for the
    whole batch and keeps its rows: together they have what one device alone would have drawn.

    Args:
        draw: number of rows n -> (n, ...).
        rows: how many there are here.

    Returns:
        (rows, ...).
    """
    part, parts = replica()
    if parts == 1:
        return draw(rows)
    return draw(parts * rows)[part * rows : (part + 1) * rows]


def share_of_loss(loss):
    """What this device adds to the loss of a batch, of the mean over its rows.

    TensorFlow adds up the gradients of all devices. Keras divides the losses that it knows before that, and logs them
    times the number of devices; of a ``compute_loss`` it expects the same.
    """
    _, parts = replica()
    return loss if parts == 1 else loss / parts
