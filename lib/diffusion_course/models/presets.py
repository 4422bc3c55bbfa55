"""Models by name: their sizes, and the trained weights that come with the course."""

from collections.abc import Callable
from functools import partial

import keras

from diffusion_course.course.files import read_verified
from diffusion_course.models.anomaly import AnomalyDetector
from diffusion_course.models.autoencoder import Autoencoder
from diffusion_course.models.classifier import Classifier
from diffusion_course.models.denoising_autoencoders import DenoisingAutoencoder, DnCNN
from diffusion_course.models.resnet_denoiser import ResNetDenoiser
from diffusion_course.models.unet import UNet
from diffusion_course.models.vae import VAE
from diffusion_course.models.weights import load_weights

FASHION_LATENT_DIMS = (2, 4, 8, 16, 32)
VAE_BETAS = (0.1, 1.0, 4.0, 16.0)
_DENSE = {"network": "dense", "widths": (256, 256, 256)}

PRESETS: dict[str, Callable[[], keras.Model]] = {
    **{f"autoencoder-fashion-{d}": partial(Autoencoder, latent_dim=d) for d in FASHION_LATENT_DIMS},
    "classifier-mnist": Classifier,
    "classifier-fashion": Classifier,
    "autoencoder-mnist-2": partial(Autoencoder, latent_dim=2),
    "vae-mnist-2": partial(VAE, latent_dim=2, **_DENSE),
    "vae-mnist-16": partial(VAE, latent_dim=16, **_DENSE),
    "vae-mnist-2-conv": partial(VAE, latent_dim=2, network="conv"),
    **{
        f"vae-mnist-2-beta-{b:g}": partial(VAE, latent_dim=2, network="dense", widths=(128, 128, 128), beta=b)
        for b in VAE_BETAS
    },
    "denoiser-fashion-autoencoder": DenoisingAutoencoder,
    "denoiser-fashion-residual": DnCNN,
    "denoiser-fashion-blind": DnCNN,
    "denoiser-fashion-conditioned": partial(DnCNN, conditioned=True),
    "denoiser-fashion-unclipped": partial(DnCNN, conditioned=True),
}
# Chapter 04: signals and codes of any sign, a wider network, and training as a denoiser.
PRESETS["anomaly-ecg"] = partial(
    AnomalyDetector,
    widths=(128, 64, 8),
    code_activation="linear",
    output_activation="linear",
    noise=0.5,
)
# Chapter 06: most of a time embedding of the usual size would be parameters without work.
PRESETS["resnet-mnist"] = partial(ResNetDenoiser, width=64, blocks=4, embedding_units=128)

# Part II. Cheap steps, for training on a CPU: pixels folded 2 x 2, so 14 x 14 is the largest resolution.
_SMALL_UNET = {"fold": 2, "widths": (32, 64), "num_res_blocks": 1}
PRESETS |= {
    "unet-mnist": partial(UNet, **_SMALL_UNET),
    "unet-fashion": partial(UNet, **_SMALL_UNET),
    "unet-mnist-muon": partial(UNet, **_SMALL_UNET),
    "unet-mnist-short": partial(UNet, **_SMALL_UNET),
    "unet-fashion-short": partial(UNet, **_SMALL_UNET),
    "unet-mnist-no-skips": partial(UNet, **_SMALL_UNET, skips=False),
    "unet-mnist-learned": partial(UNet, **_SMALL_UNET, out_channels=2),
}
# Networks without shipped weights, for who has a GPU: the size of many tutorials, with 96 channels, multipliers 1-2-2,
# two blocks per level, attention of one head at the bottom, 500 steps.
SIZES: dict[str, Callable[[], keras.Model]] = {
    "unet-96": partial(UNet, widths=(96, 192, 192), num_res_blocks=2, heads=1),
}
# What the diffusion networks were trained for; `pipelines` turns it into a schedule and a sampler.
_COSINE = {"schedule": "cosine", "steps": 1000, "prediction": "velocity"}
DIFFUSION: dict[str, dict] = {name: _COSINE for name in PRESETS if name.startswith("unet-")} | {
    name: {"schedule": "linear", "steps": 500, "prediction": "noise"} for name in ("resnet-mnist", "unet-96")
}


def build(name: str) -> keras.Model:
    """A preset's model, untrained.

    Args:
        name: one of ``PRESETS``.

    Raises:
        ValueError: there is no such preset; the message lists them.
    """
    if name not in PRESETS:
        raise ValueError(f"A preset must be one of {', '.join(PRESETS)}. Received: {name!r}")
    return PRESETS[name]()


def weights_file(name: str) -> str:
    """The preset's weight file, relative to ``data/``."""
    return f"weights/{name}.safetensors"


def load_pretrained(name: str) -> keras.Model:
    """A preset's model with the weights that come with the course (``data/weights``, see the card beside them).

    Args:
        name: one of ``PRESETS``.

    Returns:
        A built model, float32.

    Raises:
        ValueError: there is no such preset.
        MissingFile, DamagedFile: the weight file is absent, or fails its checksum, or fits another model.
    """
    model = build(name)
    file = weights_file(name)
    load_weights(model, read_verified(file), file)
    return model
