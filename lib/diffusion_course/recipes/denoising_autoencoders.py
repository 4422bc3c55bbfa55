"""Recipes of chapter 03's denoisers."""

import keras
import numpy as np

from diffusion_course.datasets.images import load_fashion_mnist
from diffusion_course.metrics.image_quality import psnr
from diffusion_course.recipes.base import Recipe
from diffusion_course.training.denoising import DenoisingTrainer, add_gaussian_noise

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
        x_train, _ = load_fashion_mnist(split="train")
        x = x_train[:1_000] if profile == "quick" else x_train[:-5_000]
        train_denoiser(
            model,
            x,
            levels=levels,
            clip=clip,
            epochs={"quick": 1, "standard": epochs, "full": 20 * epochs}[profile],
        )

    def evaluate(model: keras.Model) -> dict[str, float]:
        x_test, _ = load_fashion_mnist(split="test")
        x_test = x_test[:2_000]
        noise = np.random.default_rng(0).standard_normal(x_test.shape, "float32")
        metrics = {}
        for level in test_levels:
            noisy = keras.ops.convert_to_numpy(add_gaussian_noise(x_test, noise, level, clip))
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


RECIPES = {name: _denoiser_recipe(name) for name in DENOISERS}
