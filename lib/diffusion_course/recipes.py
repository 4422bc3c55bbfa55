"""How the weights in ``data/weights`` were trained: one recipe per file, run by ``diffusion-course train NAME``."""

import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from diffusion_course.backend import device_report
from diffusion_course.datasets.images import load_fashion_mnist
from diffusion_course.files import update_sums
from diffusion_course.manifest import check_profile
from diffusion_course.metrics.image_quality import psnr
from diffusion_course.models import presets
from diffusion_course.models.denoising import add_noise
from diffusion_course.models.weights import save_weights
from diffusion_course.paths import data_dir
from diffusion_course.training.denoising import DenoisingTrainer


@dataclass(frozen=True)
class Recipe:
    """What it takes to make one weight file.

    Attributes:
        data: the training data in words, for the model card.
        train: (model, profile) -> None, trains in place.
        evaluate: model -> metrics, measured on data that training never saw.
    """

    data: str
    train: Callable[[keras.Model, str], None]
    evaluate: Callable[[keras.Model], dict[str, float]]


def train_autoencoder(
    model: keras.Model, x: np.ndarray, epochs: int, batch_size: int = 128
) -> keras.callbacks.History:
    """Trains an autoencoder as chapter 01 does: cross-entropy per pixel, Adam, learning rate 2e-3 down a cosine.

    Args:
        model: images in [0, 1] -> reconstructions in (0, 1).
        x: (N, H, W, C) in [0, 1].
        epochs: passes over ``x``.
        batch_size: images per step.
    """
    steps = epochs * -(-len(x) // batch_size)
    rate = keras.optimizers.schedules.CosineDecay(2e-3, steps)
    model.compile(keras.optimizers.Adam(rate), loss="binary_crossentropy", metrics=["mse"])
    return model.fit(x, x, batch_size=batch_size, epochs=epochs, verbose=2)


def _train_fashion_autoencoder(model: keras.Model, profile: str) -> None:
    (x_train, _), _ = load_fashion_mnist()
    epochs = {"quick": 1, "standard": 20, "full": 60}[profile]
    train_autoencoder(model, x_train[:2_000] if profile == "quick" else x_train, epochs)


def _evaluate_fashion_autoencoder(model: keras.Model) -> dict[str, float]:
    _, (x_test, _) = load_fashion_mnist()
    reconstruction = model.predict(x_test, batch_size=500, verbose=0)
    return {"test_mse": float(np.mean((reconstruction - x_test) ** 2))}


RECIPES = {
    f"autoencoder-fashion-{d}": Recipe(
        "Fashion-MNIST, the 60,000 training pictures; measured on the 10,000 test pictures",
        _train_fashion_autoencoder,
        _evaluate_fashion_autoencoder,
    )
    for d in presets.FASHION_LATENT_DIMS
}


# Denoisers of chapter 03: (lowest and highest level in training, levels of the test, clipped?, epochs in `standard`).
DENOISERS = {
    "denoiser-fashion-autoencoder": ((0.2, 0.2), (0.2,), True, 10),
    "denoiser-fashion-residual": ((0.2, 0.2), (0.2,), True, 3),
    "denoiser-fashion-blind": ((0.05, 0.8), (0.1, 0.2, 0.4, 0.8), True, 4),
    "denoiser-fashion-conditioned": ((0.05, 0.8), (0.1, 0.2, 0.4, 0.8), True, 5),
    "denoiser-fashion-unclipped": ((0.05, 1.0), (0.1, 0.2, 0.4, 0.8), False, 3),
}


def train_denoiser(
    network: keras.Model,
    x: np.ndarray,
    *,
    levels: tuple[float, float],
    epochs: int,
    clip: bool = True,
    batch_size: int = 64,
) -> keras.callbacks.History:
    """Trains a denoiser as chapter 03 does: squared error, Adam, learning rate 2e-3 down a cosine, fresh noise.

    Args:
        network: as `DenoisingTrainer` takes it.
        x: clean pictures (N, H, W, C) in [0, 1].
        levels, clip: of the noise, as `DenoisingTrainer` takes them.
        epochs: passes over ``x``.
        batch_size: pictures per step.
    """
    steps = epochs * -(-len(x) // batch_size)
    trainer = DenoisingTrainer(network, levels=levels, clip=clip)
    trainer.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-3, steps, alpha=0.01)))
    return trainer.fit(x, batch_size=batch_size, epochs=epochs, verbose=2)


