"""Recipes of chapter 14: the autoencoder of chapters 15 and 16, and three smaller ones to compare factors with."""

from functools import lru_cache, partial
from pathlib import Path

import keras
import numpy as np

from diffusion_course.course.paths import build_dir
from diffusion_course.datasets import scenes as scenes_module
from diffusion_course.datasets.scenes import draw_scenes, sample_scenes
from diffusion_course.metrics.alignment import alignment
from diffusion_course.metrics.scene_reader import SceneReader
from diffusion_course.models.autoencoder_kl import AutoencoderKL, measure_scale
from diffusion_course.recipes.base import Recipe
from diffusion_course.recipes.contrastive import as_input
from diffusion_course.training.autoencoder_kl import AutoencoderKLTrainer, train_autoencoder_kl
from diffusion_course.training.callbacks import ProgressBar

AUTOENCODER, COMPARED = "autoencoder-scenes", tuple(f"autoencoder-scenes-f{f}" for f in (2, 4, 8))
PICTURES = {"quick": 200, "standard": 20_000, "full": 80_000}
# Steps of the stages. The second one is of other colours: without it colours that training never combined come back
# wrong (purple rings on black: 0.80 of them still readable, 1.00 after it).
STAGES = {AUTOENCODER: (3_000, 600), **dict.fromkeys(COMPARED, (1_000, 0))}
LEARNING_RATES = (8e-3, 5e-3)
KL_WEIGHT = 1e-3
RECOLOURED = 2 / 3  # share of the second stage's pictures


@lru_cache
def reader() -> SceneReader:
    """Reads scenes from pictures."""
    return SceneReader(scenes_module)


def as_bytes(pictures) -> np.ndarray:
    """Pictures in [0, 1] as uint8."""
    return np.clip(np.round(255 * np.asarray(pictures)), 0, 255).astype("uint8")


def training_pictures(count: int) -> np.ndarray:
    """Scenes of one object and of two, (count, 32, 32, 3) float32 in [-1, 1]."""
    return as_input(draw_scenes(sample_scenes(count, seed=31, kind="both"), seed=32))


def recoloured(pictures: np.ndarray, seed: int, share: float = RECOLOURED) -> np.ndarray:
    """Pictures of which a share have their colour channels exchanged and turned into their negatives at random.

    An autoencoder has to do with colours and edges, not with what is asked for together: it should know all colours.

    Args:
        pictures: (N, H, W, 3) in [-1, 1].
        seed: of the choice.
        share: of the pictures that change, on average.

    Returns:
        A new array of the same shape and range.
    """
    rng, out = np.random.default_rng(seed), np.array(pictures)
    for i in np.flatnonzero(rng.random(len(out)) < share):
        out[i] = out[i][..., rng.permutation(3)] * rng.choice([-1, 1], 3)
    return out


def stages_of(name: str, profile: str) -> list[int]:
    """Training steps of an autoencoder's stages in a profile."""
    of = {"quick": lambda steps: 10, "standard": lambda steps: steps, "full": lambda steps: 5 * steps}[
        profile
    ]
    return [of(steps) for steps in STAGES[name] if steps]


def checkpoints_of(name: str, profile: str, seed: int) -> list[Path]:
    """Where a training keeps what it needs to go on, a file a stage."""
    return [
        build_dir() / "checkpoints" / f"{name}.{profile}.seed-{seed}.stage-{number}.{steps}-steps.safetensors"
        for number, steps in enumerate(stages_of(name, profile))
    ]


def tidy(name: str, profile: str, seed: int) -> None:
    """Removes them."""
    for checkpoint in checkpoints_of(name, profile, seed):
        checkpoint.unlink(missing_ok=True)


def train(name: str, model: AutoencoderKL, profile: str, seed: int = 0) -> float:
    """Trains in place on scenes of both kinds, then measures the scale of the latents. Returns seconds of all runs."""
    pictures, seconds = training_pictures(PICTURES[profile]), 0.0
    checkpoints = checkpoints_of(name, profile, seed)
    for number, steps in enumerate(stages_of(name, profile)):
        history = train_autoencoder_kl(
            AutoencoderKLTrainer(model, kl_weight=KL_WEIGHT, seed=number),
            recoloured(pictures, seed=35) if number else pictures,
            steps=steps,
            optimizer="muon",
            learning_rate=LEARNING_RATES[number],
            warmup=min(200, steps // 2),
            steps_per_epoch=min(250, steps),
            checkpoint=checkpoints[number],
            callbacks=[ProgressBar()],
        )
        seconds += sum(history["seconds"])
    model.latent_scale = measure_scale(model, pictures[:4_000])
    return seconds


def evaluate(model: keras.Model, count: int = 512) -> dict[str, float]:
    """PSNR of held-out scenes, the share of them that can still be read right, and the scale of the latents."""
    found = {"latent_scale": model.latent_scale}
    for kind in ("one", "two"):
        scenes = sample_scenes(count, seed=33, kind=kind, split="held_out")
        x = as_input(draw_scenes(scenes, seed=34))
        again = model.to_pictures(model.to_latents(x))
        found |= {
            f"{kind}_psnr": float(10 * np.log10(4 / np.mean((again - x) ** 2))),
            f"{kind}_read": alignment(as_bytes((again + 1) / 2), scenes, reader()).together,
        }
    return found


RECIPES = {
    name: Recipe(
        "Scenes, 20,000 training scenes of both kinds; measured on held-out combinations",
        partial(train, name),
        evaluate,
        tidy=partial(tidy, name),
    )
    for name in STAGES
}
