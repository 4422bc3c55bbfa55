"""Files of published weights, read one tensor at a time: legacy Keras HDF5, and safetensors (chapter 17).

Both are checked when they are opened, before a tensor is read. What can be noticed then depends on what is known:

- A file whose sha256 is known is refused unless it has it: no flipped bit and no cut passes.
- Of a safetensors file without a known checksum the header must be valid, and describe exactly the bytes that follow,
  in a floating-point type. So a cut, or another length, is always noticed, and a flip in the header unless it makes
  another valid header. A flip in a number is not, unless it makes that number infinite or NaN, which `models.published`
  refuses. `known_checksum` says where a checksum may come from.
"""

import json
import re
from collections.abc import Iterator
from itertools import count, takewhile
from pathlib import Path

import h5py
import numpy as np
from safetensors import SafetensorError, safe_open

from diffusion_course.course.files import DamagedFile, MissingFile, sha256_of

SUMS = "SHA256SUMS"
# bfloat16 is the upper half of a float32, and NumPy does not know it.
_DTYPES = {"F16": "<f2", "BF16": "<u2", "F32": "<f4", "F64": "<f8"}


class KerasFile:
    """A legacy Keras HDF5 file of weights, whose tensors are known by their order.

    Their names hold counters of the session that wrote them, so they say nothing.

    Args:
        path: of the file.
        sha256: its checksum.

    Attributes:
        path: as given.
        shapes: place -> shape, in the order of the file.

    Raises:
        MissingFile: there is no such file.
        DamagedFile: it has another checksum, or is no such file.
    """

    def __init__(self, path: Path, sha256: str):
        self.path = check_checksum(path, sha256)
        try:
            with h5py.File(path) as file:
                self._names = list(_weight_names(file))
                self.shapes = {i: tuple(file[name].shape) for i, name in enumerate(self._names)}
        except (OSError, KeyError, ValueError) as error:
            raise DamagedFile(f"{path} must be a Keras file of weights. Received: {error}") from error

    def read(self, place: int) -> np.ndarray:
        """One tensor, float32."""
        with h5py.File(self.path) as file:
            return np.asarray(file[self._names[place]], "float32")


def _weight_names(file: h5py.File) -> Iterator[str]:
    """Paths of all weights, in the order in which the model lists its layers, and each layer its weights."""
    root = file["model_weights"] if "model_weights" in file else file
    for layer in _listed(root, "layer_names"):
        for weight in _listed(root[layer], "weight_names"):
            yield f"{root.name}/{layer}/{weight}"


def _listed(group: h5py.Group, name: str) -> list[str]:
    """A list of names, which lies in one attribute, or where it would be too long in several that are numbered."""
    numbered = takewhile(group.attrs.__contains__, (f"{name}{i}" for i in count()))
    found = [value for part in ([name] if name in group.attrs else numbered) for value in group.attrs[part]]
    return [value.decode() if isinstance(value, bytes) else str(value) for value in found]


class SafetensorsFile:
    """A safetensors file, whose tensors are known by name.

    Args:
        path: of the file.
        sha256: its checksum, or None where none is known.

    Attributes:
        path: as given.
        shapes: name -> shape.

    Raises:
        MissingFile: there is no such file.
        DamagedFile: it has another checksum, is cut short, is no such file, or holds what is no floating-point number.
    """

    def __init__(self, path: Path, sha256: str | None = None):
        self.path = check_checksum(path, sha256)
        try:
            with safe_open(
                path, framework="numpy"
            ):  # refuses a header that does not describe exactly this file
                pass
            with open(path, "rb") as file:
                size = int.from_bytes(file.read(8), "little")
                self._tensors = json.loads(file.read(size))
        except (SafetensorError, OSError, ValueError) as error:
            raise DamagedFile(
                f"{path} must be a whole safetensors file. Received: {self.path.stat().st_size} bytes ({error})"
            ) from error
        self._start = 8 + size
        self._tensors.pop("__metadata__", None)
        self.shapes = {name: tuple(tensor["shape"]) for name, tensor in self._tensors.items()}
        # Older text encoders store the numbers 0 to 76 as well, which are no weights.
        for name in [name for name in self.shapes if name.endswith(".position_ids")]:
            del self.shapes[name], self._tensors[name]
        for name, tensor in self._tensors.items():
            if tensor["dtype"] not in _DTYPES:
                raise DamagedFile(
                    f"{path}: {name} must be of type {', '.join(_DTYPES)}. Received: {tensor['dtype']}"
                )

    def read(self, name: str) -> np.ndarray:
        """One tensor, float32."""
        tensor = self._tensors[name]
        begin, end = tensor["data_offsets"]
        dtype = np.dtype(_DTYPES[tensor["dtype"]])
        at = {"offset": self._start + begin, "count": (end - begin) // dtype.itemsize}
        values = np.fromfile(self.path, dtype, **at)
        if tensor["dtype"] == "BF16":
            values = (values.astype("<u4") << 16).view("<f4")
        return values.astype("float32", copy=False).reshape(tensor["shape"])


def check_checksum(path: Path, sha256: str | None) -> Path:
    """Returns ``path`` if there is a file with that checksum; with None any file will do.

    Raises:
        MissingFile, DamagedFile: there is none.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingFile(f"{path} must be there. Received: no such file")
    if sha256 is not None and (received := sha256_of(path)) != sha256:
        raise DamagedFile(
            f"{path} must have sha256 {sha256}. Received: {received}, {path.stat().st_size} bytes "
            "(another file, cut short or changed)"
        )
    return path


def known_checksum(path: Path, folder: Path) -> str | None:
    """The checksum that a file below a folder must have, where that can be known.

    Either the folder has a list ``SHA256SUMS``, as ``sha256sum`` writes it; or the file is a link into the cache of the
    Hugging Face hub, in which large files are named by their checksum.

    Args:
        path: of the file, in ``folder``.
        folder: of the whole model.

    Raises:
        DamagedFile: there is a list, and it does not name the file.
    """
    sums, name = folder / SUMS, path.relative_to(folder).as_posix()
    if sums.is_file():
        text = sums.read_text(encoding="utf-8", errors="replace")
        rows = re.findall(r"^([0-9a-f]{64}) [ *](?:\./)?(.+)$", text, flags=re.MULTILINE)
        listed = {file: checksum for checksum, file in rows}
        if name not in listed:
            raise DamagedFile(f"{sums} must name {name}. Received: {sorted(listed)}")
        return listed[name]
    target = path.resolve().name
    return target if re.fullmatch("[0-9a-f]{64}", target) else None
