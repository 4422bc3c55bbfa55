"""Small published networks as files: folders as diffusers writes them, and Keras files in KerasCV's order."""

import json
from functools import partial
from pathlib import Path

import h5py
import numpy as np
from random_weights import tensor
from safetensors.numpy import save_file

from diffusion_course.models import stable_diffusion

HERE = Path(__file__).parent
FACTS = json.loads((HERE / "parity.json").read_text(encoding="utf-8"))
FILES = {
    "unet": "diffusion_pytorch_model.safetensors",
    "vae": "diffusion_pytorch_model.safetensors",
    "text_encoder": "model.safetensors",
}
CONTEXT = 32
# What `make_parity.py` builds, in our words.
UNETS = {"sd-1": {}, "sd-2": {"heads": (1, 2, 4, 4), "num_res_blocks": 1}}
SMALL_UNET = {"image_shape": (8, 16, 4), "widths": (32, 64, 128, 128), "context_dim": CONTEXT}
SMALL_TEXT = {"width": CONTEXT, "depth": 2, "heads": 4}
SMALL_VAE = {"image_shape": (64, 128, 3), "widths": (32, 32, 64, 64)}


def make_small(monkeypatch, name: str) -> None:
    """Lets `stable_diffusion` make the reduced networks from now on."""
    sizes = {"unet": {**SMALL_UNET, **UNETS[name]}, "text_encoder": SMALL_TEXT, "autoencoder": SMALL_VAE}
    for function, changes in sizes.items():
        monkeypatch.setattr(
            stable_diffusion, function, partial(getattr(stable_diffusion, function), **changes)
        )


def tensors(name: str) -> dict[str, np.ndarray]:
    """All tensors of a network of parity.json, e.g. "sd-1/unet", in PyTorch's layout."""
    return {key: tensor(key, shape) for key, shape in FACTS["shapes"][name].items()}


def diffusers_folder(folder: Path, name: str, prediction: str = "epsilon") -> Path:
    """Writes a release's folder; returns it."""
    for part, file in FILES.items():
        (folder / part).mkdir(parents=True)
        save_file(tensors("vae" if part == "vae" else f"{name}/{part}"), folder / part / file)
    (folder / "scheduler").mkdir()
    scheduler = {"beta_schedule": "scaled_linear", "num_train_timesteps": 1000, "prediction_type": prediction}
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(scheduler), encoding="utf-8")
    return folder


# --- Keras files, in which only the order says what a tensor is: as KerasCV's networks list their layers

RESIDUAL = ("norm1", "conv1", "time_emb_proj", "norm2", "conv2", "conv_shortcut")
ATTENTIONS = [f"attn{i}.{part}" for i in (1, 2) for part in ("to_q", "to_k", "to_v", "to_out.0")]
TRANSFORMER = ["norm1", *ATTENTIONS[:4], "norm2", *ATTENTIONS[4:], "norm3", "ff.net.0.proj", "ff.net.2"]
TRANSFORMER = ["norm", "proj_in", *(f"transformer_blocks.0.{part}" for part in TRANSFORMER), "proj_out"]
VAE_ATTENTION = ("group_norm", "to_q", "to_k", "to_v", "to_out.0")
TEXT_BLOCK = ["layer_norm1", *(f"self_attn.{p}_proj" for p in ("q", "k", "v", "out"))]
TEXT_BLOCK += ["layer_norm2", "mlp.fc1", "mlp.fc2"]


def inside(module: str, parts) -> list[str]:
    return [f"{module}.{part}" for part in parts]


