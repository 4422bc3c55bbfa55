"""Checkpoints: everything that a training needs to go on as if nothing had happened."""

import json
import os
import time
from pathlib import Path

import keras
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from diffusion_course.course.files import DamagedFile


def _state(model: keras.Model) -> dict:
    """All variables by a name of their own: weights, generators of random numbers, the optimizer with its averages."""
    model.optimizer.build(model.trainable_variables)
    groups = {"model": model.variables, "optimizer": model.optimizer.variables}
    # By number, because paths are only unique within a network, and the order is that of construction
    return {f"{group}/{i:04d}": v for group, variables in groups.items() for i, v in enumerate(variables)}


def save_checkpoint(model: keras.Model, path: Path, *, epoch: int, history: dict | None = None) -> None:
    """Writes the whole state of a compiled model, exactly; the old file goes only when the new one is whole.

    Args:
        model: compiled and built.
        path: the ``.safetensors`` file; its folder is made.
        epoch: how many epochs are done.
        history: metric -> list of one value per epoch.

    Raises:
        ValueError: a value is NaN or infinite. A checkpoint must be a place to go back to.
    """
    arrays = {name: keras.ops.convert_to_numpy(v) for name, v in _state(model).items()}
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError(
                f"A checkpoint must hold finite numbers only. Received: {name} with NaN or infinity"
            )
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".part")
    # 0-dimensional arrays are views of Keras's own memory on some backends; copies are not
    arrays = {name: np.array(array, order="C") for name, array in arrays.items()}
    save_file(arrays, aside, metadata={"epoch": str(epoch), "history": json.dumps(history or {})})
    os.replace(aside, path)


def load_checkpoint(model: keras.Model, path: Path) -> tuple[int, dict]:
    """Puts a compiled model back into the state that `save_checkpoint` wrote. Nothing changes unless all of it fits.

    Args:
        model: compiled and built as it was then.
        path: the file.

    Returns:
        epochs done, and the history so far.

    Raises:
        DamagedFile: not a whole checkpoint, or one of another model or optimizer.
    """
    try:
        with safe_open(path, "numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}
            metadata = file.metadata() or {}
    except SafetensorError as error:
        raise DamagedFile(f"{path} must be a whole checkpoint. Received: {error}") from error
    variables = _state(model)
    shapes = {
        name: (tuple(v.shape), keras.backend.standardize_dtype(v.dtype)) for name, v in variables.items()
    }
    found = {name: (array.shape, str(array.dtype)) for name, array in arrays.items()}
    if shapes != found or not {"epoch", "history"} <= set(metadata):
        odd = sorted(name for name in set(shapes) | set(found) if shapes.get(name) != found.get(name))[:3]
        raise DamagedFile(
            f"{path} must be a checkpoint of this model and optimizer. Received: one that differs in {odd or metadata}"
        )
    for name, variable in variables.items():
        variable.assign(arrays[name])
    return int(metadata["epoch"]), json.loads(metadata["history"])


class Checkpoint(keras.callbacks.Callback):
    """Saves a checkpoint after every ``every`` epochs and at the end; resume with `load_checkpoint`.

    The end is that before Keras puts the averaged weights in place of the trained ones: the file holds both. Each
    epoch's duration joins the history as ``seconds``, so that an interrupted training knows how long it took in all.

    Args:
        path: the ``.safetensors`` file.
        every: epochs between two savings.
        history: what came before, from `load_checkpoint`.
    """

    def __init__(self, path: Path, every: int = 1, history: dict | None = None):
        super().__init__()
        self.path, self.every = Path(path), every
        self.history = {name: list(values) for name, values in (history or {}).items()}

    def on_epoch_begin(self, epoch, logs=None):
        self.began = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        for name, value in {**(logs or {}), "seconds": time.monotonic() - self.began}.items():
            self.history.setdefault(name, []).append(float(value))
        if (epoch + 1) % self.every == 0 or epoch + 1 == self.params["epochs"]:
            save_checkpoint(self.model, self.path, epoch=epoch + 1, history=self.history)
