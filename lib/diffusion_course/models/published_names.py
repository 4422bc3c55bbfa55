"""Which layer of ours is which layer of the published networks: one table for both kinds of files (chapter 17).

Each function lists its network's parts in the order of the published Keras files, in which a tensor is known by its
place alone: reading order, but for the time embedding's first layer, which comes before all else. Diffusers' files know
tensors by name, and need no order. Within a part the kernel comes before the bias, and gamma before beta.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from diffusion_course.models.autoencoder_kl import AutoencoderKL
from diffusion_course.models.text_encoder import TextEncoder
from diffusion_course.models.unet import UNet


@dataclass(frozen=True)
class Part:
    """A layer with weights.

    Attributes:
        ours: path of the layer, to which "/kernel" and so on is added.
        theirs: name of the module in diffusers, to which ".weight" or ".bias" is added. Several, where three of their
            layers are one of ours: side by side in the kernel's last axis.
    """

    ours: str
    theirs: tuple[str, ...]


def _parts(ours: str, theirs: str, names: dict[str, str | tuple[str, ...]]) -> Iterator[Part]:
    for own, other in names.items():
        others = (other,) if isinstance(other, str) else other
        yield Part(f"{ours}/{own}", tuple(f"{theirs}.{name}" for name in others))


_RESIDUAL = {"norm_1": "norm1", "conv_1": "conv1", "time": "time_emb_proj"}
_RESIDUAL |= {
    "norm_2": "norm2",
    "conv_2": "conv2",
    "shortcut": "conv_shortcut",
}  # not every block has all of them
_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "out": "to_out.0"}
_VAE_ATTENTION = {"norm": "group_norm", "qkv": ("to_q", "to_k", "to_v"), "out": "to_out.0"}
_TRANSFORMER = {
    "norm": "norm",
    "project_in": "proj_in",
    "block_0/norm_1": "transformer_blocks.0.norm1",
    **{f"block_0/self_attention/{a}": f"transformer_blocks.0.attn1.{b}" for a, b in _ATTENTION.items()},
    "block_0/norm_2": "transformer_blocks.0.norm2",
    **{f"block_0/cross_attention/{a}": f"transformer_blocks.0.attn2.{b}" for a, b in _ATTENTION.items()},
    "block_0/norm_3": "transformer_blocks.0.norm3",
    "block_0/mlp/dense": "transformer_blocks.0.ff.net.0.proj",
    "block_0/out": "transformer_blocks.0.ff.net.2",
    "project_out": "proj_out",
}
_TEXT_BLOCK = {
    "norm_1": "layer_norm1",
    **{
        f"attention/{a}": f"self_attn.{b}_proj"
        for a, b in zip(_ATTENTION, ("q", "k", "v", "out"), strict=True)
    },
    "norm_2": "layer_norm2",
    "mlp": "mlp.fc1",
    "out": "mlp.fc2",
}


def unet_parts(network: UNet) -> list[Part]:
    """The parts of `stable_diffusion.unet`."""
    last, blocks = len(network.widths) - 1, network.num_res_blocks

    def level_parts(way: str, level: int, theirs: str, count: int) -> Iterator[Part]:
        for i in range(count):
            yield from _parts(f"{way}_{level}_block_{i}", f"{theirs}.resnets.{i}", _RESIDUAL)
            if network.attention[level]:
                yield from _parts(f"{way}_{level}_attention_{i}", f"{theirs}.attentions.{i}", _TRANSFORMER)

    parts = [Part("time_embedding/first", ("time_embedding.linear_1",)), Part("first", ("conv_in",))]
    parts += [Part("time_embedding/second", ("time_embedding.linear_2",))]
    for level in range(last + 1):
        parts += level_parts("down", level, f"down_blocks.{level}", blocks)
        if level < last:
            parts += [Part(f"down_{level}_halve/conv", (f"down_blocks.{level}.downsamplers.0.conv",))]
    parts += _parts("middle_block_0", "mid_block.resnets.0", _RESIDUAL)
    parts += _parts("middle_attention", "mid_block.attentions.0", _TRANSFORMER)
    parts += _parts("middle_block_1", "mid_block.resnets.1", _RESIDUAL)
    for level in range(last, -1, -1):
        theirs = f"up_blocks.{last - level}"  # they count from the bottom up
        parts += level_parts("up", level, theirs, blocks + 1)
        if level:
            parts += [Part(f"up_{level}_double/conv", (f"{theirs}.upsamplers.0.conv",))]
    return [*parts, Part("last_norm", ("conv_norm_out",)), Part("last", ("conv_out",))]


def text_parts(encoder: TextEncoder) -> list[Part]:
    """The parts of `stable_diffusion.text_encoder`."""
    parts = [Part(f"text_embedding/{name}", (f"text_model.embeddings.{name}",)) for name in _EMBEDDINGS]
    for i in range(encoder.depth):
        parts += _parts(f"text_block_{i}", f"text_model.encoder.layers.{i}", _TEXT_BLOCK)
    return [*parts, Part("text_norm", ("text_model.final_layer_norm",))]


_EMBEDDINGS = ("token_embedding", "position_embedding")


def encoder_parts(model: AutoencoderKL) -> list[Part]:
    """The parts of the encoder of `stable_diffusion.autoencoder`."""
    parts = [Part("encoder_first", ("encoder.conv_in",))]
    for level in range(len(model.widths)):
        theirs = f"encoder.down_blocks.{level}"
        for i in range(model.num_res_blocks):
            parts += _parts(f"encoder_{level}_block_{i}", f"{theirs}.resnets.{i}", _RESIDUAL)
        if level < len(model.widths) - 1:
            parts += [Part(f"encoder_{level}_halve/conv", (f"{theirs}.downsamplers.0.conv",))]
    parts += _vae_middle("encoder")
    ends = {"norm": "encoder.conv_norm_out", "last": "encoder.conv_out", "code": "quant_conv"}
    return parts + [Part(f"encoder_{own}", (other,)) for own, other in ends.items()]


def decoder_parts(model: AutoencoderKL) -> list[Part]:
    """The parts of the decoder of `stable_diffusion.autoencoder`."""
    last = len(model.widths) - 1
    parts = [Part("decoder_code", ("post_quant_conv",)), Part("decoder_first", ("decoder.conv_in",))]
    parts += _vae_middle("decoder")
    for level in range(last, -1, -1):
        theirs = f"decoder.up_blocks.{last - level}"
        for i in range(model.num_res_blocks + 1):
            parts += _parts(f"decoder_{level}_block_{i}", f"{theirs}.resnets.{i}", _RESIDUAL)
        if level:
            parts += [Part(f"decoder_{level}_double/conv", (f"{theirs}.upsamplers.0.conv",))]
    ends = {"norm": "decoder.conv_norm_out", "last": "decoder.conv_out"}
    return parts + [Part(f"decoder_{own}", (other,)) for own, other in ends.items()]


def _vae_middle(half: str) -> Iterator[Part]:
    yield from _parts(f"{half}_middle_block_0", f"{half}.mid_block.resnets.0", _RESIDUAL)
    yield from _parts(f"{half}_middle_attention", f"{half}.mid_block.attentions.0", _VAE_ATTENTION)
    yield from _parts(f"{half}_middle_block_1", f"{half}.mid_block.resnets.1", _RESIDUAL)
