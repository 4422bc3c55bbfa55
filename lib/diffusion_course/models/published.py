"""Published weights of Stable Diffusion from a folder into the course's networks (chapter 17).

The course neither ships nor fetches them. A folder may hold either of two forms:

- KerasCV's files, as in `models.published_files`; their checksums are known.
- A folder as diffusers writes it: ``unet``, ``vae`` and ``text_encoder`` with a safetensors file each, in float32,
  float16 or bfloat16; also of a network that somebody trained further, whose checksum nobody knows.

Nothing of a network is set before every tensor of its file has been found, with the shape that it must have, none left
over, and all of it finite. At no time is more than one tensor in memory beside the network.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from diffusion_course.course.files import DamagedFile, MissingFile
from diffusion_course.models import stable_diffusion
from diffusion_course.models.autoencoder_kl import AutoencoderKL
from diffusion_course.models.published_files import DIFFUSERS_FILES, KERAS_FILES, what_is_needed
from diffusion_course.models.published_names import (
    Part,
    decoder_parts,
    encoder_parts,
    text_parts,
    unet_parts,
)
from diffusion_course.models.tensor_files import KerasFile, SafetensorsFile, known_checksum
from diffusion_course.models.text_encoder import TextEncoder
from diffusion_course.models.unet import UNet

PREDICTIONS = {"epsilon": "noise", "v_prediction": "velocity", "sample": "x0"}


@dataclass(frozen=True)
class Networks:
    """What `load_published` makes of a folder.

    Attributes:
        unet, text_encoder, autoencoder: with the published weights.
        prediction: what the U-Net says, "noise", "velocity" or "x0".
    """

    unet: UNet
    text_encoder: TextEncoder
    autoencoder: AutoencoderKL
    prediction: str


def load_published(name: str, folder: Path | str, *, side: int | None = None) -> Networks:
    """All networks of a release with the weights that lie in a folder.

    Args:
        name: "sd-1" or "sd-2".
        folder: in one of the two forms.
        side: of the pictures in pixels, a multiple of 64; by default that of the training, 512, or what the folder's
            ``unet/config.json`` says.

    Raises:
        MissingFile: a file is not there; the message says which are needed, and where their licence stands.
        DamagedFile: a file is not what it must be; the message names it.
        ValueError: another name or side.
    """
    folder = Path(folder)
    stable_diffusion.release(name)
    if side is not None:
        stable_diffusion.check_side(side)
    if (folder / KERAS_FILES[name]["unet"].name).is_file():
        return _from_keras(name, folder, side or stable_diffusion.SIDE)
    if (folder / "unet").is_dir():
        return _from_diffusers(name, folder, side)
    raise MissingFile(f"{what_is_needed(name)}\nReceived: {folder}, where neither is")


def _from_keras(name: str, folder: Path, side: int) -> Networks:
    files = KERAS_FILES[name]
    missing = [str(file) for file in files.values() if not (folder / file.name).is_file()]
    if missing:
        raise MissingFile(
            "\n".join([f"{folder} must also hold what is missing. Received: without", *missing])
        )
    opened = {part: KerasFile(folder / file.name, file.sha256) for part, file in files.items()}
    unet = stable_diffusion.unet(name, side=side)
    fill(unet, unet_parts(unet), opened["unet"])
    text = stable_diffusion.text_encoder(name)
    fill(text, text_parts(text), opened["text_encoder"])
    autoencoder = stable_diffusion.autoencoder(side=side)
    fill(autoencoder.encoder, encoder_parts(autoencoder), opened["encoder"])
    fill(autoencoder.decoder, decoder_parts(autoencoder), opened["decoder"])
    return Networks(unet, text, autoencoder, "noise")


def _from_diffusers(name: str, folder: Path, side: int | None) -> Networks:
    prediction = _prediction(folder / "scheduler" / "scheduler_config.json")
    opened = {part: _opened(folder, part) for part in DIFFUSERS_FILES}
    latents = _json(folder / "unet" / "config.json").get("sample_size")
    side = side or (8 * latents if isinstance(latents, int) else stable_diffusion.SIDE)
    unet = stable_diffusion.unet(name, side=side, extra_channels=_extra_channels(opened["unet"]))
    fill(unet, unet_parts(unet), opened["unet"])
    text = stable_diffusion.text_encoder(name)
    fill(text, text_parts(text), opened["text_encoder"])
    autoencoder = stable_diffusion.autoencoder(side=side)
    fill(autoencoder, encoder_parts(autoencoder) + decoder_parts(autoencoder), opened["vae"])
    return Networks(unet, text, autoencoder, prediction)


def _opened(folder: Path, part: str) -> SafetensorsFile:
    paths = [folder / part / file for file in DIFFUSERS_FILES[part]]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        raise MissingFile(f"{folder} must hold {' or '.join(map(str, paths))}. Received: neither")
    return SafetensorsFile(path, known_checksum(path, folder))


def _extra_channels(file: SafetensorsFile) -> int:
    """5 for a network that was trained to fill holes, whose first convolution sees nine channels."""
    channels = file.shapes.get("conv_in.weight", (0, 4))[1]
    if channels not in (4, 9):
        raise DamagedFile(f"{file.path} must be of a network with 4 or 9 channels. Received: {channels}")
    return channels - 4


def _prediction(path: Path) -> str:
    """What a diffusers folder's scheduler says that the network predicts; "noise" where nothing says."""
    config = _json(path)
    curve = [config.get("beta_schedule", "scaled_linear"), config.get("num_train_timesteps", 1000)]
    kind = config.get("prediction_type", "epsilon")
    if curve != ["scaled_linear", 1000] or kind not in PREDICTIONS:
        raise DamagedFile(
            f"{path} must say scaled_linear, 1000 and one of {', '.join(PREDICTIONS)}. Received: {curve}, {kind}"
        )
    return PREDICTIONS[kind]


