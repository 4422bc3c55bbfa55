"""Checkpoints: everything that a training needs to go on as if nothing had happened."""

import hashlib
import json
import tempfile
import time
from pathlib import Path

import keras
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from diffusion_course.course.files import DamagedFile
from diffusion_course.course.writing import replace_when_whole

SAMPLE = 64  # rows of an array that its fingerprint looks at


class OtherPlan(ValueError):
    """A checkpoint is whole, but of another training than the one asked for."""


def fingerprint(array) -> str:
    """An array's shape, type and a hash of rows spread over it: other data will show, in a moment.

    Args:
        array: (N, ...).
    """
    array = np.asarray(array)
    rows = array[np.linspace(0, len(array) - 1, min(SAMPLE, len(array))).astype(int)]
    digest = hashlib.sha256(np.ascontiguousarray(rows).tobytes()).hexdigest()
    return f"{array.shape} {array.dtype} {digest[:16]}"


def plain(value):
    """A plan as JSON can hold it: NumPy's numbers and arrays become Python's, tuples become lists.

    Args:
        value: None, text, truth value, number, array, or a dict, list or tuple of such.

    Raises:
        ValueError: anything else.
    """
    if isinstance(value, dict):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, np.floating):
        return float(value)
    if isinstance(value, np.ndarray | np.generic) and not isinstance(value.tolist(), np.generic):
        return plain(value.tolist())
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise ValueError(
        f"A plan must hold numbers, text, None, and lists or dicts of them. Received: {type(value).__name__} {value!r}"
    )


def check_writable(path) -> None:
    """Refuses a checkpoint's path before hours of training would be lost to it. A file that is there stays.

    Args:
        path: of a file; its folder is made, as it will be needed.

    Raises:
        ValueError: it is empty, a folder, inside of a file, or nothing may be written there.
    """
    rule = "`checkpoint` must be the path of a file that can be written"
    if not str(path) or Path(path).is_dir():
        raise ValueError(f"{rule}, not of a folder. Received: checkpoint={str(path)!r}")
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=Path(path).parent, prefix=f"{Path(path).name}.", suffix=".part"):
            pass  # it could be made; now it goes
    except (OSError, ValueError) as error:  # ValueError: a character that no path may have
        raise ValueError(f"{rule}. Received: checkpoint={str(path)!r}, {error}") from error


def _digest(arrays: dict, words: dict) -> str:
    """SHA-256 over arrays with their names, types and shapes, and over what stands beside them."""
    digest = hashlib.sha256(json.dumps(words, sort_keys=True).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype} {arrays[name].shape} ".encode())
        digest.update(array.reshape(-1).view("uint8"))
    return digest.hexdigest()


def _state(model: keras.Model) -> dict:
    """All variables by a name of their own: weights, generators of random numbers, the optimizer with its averages."""
    if not model.optimizer.built:  # some optimizers make their variables again at each call
        model.optimizer.build(model.trainable_variables)
    groups = {"model": model.variables, "optimizer": model.optimizer.variables}
    # By number, because paths are only unique within a network, and the order is that of construction
    return {f"{group}/{i:04d}": v for group, variables in groups.items() for i, v in enumerate(variables)}


def save_checkpoint(
    model: keras.Model, path: Path, *, steps: int, plan: dict | None = None, history: dict | None = None
) -> None:
    """Writes the whole state of a compiled model, exactly; the old file goes only when the new one is whole.

    Args:
        model: compiled and built.
        path: the ``.safetensors`` file; its folder is made.
        steps: how many training steps are done.
        plan: what decides how the training goes, by name; values as in `plain`.
        history: metric -> list of one value per epoch.

    Raises:
        ValueError: a value is NaN or infinite, for a checkpoint must be a place to go back to; or a plan that is not
            `plain`.
    """
    arrays = {name: keras.ops.convert_to_numpy(v) for name, v in _state(model).items()}
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError(
                f"A checkpoint must hold finite numbers only. Received: {name} with NaN or infinity"
            )
    # 0-dimensional arrays are views of Keras's own memory on some backends; copies are not
    arrays = {name: np.array(array, order="C") for name, array in arrays.items()}
    words = plain({"steps": steps, "plan": plan or {}, "history": history or {}})
    metadata = {name: json.dumps(value) for name, value in words.items()}
    metadata["sha256"] = _digest(arrays, metadata)
    with replace_when_whole(Path(path)) as aside:
        save_file(arrays, aside, metadata=metadata)


