"""Stable Diffusion 1 and 2 at full size: the course's own networks, with larger numbers (chapter 17).

These are presets of a kind of their own: published, not shipped. A preset of `models.presets` was trained by a recipe
of the course, and its weights lie in ``data/``. What is named here was trained by others, has weights of 4 to 5 GB
under a licence of their own, and comes to life only where somebody has the files: `models.published` reads them. That
is why neither ``presets.PRESETS`` nor ``recipes`` know these names.

Without any file the networks can be looked at and counted, ``shapes_only(lambda: unet("sd-1"))``, which takes no memory
for weights, and run with random weights.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import MappingProxyType

import keras

from diffusion_course.models.autoencoder_kl import AutoencoderKL
from diffusion_course.models.text_encoder import TextEncoder
from diffusion_course.models.unet import UNet

SIDE = 512  # pixels of a picture on each side, of the training of both (of a later 2.1: 768)
STEP = (
    64  # of which the side must be a multiple: eight pixels make a latent, and the U-Net halves three times
)
LATENT_SCALE = 0.18215
VOCABULARY, LENGTH = 49_408, 77


@dataclass(frozen=True)
class Release:
    """What differs between the two.

    Attributes:
        heads: of the U-Net's attentions at each level; in 1 their number is the same everywhere, in 2 their size, 64.
        text: sizes of the text encoder. That of 2 is one of 24 blocks whose last is never used.
        pad_id: what the tokenizer fills short texts up with. 2 was trained with 0; KerasCV takes 49,407 for both.
    """

    heads: tuple[int, ...]
    text: MappingProxyType
    pad_id: int


RELEASES = {
    "sd-1": Release(
        heads=(8, 8, 8, 8),
        text=MappingProxyType({"width": 768, "depth": 12, "heads": 12, "activation": "quick_gelu"}),
        pad_id=VOCABULARY - 1,
    ),
    "sd-2": Release(
        heads=(5, 10, 20, 20),
        text=MappingProxyType({"width": 1024, "depth": 23, "heads": 16, "activation": "gelu"}),
        pad_id=0,
    ),
}
SCHEDULE = ("scaled linear", 1000)
# Two conventions, for the same weights. The first is that of the training; the second is KerasCV's.
CONVENTIONS = {
    "original": {"epsilon": 1e-6, "approximate": False},
    "keras-cv": {"epsilon": 1e-5, "approximate": True},
}


def release(name: str) -> Release:
    """One of ``RELEASES``; ValueError, which lists them, for another name."""
    if name not in RELEASES:
        raise ValueError(f"A published preset must be one of {', '.join(RELEASES)}. Received: {name!r}")
    return RELEASES[name]


def unet(
    name: str,
    *,
    side: int = SIDE,
    extra_channels: int = 0,
    conventions: str = "original",
    **changes,
) -> UNet:
    """The U-Net of a release, untrained: 859,520,964 parameters in 1, 865,910,724 in 2.

    Args:
        name: "sd-1" or "sd-2".
        side: of the pictures, in pixels, a multiple of 64; latents have an eighth of it.
        extra_channels: 5 for the networks that were trained to fill holes, which see a mask and four latents more.
        conventions: "original", those of the training, which diffusers has too; or "keras-cv", see ``CONVENTIONS``.
        **changes: other arguments of `UNet`, such as smaller widths.

    Raises:
        ValueError: another name, side or convention.

    Reference: Rombach et al. 2022 (arXiv:2112.10752), appendix E, and the configurations published with the weights.
    """
    side = check_side(side) // 8
    own = _convention(conventions)
    sizes = {
        "image_shape": (side, side, 4),
        "widths": (320, 640, 1280, 1280),
        "num_res_blocks": 2,
        "attention": (True, True, True, False),
        "heads": release(name).heads,
        "groups": 32,
        "context_dim": release(name).text["width"],
        "extra_channels": extra_channels,
        "time": "add",
        "padding": "symmetric",
        "transformer_epsilon": own["epsilon"],
        "approximate": own["approximate"],
    }
    return UNet(**{**sizes, **changes})


def text_encoder(name: str, **changes) -> TextEncoder:
    """The text encoder of a release, untrained: 123,060,480 parameters in 1, 340,387,840 in 2.

    Args:
        name: "sd-1", the text part of CLIP ViT-L/14, or "sd-2", that of OpenCLIP ViT-H.
        **changes: other arguments of `TextEncoder`.

    Raises:
        ValueError: another name.
    """
    sizes = {"vocabulary_size": VOCABULARY, "length": LENGTH, **release(name).text}
    return TextEncoder(**{**sizes, **changes})


def autoencoder(*, side: int = SIDE, conventions: str = "original", **changes) -> AutoencoderKL:
    """The autoencoder of both releases, untrained: an encoder of 34,163,664 parameters, a decoder of 49,490,199.

    Args:
        side, conventions: as in `unet`.
        **changes: other arguments of `AutoencoderKL`.

    Raises:
        ValueError: another side or convention.

    Reference: Rombach et al. 2022 (arXiv:2112.10752), section 3.1 and appendix G.
    """
    side = check_side(side)
    sizes = {
        "image_shape": (side, side, 3),
        "latent_channels": 4,
        "fold": 1,
        "widths": (128, 256, 512, 512),
        "num_res_blocks": 2,
        "middle_attention": True,
        "code_convs": True,
        "groups": 32,
        "epsilon": _convention(conventions)["epsilon"],
        "latent_scale": LATENT_SCALE,
    }
    return AutoencoderKL(**{**sizes, **changes})


def shapes_only(make: Callable[[], keras.Model]) -> keras.Model:
    """Makes a model without memory for its weights: to count, to print and to draw, not to call.

    Args:
        make: the model's constructor, without arguments.

    Returns:
        The model; its variables have shapes and names, but no values.
    """
    policy = keras.config.dtype_policy()

    def inside():
        keras.config.set_dtype_policy(policy)
        with keras.StatelessScope(
            initialize_variables=False
        ):  # inside, Keras puts off giving variables values
            return make()

    # In a thread of its own: Keras keeps a list of variables that await their values, one for each thread, and the next
    # scope in this one would fill them all.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(inside).result()


def check_side(side: int) -> int:
    """Returns ``side`` if pictures may have it; else raises ValueError."""
    if side < STEP or side % STEP:
        raise ValueError(f"The side of a picture must be a multiple of {STEP}. Received: {side}")
    return side


def _convention(name: str) -> dict:
    if name not in CONVENTIONS:
        raise ValueError(f"`conventions` must be one of {', '.join(CONVENTIONS)}. Received: {name!r}")
    return CONVENTIONS[name]