def _json(path: Path) -> dict:
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DamagedFile(f"{path} must be JSON. Received: {error}") from error
    if not isinstance(content, dict):
        raise DamagedFile(f"{path} must be a JSON object. Received: {type(content).__name__}")
    return content


# --- One file into one network


def fill(model: keras.Model, parts: Sequence[Part], file: KerasFile | SafetensorsFile) -> None:
    """Sets a network's weights from a file, once all of it has been checked.

    Args:
        model: built; of its variables only ``latent_scale`` is in no file.
        parts: its parts, in the order of Keras files.
        file: opened.

    Raises:
        DamagedFile: a tensor is missing, left over, of another shape, or not finite. The network is as it was then.
    """
    slots = list(_slots(model, parts, by_order=isinstance(file, KerasFile)))
    wanted = {key for slot in slots for key in slot.keys}
    if set(file.shapes) != wanted:
        missing, left = sorted(wanted - set(file.shapes)), sorted(set(file.shapes) - wanted)
        raise DamagedFile(
            f"{file.path} must hold exactly the tensors of {model.name}, {len(wanted)}. Received: "
            f"{len(file.shapes)}, without {missing[:5]}, in excess {left[:5]}"
        )
    for slot in slots:
        for key in slot.keys:
            if file.shapes[key] not in slot.shapes:
                raise DamagedFile(
                    f"{file.path}: {key}, for {slot.variable.path}, must have shape "
                    f"{' or '.join(map(str, slot.shapes))}. Received: {file.shapes[key]}"
                )
    for slot in slots:
        for key in slot.keys:
            if not np.isfinite(file.read(key)).all():
                raise DamagedFile(f"{file.path}: {key} must be finite. Received: NaN or infinity")
    for slot in slots:
        slot.variable.assign(np.concatenate([slot.turned(file.read(key)) for key in slot.keys], axis=-1))


@dataclass(frozen=True)
class _Slot:
    """A variable, and the tensors of a file that make it, side by side in its last axis.

    Attributes:
        variable: ours.
        keys: of the tensors.
        shapes: that each of them may have.
        torch: whether kernels are stored as PyTorch does, outputs first: (out, in, h, w) or (out, in).
    """

    variable: keras.Variable
    keys: tuple
    shapes: tuple[tuple[int, ...], ...]
    torch: bool

    def turned(self, tensor: np.ndarray) -> np.ndarray:
        """A tensor in our layout, (h, w, in, out) or (in, out)."""
        if self.torch:
            tensor = tensor.transpose((2, 3, 1, 0) if tensor.ndim == 4 else (1, 0))
        return tensor.reshape(*self.variable.shape[:-1], -1)


def _slots(model: keras.Model, parts: Sequence[Part], by_order: bool) -> Iterator[_Slot]:
    variables = {v.path: v for v in model.weights if not v.path.endswith("/latent_scale")}
    place = 0
    for part in parts:
        own = [variables.pop(p) for n in _SUFFIXES if (p := f"{part.ours}/{n}") in variables]
        for i, variable in enumerate(own):
            kind = variable.path.rsplit("/")[-1]
            *front, last = variable.shape
            shape = (*front, last // len(part.theirs))
            if by_order:  # of each of their modules first the kernel, then the bias
                keys = tuple(place + i + len(own) * j for j in range(len(part.theirs)))
            else:
                keys = tuple(f"{theirs}.{_SUFFIXES[kind]}" for theirs in part.theirs)
            torch = kind == "kernel" and not by_order
            yield _Slot(variable, keys, tuple(_stored(shape, kind, torch)), torch)
        place += len(own) * len(part.theirs)
    if variables:
        raise ValueError(
            f"`parts` must name every variable of {model.name}. Received: without {sorted(variables)}"
        )


_SUFFIXES = {"kernel": "weight", "gamma": "weight", "embeddings": "weight", "bias": "bias", "beta": "bias"}


def _stored(shape: tuple[int, ...], kind: str, torch: bool) -> Iterator[tuple[int, ...]]:
    """The shapes in which a variable of ours may be stored: our dense layers over pixels may be 1 x 1 convolutions."""
    own = (shape[3], shape[2], *shape[:2]) if len(shape) == 4 else shape[::-1]
    own = own if torch else shape
    yield own
    if kind == "kernel" and len(shape) == 2:
        yield (*own, 1, 1) if torch else (1, 1, *own)
