"""Recipes of chapter 13: a network that knows the digits, one that reads captions, and a judge of noisy digits."""

from collections.abc import Mapping
from functools import lru_cache, partial

import keras
import numpy as np

from diffusion_course.course.trained import training_folder
from diffusion_course.datasets import scenes as scenes_module
from diffusion_course.datasets.scene_captions import plain_caption, sample_captions
from diffusion_course.datasets.scenes import draw_scenes, sample_scenes
from diffusion_course.metrics.alignment import alignment
from diffusion_course.metrics.scene_reader import SceneReader
from diffusion_course.models import presets
from diffusion_course.models.guidance import classifier_free
from diffusion_course.pipelines.diffusion import pipeline_for
from diffusion_course.prediction import target
from diffusion_course.recipes.base import Recipe, cosine, describe, test_data, training_data
from diffusion_course.recipes.contrastive import as_input
from diffusion_course.recipes.diffusion import FOCUS, Stage, tidy_up, train_stages
from diffusion_course.tokenizer import load_tokenizer
from diffusion_course.training.latent import encode_texts, of_nothing

CLASSES, SCENES, JUDGE = "unet-mnist-classes", "unet-scenes-pixels", "classifier-mnist-noisy"
DIGITS_STAGES = (Stage(3_000, "muon", ema=0.995, focus=FOCUS),)
SCENES_STAGES = (Stage(1_250, "muon", ema=0.995, focus=(-1.0, 2.0)),)
DROP_RATE = 0.1
GUIDANCE, CALLS = 3.0, 50  # two calls of the network in each of 25 steps
SCENE_PICTURES = {"quick": 200, "standard": 20_000, "full": 80_000}


# --- Digits


def train_digits(network: keras.Model, profile: str, seed: int = 0) -> float:
    """Trains in place on digits and their labels; one in ten pictures comes without its label."""
    x, labels = training_data("mnist", profile)
    data = {"x": 2 * x - 1, "conditions": {"label": labels.astype("int32")}}
    dropping = {"unconditional": presets.PRESETS[CLASSES].unconditional, "drop_rate": DROP_RATE}
    return train_stages(network, CLASSES, DIGITS_STAGES, profile, seed, data, **dropping)


def noised(schedule, x, t, seed: int = 0):
    """Pictures of a batch noised to their steps, with the noise and the two factors of each."""
    noise = np.random.default_rng(seed).standard_normal(x.shape, dtype="float32")
    signal, sigma = (c[t][:, None, None, None].astype("float32") for c in (schedule.signal, schedule.sigma))
    return signal * x + sigma * noise, noise, signal, sigma


