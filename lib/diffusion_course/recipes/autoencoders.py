"""Recipes of chapter 01's autoencoders, and of the one that chapter 02 compares with."""

from functools import partial

import keras
import numpy as np

from diffusion_course.models.presets import FASHION_LATENT_DIMS
from diffusion_course.recipes.base import Recipe, cosine, describe, test_data, training_data


def train_autoencoder(
    model: keras.Model, x: np.ndarray, epochs: int, batch_size: int = 128, verbose: int = 2
) -> keras.callbacks.History:
    """Trains an autoencoder as chapter 01 does: cross-entropy per pixel, Adam, learning rate 2e-3 down a cosine.

    Args:
        model: images in [0, 1] -> reconstructions in (0, 1).
        x: (N, H, W, C) in [0, 1].
        epochs: passes over ``x``.
        batch_size: images per step.
        verbose: as in ``fit``.
    """
    rate = cosine(2e-3, epochs * -(-len(x) // batch_size))
    model.compile(keras.optimizers.Adam(rate), loss="binary_crossentropy", metrics=["mse"])
    return model.fit(x, x, batch_size=batch_size, epochs=epochs, verbose=verbose)


def _train(model: keras.Model, profile: str, dataset: str) -> None:
    x, _ = training_data(dataset, profile)
    train_autoencoder(model, x, {"quick": 1, "standard": 20, "full": 60}[profile])


def _evaluate(model: keras.Model, dataset: str) -> dict[str, float]:
    x, _ = test_data(dataset)
    return {"test_mse": float(np.mean((model.predict(x, batch_size=500, verbose=0) - x) ** 2))}


def _recipe(dataset: str) -> Recipe:
    return Recipe(describe(dataset), partial(_train, dataset=dataset), partial(_evaluate, dataset=dataset))


RECIPES = {
    **{f"autoencoder-fashion-{d}": _recipe("fashion") for d in FASHION_LATENT_DIMS},
    "autoencoder-mnist-2": _recipe("mnist"),
}
