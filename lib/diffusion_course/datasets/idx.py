"""The idx format, in which MNIST was published: a header with the shape, then the numbers, big-endian.

The course stores every array as idx inside xz: smaller than the original gzip, and ``xz -d`` gives the official
file back, bit for bit.
"""

import numpy as np

from diffusion_course.course.files import DamagedFile, read_verified, remedy

try:
    import lzma
except ImportError as error:  # some self-built Pythons lack it; say what to do before the first chapter fails
    raise ImportError(
        "The data sets need Python's `lzma` module, and this Python was built without it. Install a Python from "
        "python.org, conda or your system, or install liblzma's headers (liblzma-dev, xz) and build Python again."
    ) from error

# Header: two zero bytes, the element type, the number of axes, then each axis as a big-endian uint32.
_TYPES = {0x08: np.dtype(">u1"), 0x0B: np.dtype(">i2")}


def parse_idx(raw: bytes) -> np.ndarray:
    """Reads an idx array.

    Args:
        raw: header and numbers.

    Returns:
        A read-only view into ``raw``, uint8 or big-endian int16.

    Raises:
        ValueError: the header is none of an idx file, or the length does not fit the header's shape.
    """
    if len(raw) < 4 or raw[:2] != b"\0\0" or raw[2] not in _TYPES or len(raw) < 4 + 4 * raw[3]:
        raise ValueError(f"An idx file must begin with type, axes and shape. Received: {bytes(raw[:16])!r}")
    dtype, start = _TYPES[raw[2]], 4 + 4 * raw[3]
    shape = tuple(int(n) for n in np.frombuffer(raw, ">u4", raw[3], offset=4))
    # Python's integers: a damaged header must not overflow into a length that fits by accident.
    expected = start + dtype.itemsize * int(np.prod(shape, dtype=object))
    if len(raw) != expected:
        raise ValueError(
            f"An idx file of shape {shape} must have {expected} bytes. Received: {len(raw)} bytes"
        )
    return np.frombuffer(raw, dtype, offset=start).reshape(shape)


def to_idx(array: np.ndarray) -> bytes:
    """The idx bytes of an array; the inverse of ``parse_idx``.

    Args:
        array: uint8 or int16, any byte order.

    Raises:
        ValueError: another dtype.
    """
    for code, dtype in _TYPES.items():
        if array.dtype.newbyteorder(">") == dtype:
            header = bytes([0, 0, code, array.ndim]) + np.array(array.shape, ">u4").tobytes()
            return header + array.astype(dtype).tobytes()
    raise ValueError(f"An idx array must be uint8 or int16. Received: {array.dtype}")


def compress(raw: bytes) -> bytes:
    """xz, set for arrays: more of the byte before as context, and items of one or two bytes instead of four."""
    settings = {"preset": 6, "lc": 4, "lp": 0, "pb": 0, "nice_len": 273, "depth": 200, "dict_size": 1 << 26}
    if len(raw) > 2 and _TYPES.get(raw[2], np.dtype("u1")).itemsize == 2:
        settings |= {"lc": 0, "lp": 1, "pb": 1}
    settings["dict_size"] = min(settings["dict_size"], max(1 << 16, len(raw)))
    return lzma.compress(raw, lzma.FORMAT_XZ, filters=[{"id": lzma.FILTER_LZMA2, **settings}])


def load_idx(relative_path: str, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Reads one shipped array.

    Args:
        relative_path: path relative to ``data/`` of an idx file inside xz.
        shape: the shape that it must have.
        dtype: the type that it must have, ``"uint8"`` or ``"int16"`` (native byte order is not promised).

    Returns:
        A read-only array.

    Raises:
        MissingFile, DamagedFile: the file is absent, fails its checksum, or holds something else.
    """
    content = read_verified(relative_path)
    try:
        array = parse_idx(lzma.decompress(content, format=lzma.FORMAT_XZ))
    except (lzma.LZMAError, ValueError) as error:
        raise DamagedFile(
            f"data/{relative_path} must be an idx file inside xz. Received: {error}. {remedy(relative_path)}"
        ) from error
    if array.shape != shape or array.dtype.newbyteorder("=") != np.dtype(dtype):
        raise DamagedFile(
            f"data/{relative_path} must hold {dtype} of shape {shape}. "
            f"Received: {array.dtype.newbyteorder('=')} of shape {array.shape}. {remedy(relative_path)}"
        )
    return array