def load_checkpoint(model: keras.Model, path: Path, plan: dict | None = None) -> tuple[int, dict]:
    """Puts a compiled model back into the state that `save_checkpoint` wrote. Nothing changes unless all of it fits.

    Args:
        model: compiled and built as it was then.
        path: the file.
        plan: as it must have been; by default any will do. Its ``"steps"``, the length of the training, may be larger
            than then if that training had come to its end: it is prolonged.

    Returns:
        steps done, and the history so far.

    Raises:
        OtherPlan: the file is of another plan, or of none; the message names what differs.
        DamagedFile: not a whole checkpoint, one whose content is not what was written, or one of another
            model or optimizer.
    """
    try:
        with safe_open(path, "numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}
            metadata = file.metadata() or {}
    except SafetensorError as error:
        raise DamagedFile(f"{path} must be a whole checkpoint. Received: {error}") from error
    if not {"steps", "plan", "history", "sha256"} <= set(metadata):
        raise OtherPlan(
            f"{path} must say which plan it belongs to. Received: a checkpoint of an earlier version of the course, "
            "or another file; delete it, or give another path"
        )
    stated = metadata.pop("sha256")
    if stated != _digest(arrays, metadata):
        raise DamagedFile(
            f"{path} must hold what was written to it; delete it to start anew, or give another path. Received: "
            "content with another SHA-256 than the file states, so some of it changed since"
        )
    steps, found_plan, history = (json.loads(metadata[name]) for name in ("steps", "plan", "history"))
    if plan is not None:
        _check_plan(path, steps, found_plan, plain(plan))
    variables = _state(model)
    shapes = {
        name: (tuple(v.shape), keras.backend.standardize_dtype(v.dtype)) for name, v in variables.items()
    }
    found = {name: (array.shape, str(array.dtype)) for name, array in arrays.items()}
    if shapes != found:
        odd = sorted(name for name in set(shapes) | set(found) if shapes.get(name) != found.get(name))[:3]
        raise DamagedFile(
            f"{path} must be a checkpoint of this model and optimizer. Received: one that differs in {odd}"
        )
    for name, variable in variables.items():
        variable.assign(arrays[name])
    return steps, history


def _check_plan(path: Path, steps: int, found: dict, wanted: dict) -> None:
    differ = [name for name in {**found, **wanted} if found.get(name) != wanted.get(name)]
    if differ == ["steps"] and steps == found["steps"] <= wanted["steps"]:
        return
    if differ:
        words = "; ".join(
            f"{name} {found.get(name)!r} in the checkpoint, {wanted.get(name)!r} asked for" for name in differ
        )
        raise OtherPlan(
            f"{path} must come from the plan that it is to go on with; delete it to start anew, or give another "
            f"path. Received: {words}"
        )


class Checkpoint(keras.callbacks.Callback):
    """Saves a checkpoint after every ``every`` epochs and at the end; resume with `load_checkpoint`.

    The end is that before Keras puts the averaged weights in place of the trained ones: the file holds both. Each
    epoch's duration joins the history as ``seconds``, so that an interrupted training knows how long it took in all.

    Args:
        path: the ``.safetensors`` file.
        every: epochs between two savings.
        steps, plan, history: what came before, see `load_checkpoint`.
    """

    def __init__(
        self,
        path: Path,
        every: int = 1,
        *,
        steps: int = 0,
        plan: dict | None = None,
        history: dict | None = None,
    ):
        super().__init__()
        self.path, self.every, self.steps, self.plan = Path(path), every, steps, plan
        self.history = {name: list(values) for name, values in (history or {}).items()}

    def on_epoch_begin(self, epoch, logs=None):
        self.began = time.monotonic()

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1

    def on_epoch_end(self, epoch, logs=None):
        for name, value in {**(logs or {}), "seconds": time.monotonic() - self.began}.items():
            self.history.setdefault(name, []).append(float(value))
        if (epoch + 1) % self.every == 0 or epoch + 1 == self.params["epochs"] or self.model.stop_training:
            save_checkpoint(self.model, self.path, steps=self.steps, plan=self.plan, history=self.history)
