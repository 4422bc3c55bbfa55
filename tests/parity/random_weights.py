"""Random weights that follow from their names: what would be 80 MB of files is made again wherever it is needed.

Norms are random too: ones and zeros would hide what is swapped. And convolutions make what passes through them smaller,
as in the first layers of trained networks: to large numbers a norm adds its epsilon in vain, and a wrong one would not
show.
"""

import math
import zlib

import numpy as np


def uniform(name: str, shape) -> np.ndarray:
    """Numbers from -1 to 1, float32, the same everywhere: NumPy promises the bits of PCG64 for all of its versions."""
    bits = np.random.PCG64(zlib.crc32(name.encode())).random_raw(math.prod(shape))
    return ((bits >> np.uint64(40)).astype("float32") / 2**23 - 1).reshape(shape)


def tensor(name: str, shape) -> np.ndarray:
    """The tensor of that name in a network of PyTorch; dense layers keep the spread of what they get."""
    values = uniform(name, shape)
    if "embedding." in name and len(shape) == 2 and "linear" not in name:
        return 0.5 * values
    if len(shape) > 1:
        gain = 0.25 if len(shape) == 4 else 1.0
        return values * np.float32(gain * math.sqrt(3 / math.prod(shape[1:])))
    return 1 + 0.5 * values if name.endswith("weight") else 0.05 * values
