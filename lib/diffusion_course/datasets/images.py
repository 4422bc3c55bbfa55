"""Fashion-MNIST and MNIST: 60,000 + 10,000 pictures of 28 x 28 grey pixels in ten classes each."""

import math

import numpy as np

from diffusion_course.datasets.idx import load_idx

FASHION_MNIST_CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
MNIST_CLASSES = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")

TRAIN_SIZE, TEST_SIZE, SIDE = 60_000, 10_000, 28

Split = tuple[np.ndarray, np.ndarray]

_SPLITS = {
    "train": ("train", TRAIN_SIZE),
    "test": ("t10k", TEST_SIZE),
}  # name -> (prefix of its files, pictures)

# Pictures that are converted at once. NumPy widens an index to 64 bits, so all at once would cost 8 bytes a pixel.
_BLOCK = 200


def scale_pixels(pixels: np.ndarray, value_range: tuple[float, float]) -> np.ndarray:
    """Maps 0 ... 255 linearly to a range; black is exactly its low end, white exactly its high end.

    Args:
        pixels: uint8, any shape.
        value_range: (low, high), finite, low < high.

    Returns:
        float32 of the same shape.

    Raises:
        ValueError: ``value_range`` is none, or ``pixels`` is not uint8.
    """
    low, high = check_value_range(value_range)
    if pixels.dtype != np.uint8:
        raise ValueError(f"`pixels` must be uint8. Received: {pixels.dtype}")
    table = np.linspace(low, high, 256).astype("float32")
    scaled = np.empty(pixels.shape, "float32")
    for start in range(0, len(pixels), _BLOCK):
        block = slice(start, start + _BLOCK)
        np.take(
            table, pixels[block], out=scaled[block], mode="clip"
        )  # no index is outside; "raise" would buffer
    return scaled


def check_value_range(value_range: tuple[float, float]) -> tuple[float, float]:
    """Returns ``value_range`` as two floats if it is (low, high), finite, with low < high in float32.

    Raises:
        ValueError: it is not.
    """
    problem = f"`value_range` must be None or (low, high), finite, with low < high. Received: {value_range!r}"
    try:
        low, high = (float(edge) for edge in value_range)
    except (TypeError, ValueError) as error:
        raise ValueError(problem) from error
    if isinstance(value_range, str) or not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(problem)
    if max(abs(low), abs(high)) > float(np.finfo("float32").max) or not np.float32(low) < np.float32(high):
        raise ValueError(problem)
    return low, high


def _load_split(folder: str, prefix: str, size: int, value_range: tuple[float, float] | None) -> Split:
    pixels = load_idx(f"{folder}/{prefix}-images-idx3-ubyte.xz", (size, SIDE, SIDE), "uint8")
    labels = load_idx(f"{folder}/{prefix}-labels-idx1-ubyte.xz", (size,), "uint8")
    pixels = pixels[..., np.newaxis]  # (N, 28, 28, 1)
    images = pixels.copy() if value_range is None else scale_pixels(pixels, value_range)
    return images, labels.astype("int64")


def _load(folder: str, value_range: tuple[float, float] | None, split: str | None):
    """Both splits, or the one named: decompressing the other takes most of the time."""
    if value_range is not None:
        check_value_range(value_range)
    if split is None:
        return tuple(_load(folder, value_range, name) for name in _SPLITS)
    if split not in _SPLITS:
        raise ValueError(f"`split` must be None, 'train' or 'test'. Received: {split!r}")
    return _load_split(folder, *_SPLITS[split], value_range)


def load_fashion_mnist(
    value_range: tuple[float, float] | None = (0, 1), split: str | None = None
) -> tuple[Split, Split] | Split:
    """Fashion-MNIST, the official 60,000 training and 10,000 test pictures of clothes.

    Args:
        value_range: (low, high), the values of black and white; None for the original uint8, 0 ... 255.
        split: ``"train"`` or ``"test"`` for that one alone, which is quicker; None for both.

    Returns:
        ``((x_train, y_train), (x_test, y_test))``, or the ``(x, y)`` of one split: pictures (N, 28, 28, 1), channels
        last, float32 in ``value_range`` (or uint8); labels (N,), int64, positions in ``FASHION_MNIST_CLASSES``. The
        arrays are the caller's own. Fresh from disk each time: about 220 MB as float32.

    Raises:
        ValueError: ``value_range`` is not (low, high) with low < high, or there is no such split.
        MissingFile, DamagedFile: a file is absent, cut short or changed; the message names it and the remedy.

    Reference:
        Xiao, Rasul and Vollgraf (2017), Fashion-MNIST: a novel image dataset for benchmarking machine learning
        algorithms.
    """
    return _load("fashion_mnist", value_range, split)


def load_mnist(
    value_range: tuple[float, float] | None = (0, 1), split: str | None = None
) -> tuple[Split, Split] | Split:
    """MNIST, the official 60,000 training and 10,000 test pictures of handwritten digits.

    Args:
        value_range: (low, high), the values of black and white; None for the original uint8, 0 ... 255.
        split: ``"train"`` or ``"test"`` for that one alone, which is quicker; None for both.

    Returns:
        ``((x_train, y_train), (x_test, y_test))``, or one of them, as `load_fashion_mnist` gives them; a label is the
        digit.

    Raises:
        ValueError: ``value_range`` is not (low, high) with low < high, or there is no such split.
        MissingFile, DamagedFile: a file is absent, cut short or changed; the message names it and the remedy.

    Reference:
        LeCun, Bottou, Bengio and Haffner (1998), Gradient-based learning applied to document recognition.
    """
    return _load("mnist", value_range, split)
