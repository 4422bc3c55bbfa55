"""Weights on disk: one safetensors file per model, float16, addressed by variable path."""

from pathlib import Path

import keras
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_safetensors
from safetensors.numpy import save as save_safetensors

from diffusion_course.course.files import DamagedFile
from diffusion_course.course.writing import write_whole


def _by_path(model: keras.Model) -> dict:
    variables = {v.path: v for v in model.weights}
    if len(variables) != len(model.weights):
        paths = [v.path for v in model.weights]
        twice = sorted({p for p in paths if paths.count(p) > 1})
        raise ValueError(
            f"Each variable of a model must have a path of its own. Received: {twice} more than once"
        )
    return variables


def weights_as_bytes(model: keras.Model, dtype: str = "float16") -> bytes:
    """All weights of a built model, as the content of a safetensors file.

    Args:
        model: a built model.
        dtype: storage type; float16 halves the file and costs a relative error of at most 2**-11 per weight.

    Raises:
        ValueError: two variables share a path, or a weight does not fit into ``dtype``.
    """
    with np.errstate(over="ignore"):  # what overflows is refused below, by name
        arrays = {name: keras.ops.convert_to_numpy(v).astype(dtype) for name, v in _by_path(model).items()}
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise ValueError(
                f"Weights must be finite in {dtype}. Received: {name} with NaN, infinite or too large values"
            )
    return save_safetensors(arrays)


def save_weights(model: keras.Model, path: Path, dtype: str = "float16") -> None:
    """Writes all weights of a built model; an existing file is replaced only when the new one is whole.

    Args:
        model, dtype: as in `weights_as_bytes`, and refused like there.
        path: the ``.safetensors`` file; its folder is made if needed.
    """
    write_whole(Path(path), weights_as_bytes(model, dtype))


def load_weights(model: keras.Model, data: bytes, name: str = "weights") -> None:
    """Sets all weights of a built model from the bytes of a safetensors file.

    Nothing is changed unless every variable finds its array.

    Args:
        model: a built model.
        data: the file's content.
        name: how errors call the file.

    Raises:
        DamagedFile: it is no safetensors file, or names and shapes differ from the model's.
    """
    try:
        arrays = load_safetensors(data)
    except SafetensorError as error:
        raise DamagedFile(
            f"{name} must be a whole safetensors file. Received: {len(data)} bytes ({error})"
        ) from error
    variables = _by_path(model)
    if set(arrays) != set(variables):
        raise DamagedFile(
            f"{name} must hold exactly the variables of {model.name}. Received: without "
            f"{sorted(set(variables) - set(arrays))}, in excess {sorted(set(arrays) - set(variables))}"
        )
    for path, variable in variables.items():
        if arrays[path].shape != tuple(variable.shape):
            raise DamagedFile(
                f"{name}: {path} must have shape {tuple(variable.shape)}. Received: shape {arrays[path].shape}"
            )
    for path, variable in variables.items():
        variable.assign(arrays[path].astype("float32"))
