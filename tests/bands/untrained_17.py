"""Chapter 17, which trains nothing, with the wrong sizes and nothing found, for `test_untrained`."""

import tempfile
from pathlib import Path

import keras
import numpy as np
from safetensors.numpy import save_file

from diffusion_course.course.files import DamagedFile
from diffusion_course.models import stable_diffusion
from diffusion_course.models.published import fill
from diffusion_course.models.published_names import Part
from diffusion_course.models.tensor_files import SafetensorsFile
from diffusion_course.tools.operations import multiply_adds


def refused_without_checksum(tries: int = 20) -> float:
    """Share of files with one flipped bit in a number that are refused where no checksum is known."""
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(64, name="dense")])
    parts, rng, refused = (
        [Part(model.layers[0].kernel.path.removesuffix("/kernel"), ("dense",))],
        np.random.default_rng(0),
        0,
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.safetensors"
        kernel = rng.standard_normal((64, 64)).astype("float32")
        save_file({"dense.weight": kernel, "dense.bias": np.zeros(64, "float32")}, path)
        content = path.read_bytes()
        header = 8 + int.from_bytes(content[:8], "little")
        for place in rng.integers(header, len(content), tries):
            damaged = bytearray(content)
            damaged[place] ^= 1 << int(rng.integers(8))
            path.write_bytes(damaged)
            try:
                fill(model, parts, SafetensorsFile(path))
            except DamagedFile:
                refused += 1
    return refused / tries


def untrained_17():
    """The other release, all products where those with weights were asked for, and conventions that nobody broke."""
    other = stable_diffusion.shapes_only(lambda: stable_diffusion.unet("sd-2"))
    own = stable_diffusion.shapes_only(lambda: stable_diffusion.unet("sd-1"))
    told = {
        "x": keras.KerasTensor((1, 64, 64, 4)),
        "t": keras.KerasTensor((1,), "int32"),
        "context": keras.KerasTensor((1, 77, 768)),
    }
    return {
        "unet_parameters": sum(int(np.prod(v.shape)) for v in other.trainable_variables) / 1e6,
        "multiply_adds": multiply_adds(own, told) / 1e9,
        "attention_share": 0.0,  # as tools count that look at layers alone
        "epsilon_error": 0.0,
        "gelu_error": 0.0,
        "bfloat16_error": 0.0,
        "refused": refused_without_checksum(),
        "shift_pixels": 0.0,
        "scene_shift": 0.0,
    }
