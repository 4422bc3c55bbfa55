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
from diffusion_course.datasets.ecg import load_ecg5000
from diffusion_course.datasets.ecg_split import NORMAL, one_class_split
from diffusion_course.datasets.images import load_fashion_mnist
from diffusion_course.files import update_sums
from diffusion_course.manifest import check_profile
from diffusion_course.metrics.detection import auroc, confusion, threshold_at
from diffusion_course.metrics.residual_scores import smoothed_rms
from diffusion_course.models import presets
from diffusion_course.models.weights import save_weights
from diffusion_course.paths import data_dir


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


def train_anomaly_detector(
    model: keras.Model, x: np.ndarray, epochs: int, batch_size: int = 64, callbacks=()
) -> keras.callbacks.History:
    """Trains a detector as chapter 04 does: mean absolute error, Adam, learning rate 2e-3 down a cosine.

    Args:
        model: signals (B, T) -> reconstructions (B, T).
        x: (N, T), normal signals only.
        epochs: passes over ``x``.
        batch_size: signals per step.
        callbacks: for `fit`.
    """
    steps = epochs * -(-len(x) // batch_size)
    rate = keras.optimizers.schedules.CosineDecay(2e-3, steps)
    model.compile(keras.optimizers.Adam(rate), loss="mae")
    return model.fit(x, x, batch_size=batch_size, epochs=epochs, verbose=0, callbacks=list(callbacks))


def evaluate_anomaly_detector(
    model: keras.Model, window: int = 9, false_alarm_rate: float = 0.02
) -> dict[str, float]:
    """Chapter 04's test: the threshold comes from normal validation beats, the results from the test beats.

    Args:
        model: beats (B, 140) -> reconstructions (B, 140).
        window: points over which the residual is averaged before it becomes a score.
        false_alarm_rate: share of normal beats that may raise the alarm.
    """
    beats, labels = load_ecg5000()
    split = one_class_split(labels)

    def scores(which: np.ndarray) -> np.ndarray:
        x = beats[which]
        return smoothed_rms(x - model.predict(x, batch_size=1_000, verbose=0), window)

    is_anomaly, of_test = labels[split.test] != NORMAL, scores(split.test)
    table = confusion(of_test, is_anomaly, threshold_at(scores(split.validation), false_alarm_rate))
    return {
        "test_auroc": auroc(of_test, is_anomaly),
        "test_accuracy": table.accuracy,
        "test_recall": table.recall,
    }


def _train_ecg_detector(model: keras.Model, profile: str) -> None:
    beats, labels = load_ecg5000()
    epochs = {"quick": 5, "standard": 150, "full": 150}[profile]
    train_anomaly_detector(model, beats[one_class_split(labels).train], epochs)


RECIPES["anomaly-ecg"] = Recipe(
    "ECG5000, 1,751 normal beats; threshold from 584 others; measured on 584 normal beats and 416 anomalies",
    _train_ecg_detector,
    evaluate_anomaly_detector,
)


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