def spread_steps(count: int, steps: int, seed: int = 0) -> np.ndarray:
    """(count,) int32, spread evenly over all steps, in random order."""
    return np.random.default_rng(seed).permutation(np.arange(count) * steps // count).astype("int32")


def conditional_loss(network: keras.Model, name: str, x, conditions: dict) -> float:
    """Mean squared error of a preset's prediction on pictures with their conditions, always with the same noise."""
    pipeline = pipeline_for(name, network)
    t = spread_steps(len(x), len(pipeline.schedule))
    x_t, noise, signal, sigma = noised(pipeline.schedule, x, t)
    said = network.predict({"x": x_t, "t": t, **conditions}, batch_size=250, verbose=0)
    return float(np.mean((said - target(pipeline.prediction, x, noise, signal, sigma)) ** 2))


def evaluate_digits(network: keras.Model) -> dict[str, float]:
    """Test loss with the label and without."""
    x, labels = (array[:1_000] for array in test_data("mnist"))
    told = {"with_label": labels.astype("int32"), "without_label": np.full(len(x), 10, "int32")}
    return {
        f"test_loss_{how}": conditional_loss(network, CLASSES, 2 * x - 1, {"label": label})
        for how, label in told.items()
    }


def asked_share(network: keras.Model, count: int = 1_000, scale: float = GUIDANCE, seed: int = 0) -> float:
    """Share of guided samples that `classifier-mnist` takes for the class asked for; as many of each class."""
    pipeline = pipeline_for(CLASSES, network)
    denoise = classifier_free(pipeline.denoise, presets.PRESETS[CLASSES].unconditional, scale)
    labels = (np.arange(count) % 10).astype("int32")
    pictures = pipeline.generate(count, steps=CALLS // 2, seed=seed, denoise=denoise, label=labels)
    judge = presets.load_pretrained("classifier-mnist")
    return float(np.mean(judge.probabilities(pictures).argmax(axis=1) == labels))


def judge_digits(network: keras.Model) -> dict[str, float]:
    """The share of the asked class, with guidance and without."""
    return {f"asked_class_at_scale_{scale:g}": asked_share(network, scale=scale) for scale in (1.0, GUIDANCE)}


# --- A judge of noisy digits


def train_judge(model: keras.Model, profile: str) -> None:
    """Trains in place on digits noised to all steps of the schedule of the network that it shall lead."""
    x, labels = training_data("mnist", profile)
    schedule = pipeline_for(CLASSES, presets.build(CLASSES)).schedule
    steps, batch_size = {"quick": 20, "standard": 1_000, "full": 20_000}[profile], 128
    rng = np.random.default_rng(0)

    def batches():
        while True:
            rows = rng.integers(len(x), size=batch_size)
            t = rng.integers(len(schedule), size=batch_size).astype("int32")
            x_t, *_ = noised(schedule, 2 * x[rows] - 1, t, seed=int(rng.integers(2**31)))
            yield {"x": x_t, "t": t}, labels[rows]

    model.compile(
        keras.optimizers.Adam(cosine(2e-3, steps, warmup=min(200, steps // 10))),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(batches(), steps_per_epoch=min(500, steps), epochs=-(-steps // 500), verbose=2)


def evaluate_judge(model: keras.Model) -> dict[str, float]:
    """Test accuracy over all steps, and in three parts of the schedule."""
    x, labels = (array[:4_000] for array in test_data("mnist"))
    schedule = pipeline_for(CLASSES, presets.build(CLASSES)).schedule
    t = spread_steps(len(x), len(schedule))
    x_t, *_ = noised(schedule, 2 * x - 1, t)
    right = model.predict({"x": x_t, "t": t}, batch_size=500, verbose=0).argmax(axis=1) == labels
    third = t * 3 // len(schedule)
    return {
        "test_accuracy": float(right.mean()),
        **{
            f"test_accuracy_{name}_third": float(right[third == i].mean())
            for i, name in enumerate(("first", "middle", "last"))
        },
    }


# --- Scenes


def text_encoder():
    """The trained text encoder and its tokenizer."""
    return _text_encoder_of(training_folder())


@lru_cache
def _text_encoder_of(folder):
    return presets.load_pretrained("clip-scenes").text_encoder, load_tokenizer("scenes")


def told_by(texts: list[str]) -> dict[str, np.ndarray]:
    """Both paths of texts: ``"context"`` (N, L, D), the hidden states, and ``"pooled"`` (N, D)."""
    encoder, tokenizer = text_encoder()
    return encode_texts(encoder, tokenizer.encode(texts))


def told_nothing() -> Mapping[str, np.ndarray]:
    """The same of the empty text, of one row."""
    encoder, tokenizer = text_encoder()
    return of_nothing(encoder, tokenizer.encode(""))


def train_scenes(network: keras.Model, profile: str, seed: int = 0) -> float:
    """Trains in place on scenes of one object and their captions; one in ten pictures comes with the empty text."""
    scenes = sample_scenes(SCENE_PICTURES[profile], seed=21, kind="one")
    data = {
        "x": as_input(draw_scenes(scenes, seed=22)),
        "conditions": told_by(sample_captions(scenes, seed=23)),
    }
    dropping = {"unconditional": told_nothing(), "drop_rate": DROP_RATE}
    return train_stages(network, SCENES, SCENES_STAGES, profile, seed, data, **dropping)


def evaluate_scenes(network: keras.Model) -> dict[str, float]:
    """Loss on held-out scenes with their captions and with the empty text."""
    scenes = sample_scenes(1_000, seed=24, kind="one", split="held_out")
    x = as_input(draw_scenes(scenes, seed=25))
    texts = {
        "with_caption": [plain_caption(scene) for scene in scenes],
        "without_caption": [""] * len(scenes),
    }
    return {
        f"held_out_loss_{how}": conditional_loss(network, SCENES, x, told_by(lines))
        for how, lines in texts.items()
    }


def judge_scenes(network: keras.Model, count: int = 256, scale: float = GUIDANCE) -> dict[str, float]:
    """How well guided pictures follow held-out captions, attribute by attribute."""
    pipeline = pipeline_for(SCENES, network)
    denoise = classifier_free(pipeline.denoise, told_nothing(), scale)
    asked = sample_scenes(count, seed=26, kind="one", split="held_out")
    told = told_by([plain_caption(scene) for scene in asked])
    pictures = pipeline.generate(count, steps=CALLS // 2, seed=0, denoise=denoise, **told)
    return alignment(np.round(255 * pictures).astype("uint8"), asked, SceneReader(scenes_module)).summary()


_WORDS = f"{CALLS} calls, two in each step, guidance scale {GUIDANCE:g}"
RECIPES = {
    CLASSES: Recipe(
        describe("mnist"),
        train_digits,
        evaluate_digits,
        judge_digits,
        f"1,000 samples, 100 of each digit, {_WORDS}, by `classifier-mnist`; scale 1 for comparison",
        partial(tidy_up, CLASSES, DIGITS_STAGES),
        needs=("classifier-mnist",),
    ),
    JUDGE: Recipe(f"{describe('mnist')}, noised to all steps", train_judge, evaluate_judge),
    SCENES: Recipe(
        "Scenes, 20,000 training scenes of one object with their captions; measured on held-out combinations",
        train_scenes,
        evaluate_scenes,
        judge_scenes,
        f"256 held-out captions, {_WORDS}, by `metrics.alignment`",
        partial(tidy_up, SCENES, SCENES_STAGES),
        needs=("clip-scenes",),
    ),
}