def unet_layers() -> list[list[str]]:
    """KerasCV's DiffusionModel: for each layer with weights the names of diffusers' modules in it."""
    layers = [["time_embedding.linear_1"], ["conv_in"], ["time_embedding.linear_2"]]
    for level in range(4):
        for i in range(2):
            layers.append(inside(f"down_blocks.{level}.resnets.{i}", RESIDUAL))
            if level < 3:
                layers.append(inside(f"down_blocks.{level}.attentions.{i}", TRANSFORMER))
        if level < 3:
            layers.append([f"down_blocks.{level}.downsamplers.0.conv"])
    layers.append(inside("mid_block.resnets.0", RESIDUAL))
    layers.append(inside("mid_block.attentions.0", TRANSFORMER))
    layers.append(inside("mid_block.resnets.1", RESIDUAL))
    for up in range(4):
        for i in range(3):
            layers.append(inside(f"up_blocks.{up}.resnets.{i}", RESIDUAL))
            if up > 0:
                layers.append(inside(f"up_blocks.{up}.attentions.{i}", TRANSFORMER))
        if up < 3:
            layers.append([f"up_blocks.{up}.upsamplers.0.conv"])
    return [*layers, ["conv_norm_out"], ["conv_out"]]


def text_layers(depth: int = 2) -> list[list[str]]:
    """KerasCV's TextEncoder."""
    embeddings = inside("text_model.embeddings", ("token_embedding", "position_embedding"))
    blocks = [inside(f"text_model.encoder.layers.{i}", TEXT_BLOCK) for i in range(depth)]
    return [embeddings, *blocks, ["text_model.final_layer_norm"]]


def _middle(half: str) -> list[list[str]]:
    blocks = [inside(f"{half}.mid_block.resnets.{i}", RESIDUAL) for i in (0, 1)]
    return [blocks[0], inside(f"{half}.mid_block.attentions.0", VAE_ATTENTION), blocks[1]]


def encoder_layers() -> list[list[str]]:
    """KerasCV's ImageEncoder."""
    layers = [["encoder.conv_in"]]
    for level in range(4):
        layers += [inside(f"encoder.down_blocks.{level}.resnets.{i}", RESIDUAL) for i in range(2)]
        if level < 3:
            layers.append([f"encoder.down_blocks.{level}.downsamplers.0.conv"])
    return [*layers, *_middle("encoder"), ["encoder.conv_norm_out"], ["encoder.conv_out"], ["quant_conv"]]


def decoder_layers() -> list[list[str]]:
    """KerasCV's Decoder."""
    layers = [["post_quant_conv"], ["decoder.conv_in"], *_middle("decoder")]
    for up in range(4):
        layers += [inside(f"decoder.up_blocks.{up}.resnets.{i}", RESIDUAL) for i in range(3)]
        if up < 3:
            layers.append([f"decoder.up_blocks.{up}.upsamplers.0.conv"])
    return [*layers, ["decoder.conv_norm_out"], ["decoder.conv_out"]]


def keras_file(
    path: Path, layers: list[list[str]], named: dict[str, np.ndarray], *, chunks: bool = False
) -> Path:
    """Writes a legacy Keras HDF5 file, whose names say nothing; ``chunks``: lists of names lie in numbered pieces."""

    def put(group, attribute, names):
        names = np.array([name.encode() for name in names])
        if not chunks:
            group.attrs[attribute] = names
            return
        for i, piece in enumerate(np.array_split(names, 2 if len(names) else 1)):
            group.attrs[f"{attribute}{i}"] = piece

    def turned(name):
        value = named[name]
        if value.ndim == 4:
            return value.transpose(2, 3, 1, 0)
        return value.T if value.ndim == 2 and "embeddings" not in name else value

    with h5py.File(path, "w") as file:
        groups = []
        for number, modules in enumerate([["no weights"], *layers]):
            groups.append(f"layer_{97 - number}")  # the alphabet must not matter
            group = file.create_group(groups[-1])
            names = [f"{m}.{kind}" for m in modules for kind in ("weight", "bias") if f"{m}.{kind}" in named]
            stored = [f"thing_{88 + 7 * i}/inner_{i % 3}/w_{99 - i}:0" for i in range(len(names))]
            put(group, "weight_names", stored)
            for key, name in zip(stored, names, strict=True):
                group[key] = turned(name)
        put(file, "layer_names", groups)
    return path
