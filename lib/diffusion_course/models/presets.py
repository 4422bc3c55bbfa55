"""Models by name: one record each, and the trained weights that come with the course."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import keras

from diffusion_course.course.trained import read_trained
from diffusion_course.models.anomaly import AnomalyDetector
from diffusion_course.models.autoencoder import Autoencoder
from diffusion_course.models.autoencoder_kl import AutoencoderKL
from diffusion_course.models.classifier import Classifier
from diffusion_course.models.clip import CLIP
from diffusion_course.models.denoising_autoencoders import DenoisingAutoencoder, DnCNN
from diffusion_course.models.noisy_classifier import NoisyClassifier
from diffusion_course.models.resnet_denoiser import ResNetDenoiser
from diffusion_course.models.unet import UNet
from diffusion_course.models.vae import VAE
from diffusion_course.models.weights import load_weights
from diffusion_course.models.word_painter import WordPainter


@dataclass(frozen=True)
class Preset:
    """What one model is. Everything but ``build`` is for diffusion networks: what they were trained for.

    Attributes:
        build: makes the model, untrained.
        schedule: (name, steps) of a `NoiseSchedule`; None where no diffusion network is meant.
        prediction: "noise", "x0" or "velocity".
        clip: the range of the training data; None for latents, which have none.
        guide: (preset of a less trained network, guidance scale) that the course recommends beside it.
        unconditional: condition -> what stands for "none" in classifier-free guidance, of one row; None where there is
            no condition, or where a text encoder must say what the empty text is.
        shipped: whether trained weights come with the course.
        autoencoder: preset of the autoencoder whose latents it makes; None where it makes pixels.
        text: preset of the CLIP whose text encoder it reads with; None where it reads nothing.
    """

    build: Callable[[], keras.Model]
    schedule: tuple[str, int] | None = None
    prediction: str | None = None
    clip: tuple[float, float] | None = None
    guide: tuple[str, float] | None = None
    unconditional: Mapping | None = None
    shipped: bool = True
    autoencoder: str | None = None
    text: str | None = None


FASHION_LATENT_DIMS = (2, 4, 8, 16, 32)
VAE_BETAS = (0.1, 1.0, 4.0, 16.0)
_DENSE = {"network": "dense", "widths": (256, 256, 256)}

PRESETS: dict[str, Preset] = {
    **{f"autoencoder-fashion-{d}": Preset(partial(Autoencoder, latent_dim=d)) for d in FASHION_LATENT_DIMS},
    "classifier-mnist": Preset(Classifier),
    "classifier-fashion": Preset(Classifier),
    "autoencoder-mnist-2": Preset(partial(Autoencoder, latent_dim=2)),
    "vae-mnist-2": Preset(partial(VAE, latent_dim=2, **_DENSE)),
    "vae-mnist-16": Preset(partial(VAE, latent_dim=16, **_DENSE)),
    "vae-mnist-2-conv": Preset(partial(VAE, latent_dim=2, network="conv")),
    **{
        f"vae-mnist-2-beta-{b:g}": Preset(
            partial(VAE, latent_dim=2, network="dense", widths=(128, 128, 128), beta=b)
        )
        for b in VAE_BETAS
    },
    "denoiser-fashion-autoencoder": Preset(DenoisingAutoencoder),
    "denoiser-fashion-residual": Preset(DnCNN),
    "denoiser-fashion-blind": Preset(DnCNN),
    "denoiser-fashion-conditioned": Preset(partial(DnCNN, conditioned=True)),
    "denoiser-fashion-unclipped": Preset(partial(DnCNN, conditioned=True)),
    # Chapter 04: signals and codes of any sign, a wider network, and training as a denoiser.
    "anomaly-ecg": Preset(
        partial(
            AnomalyDetector,
            widths=(128, 64, 8),
            code_activation="linear",
            output_activation="linear",
            noise=0.5,
        )
    ),
}

# Part II: pictures in [-1, 1].
_LINEAR = {"schedule": ("linear", 500), "prediction": "noise", "clip": (-1.0, 1.0)}
_COSINE = {"schedule": ("cosine", 1000), "prediction": "velocity", "clip": (-1.0, 1.0)}
# Cheap steps, for training on a CPU: pixels folded 2 x 2, so 14 x 14 is the largest resolution.
_small_unet = partial(UNet, fold=2, widths=(32, 64), num_res_blocks=1)
PRESETS |= {
    # Chapter 06: most of a time embedding of the usual size would be parameters without work.
    "resnet-mnist": Preset(partial(ResNetDenoiser, width=64, blocks=4, embedding_units=128), **_LINEAR),
    # The guides and their scales are the best of benchmarks/guidance.py.
    "unet-mnist": Preset(_small_unet, **_COSINE, guide=("unet-mnist-short", 1.5)),
    "unet-fashion": Preset(_small_unet, **_COSINE, guide=("unet-fashion-short", 2.0)),
    "unet-mnist-muon": Preset(_small_unet, **_COSINE),
    "unet-mnist-short": Preset(_small_unet, **_COSINE),
    "unet-fashion-short": Preset(_small_unet, **_COSINE),
    "unet-mnist-no-skips": Preset(partial(_small_unet, skips=False), **_COSINE),
    "unet-mnist-learned": Preset(partial(_small_unet, out_channels=2), **_COSINE),
    # Without shipped weights, for who has a GPU: the size of many tutorials, with 96 channels, multipliers 1-2-2, two
    # blocks per level, attention of one head at the bottom, 500 steps.
    "unet-96": Preset(partial(UNet, widths=(96, 192, 192), heads=1), **_LINEAR, shipped=False),
}

# Part III. The text encoder's numbers are those of the tokenizer of Scenes, see `recipes/contrastive.py`.
_clip_scenes = partial(CLIP, image={}, text={"vocabulary_size": 642, "length": 32})
PRESETS |= {
    "attention-toy": Preset(WordPainter),
    "clip-scenes": Preset(_clip_scenes),
    # Trained without swapped objects among the wrong answers: the control of chapter 12.
    "clip-scenes-unpaired": Preset(_clip_scenes),
    "unet-mnist-classes": Preset(
        partial(_small_unet, num_classes=10), **_COSINE, unconditional={"label": 10}
    ),
    "classifier-mnist-noisy": Preset(NoisyClassifier),
    # Pixels folded 4 x 4; the text comes in on both of GLIDE's paths. It says x0, not the velocity: 48 numbers of noise
    # do not pass through 48 channels unharmed, and what is lost of them stays in the picture as grain.
    "unet-scenes-pixels": Preset(
        partial(
            UNet,
            image_shape=(32, 32, 3),
            fold=4,
            widths=(48, 96),
            num_res_blocks=1,
            attention=(True, True),
            context_dim=128,
            pooled_dim=128,
        ),
        **{**_COSINE, "prediction": "x0"},
        text="clip-scenes",
    ),
}

# Part IV: latents 8 x 8 x 4 of pictures 32 x 32 x 3. Latents have no range to clip to.
_latent_unet = partial(
    UNet,
    image_shape=(8, 8, 4),
    fold=1,
    widths=(64, 112),
    num_res_blocks=1,
    attention=(True, True),
    context_dim=128,
    pooled_dim=128,
)
_LATENT = {
    "schedule": ("cosine", 1000),
    "prediction": "velocity",
    "autoencoder": "autoencoder-scenes",
    "text": "clip-scenes",
}
PRESETS |= {
    "autoencoder-scenes": Preset(AutoencoderKL),
    # f = 2, 4 and 8, for chapter 14: small ones, so that the factor tells.
    **{
        f"autoencoder-scenes-f{2 ** len(widths)}": Preset(partial(AutoencoderKL, widths=widths))
        for widths in ((32,), (32, 48), (32, 48, 64))
    },
    "unet-scenes": Preset(_latent_unet, **_LATENT),
    # Without shipped weights, for who has a GPU: `diffusion-course train scenes-96 --profile full --folder FOLDER`.
    "unet-scenes-96": Preset(
        partial(_latent_unet, widths=(96, 192), num_res_blocks=2), **_LATENT, shipped=False
    ),
    # Goes on from `unet-scenes`; it also sees a mask and what the mask leaves of a picture (chapter 16).
    "unet-scenes-inpaint": Preset(partial(_latent_unet, extra_channels=5), **_LATENT),
}
DIFFUSION = tuple(name for name, preset in PRESETS.items() if preset.schedule)
SHIPPED = tuple(name for name, preset in PRESETS.items() if preset.shipped)
TEXT_TO_IMAGE = tuple(name for name, preset in PRESETS.items() if preset.text)
GUIDED = tuple(name for name, preset in PRESETS.items() if preset.guide)


def check_preset(name: str, among=PRESETS, kind: str = "preset") -> str:
    """Returns ``name`` if it is one of ``among``.

    Raises:
        ValueError: it is not; the message lists them.
    """
    if name not in among:
        raise ValueError(f"A {kind} must be one of {', '.join(among)}. Received: {name!r}")
    return name


def build(name: str, dtype: str | None = None) -> keras.Model:
    """A preset's model, untrained.

    Args:
        name: one of ``PRESETS``.
        dtype: a Keras policy to compute in, e.g. "mixed_float16", in which weights are float32 all the same; by default
            the global one.

    Raises:
        ValueError: there is no such preset; the message lists them.
    """
    make, before = PRESETS[check_preset(name)].build, keras.config.dtype_policy()
    if dtype is None:
        return make()
    # Not as an argument: a functional model keeps that for its layers, and its trainer would not scale the loss.
    keras.config.set_dtype_policy(dtype)
    try:
        return make()
    finally:
        keras.config.set_dtype_policy(before)


def weights_file(name: str) -> str:
    """The preset's weight file, relative to ``data/``."""
    return f"weights/{name}.safetensors"


def load_pretrained(name: str) -> keras.Model:
    """A preset's model with the weights that come with the course (``data/weights``, see the card beside them).

    Args:
        name: one of ``SHIPPED``.

    Returns:
        A built model, float32.

    Raises:
        ValueError: there is no such preset, or it has no weights.
        MissingFile, DamagedFile: the weight file is absent, or fails its checksum, or fits another model.
    """
    check_preset(name)
    model = build(check_preset(name, SHIPPED, "preset with weights"))
    file = weights_file(name)
    load_weights(model, read_trained(file), file)
    return model
