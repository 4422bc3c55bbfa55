"""Recipe of chapter 06's denoiser: the time-conditioned ResNet that walks back from noise to digits."""

import keras
import numpy as np

from diffusion_course.pipelines.diffusion import pipeline_for
from diffusion_course.recipes.base import Recipe, describe, test_data, training_data
from diffusion_course.schedules import NoiseSchedule
from diffusion_course.training.diffusion import DiffusionTrainer, train_diffusion

NAME = "resnet-mnist"
TEST_STEPS = (10, 100, 250, 400)
_TRAINING = {"quick": 20, "standard": 1_800, "full": 30_000}


def noise_loss(network: keras.Model, x: np.ndarray, t, schedule: NoiseSchedule, rng) -> float:
    """Mean squared error of the predicted noise: 1 for a network that says nothing.

    Args:
        network: ``{"x", "t"}`` -> predicted noise.
        x: clean pictures (N, H, W, C) in [-1, 1].
        t: integer steps, a scalar or (N,).
        schedule: of the forward process.
        rng: a NumPy generator, of the noise.
    """
    t = np.broadcast_to(np.asarray(t, "int32"), (len(x),))
    noise = rng.standard_normal(x.shape, "float32")
    x_t = keras.ops.convert_to_numpy(schedule.add_noise(x, noise, t))
    predicted = network.predict({"x": x_t, "t": t}, batch_size=500, verbose=0)
    return float(np.mean((predicted - noise) ** 2, dtype="float64"))


def _train(model: keras.Model, profile: str) -> None:
    x, _ = training_data("mnist", profile)
    steps = _TRAINING[profile]
    pipeline = pipeline_for(NAME, model)
    trainer = DiffusionTrainer(model, pipeline.schedule, prediction=pipeline.prediction)
    train_diffusion(
        trainer,
        2 * x - 1,
        steps=steps,
        warmup=min(100, steps // 2),
        steps_per_epoch=min(100, steps),
        verbose=2,
    )


def _evaluate(model: keras.Model) -> dict[str, float]:
    x = 2 * test_data("mnist")[0][:1_000] - 1
    schedule, rng = pipeline_for(NAME, model).schedule, np.random.default_rng(0)
    # Every step of the schedule twice: drawn at random, the average over t would be left to chance.
    metrics = {"test_loss": noise_loss(model, x, np.arange(1_000) % len(schedule), schedule, rng)}
    return metrics | {f"test_loss_at_{t}": noise_loss(model, x, t, schedule, rng) for t in TEST_STEPS}


RECIPES = {NAME: Recipe(describe("mnist"), _train, _evaluate)}