def _denoiser_recipe(name: str) -> Recipe:
    levels, test_levels, clip, epochs = DENOISERS[name]

    def train(model: keras.Model, profile: str) -> None:
        (x_train, _), _ = load_fashion_mnist()
        x = x_train[:1_000] if profile == "quick" else x_train[:-5_000]
        train_denoiser(
            model,
            x,
            levels=levels,
            clip=clip,
            epochs={"quick": 1, "standard": epochs, "full": 20 * epochs}[profile],
        )

    def evaluate(model: keras.Model) -> dict[str, float]:
        _, (x_test, _) = load_fashion_mnist()
        x_test = x_test[:2_000]
        noise = np.random.default_rng(0).standard_normal(x_test.shape, "float32")
        metrics = {}
        for level in test_levels:
            noisy = keras.ops.convert_to_numpy(add_noise(x_test, noise, level, clip))
            inputs = {"x": noisy, "sigma": np.full(2_000, level, "float32")} if model.conditioned else noisy
            denoised = np.clip(model.predict(inputs, batch_size=500, verbose=0), 0, 1)
            metrics[f"test_psnr_at_{level:g}"] = float(psnr(denoised, x_test).mean())
        return metrics

    noise = f"noise {levels[0]:g}" + (f" to {levels[1]:g}" if levels[1] > levels[0] else "")
    return Recipe(
        f"Fashion-MNIST, the first 55,000 training pictures with {noise}, {'clipped' if clip else 'not clipped'}; "
        "measured on the first 2,000 test pictures",
        train,
        evaluate,
    )


RECIPES |= {name: _denoiser_recipe(name) for name in DENOISERS}


def names() -> tuple[str, ...]:
    """All recipes, in the order of the chapters that need them."""
    return tuple(RECIPES)


def _card(
    name: str, recipe: Recipe, profile: str, seed: int, minutes: float, metrics: dict, parameters: int
) -> str:
    device = device_report()
    measured = "\n".join(f"| {metric} | {value:.5g} |" for metric, value in metrics.items())
    return f"""# {name}

| | |
|---|---|
| made by | `diffusion-course train {name} --profile {profile} --seed {seed}` |
| model | `diffusion_course.models.presets.build("{name}")`, {parameters:,} parameters, stored as float16 |
| data | {recipe.data} |
| hardware | {", ".join(device["devices"])}, {platform.machine()} |
| software | Keras {device["keras_version"]}, {device["backend"]} {device["backend_version"]} |
| training time | {minutes:.1f} minutes |
| licence | CC BY 4.0; the data's licence is in `data/LICENSES.md` |

Measured from this file, after rounding to float16:

| metric | value |
|---|---|
{measured}
"""


def train(
    name: str, profile: str = "standard", seed: int = 0, folder: Path | None = None
) -> dict[str, float]:
    """Trains a preset and writes its weights, model card and checksum.

    Args:
        name: one of `names`.
        profile: ``quick`` only proves that the recipe runs; the shipped files come from ``standard`` or ``full``.
        seed: fixes initial weights and order of the data.
        folder: where to write; ``data/weights`` (with its checksum in ``data/SHA256SUMS``) by default.

    Returns:
        The metrics, measured from the written file.

    Raises:
        ValueError: an unknown recipe or profile.
    """
    if name not in RECIPES:
        raise ValueError(f"A recipe must be one of {', '.join(RECIPES)}. Received: {name!r}")
    check_profile(profile)
    recipe = RECIPES[name]
    keras.utils.set_random_seed(seed)
    model = presets.build(name)
    started = time.monotonic()
    recipe.train(model, profile)
    minutes = (time.monotonic() - started) / 60
    shipped = folder is None
    path = data_dir() / presets.weights_file(name) if shipped else Path(folder) / f"{name}.safetensors"
    save_weights(model, path)
    presets.load_weights(model, path.read_bytes(), path.name)
    metrics = recipe.evaluate(model)
    card, aside = path.with_suffix(".md"), path.with_suffix(".md.part")
    aside.write_text(
        _card(name, recipe, profile, seed, minutes, metrics, model.count_params()), encoding="utf-8"
    )
    os.replace(aside, card)
    if shipped:
        update_sums([path])
    return metrics
