"""Recipes of the CLIP of chapter 12, and the tokenizer that it reads with."""

import dataclasses
from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from scipy.special import softmax

from diffusion_course.course.paths import build_dir
from diffusion_course.datasets import scenes as scenes_module
from diffusion_course.datasets.scene_captions import plain_caption, sample_captions
from diffusion_course.datasets.scene_pairs import related, scene_numbers, swapped
from diffusion_course.datasets.scenes import Scene, all_scenes, draw_scenes, sample_scenes
from diffusion_course.metrics.retrieval import retrieval, zero_shot
from diffusion_course.models.clip import CLIP
from diffusion_course.recipes.base import Recipe
from diffusion_course.tokenizer import Tokenizer, learn_merges
from diffusion_course.training.callbacks import ProgressBar
from diffusion_course.training.contrastive import ContrastiveTrainer, train_contrastive

TOKENIZER = "tokenizer-scenes.json"
MERGES, LENGTH = 128, 32  # the longest caption has 18 tokens, start and end included
PICTURES = {"quick": 400, "standard": 12_000, "full": 48_000}  # of each kind
STEPS = {"quick": 10, "standard": 2_500, "full": 20_000}
CANDIDATES = 256  # of which one is right
# What can be asked of a scene with one object: attribute -> its names.
ATTRIBUTES = {
    "size": tuple(scenes_module.SIZES),
    "colour": tuple(scenes_module.COLOURS),
    "shape": tuple(scenes_module.SHAPES),
    "background": tuple(scenes_module.COLOURS),
    "position": tuple(scenes_module.POSITIONS),
}


@lru_cache
def learned_tokenizer() -> Tokenizer:
    """The tokenizer of Scenes, learned from 4,000 captions; always the same."""
    scenes = sample_scenes(4_000, seed=0, kind="both")
    return Tokenizer(learn_merges(sample_captions(scenes, seed=0), MERGES), length=LENGTH)


def as_input(pictures: np.ndarray) -> np.ndarray:
    """uint8 pictures as float32 in [-1, 1]."""
    return (pictures / 127.5 - 1).astype("float32")


def training_pairs(profile: str, swap: bool) -> dict:
    """Pictures, captions and numbers of training scenes, about half with one object and half with two.

    Args:
        profile: decides how many.
        swap: whether those with two objects come with their objects swapped too.

    Returns:
        What `train_contrastive` takes, by name.
    """
    count = PICTURES[profile]
    two = sample_scenes(count // 2 if swap else count, seed=2, kind="two")
    scenes, families = related([*sample_scenes(count, seed=1, kind="one"), *two], swap=swap, seed=5)
    return {
        "image": as_input(draw_scenes(scenes, seed=3)),
        "ids": learned_tokenizer().encode(sample_captions(scenes, seed=4)),
        "keys": scene_numbers(scenes),
        "together": families,
    }


def train(model: CLIP, profile: str, seed: int = 0, *, name: str, swap: bool) -> float:
    """Trains in place; resumes from its checkpoint. Returns the seconds of all runs."""
    steps = STEPS[profile]
    history = train_contrastive(
        ContrastiveTrainer(model),
        **training_pairs(profile, swap),
        steps=steps,
        optimizer="muon",
        warmup=min(200, steps // 2),
        ema=0.995,
        steps_per_epoch=min(250, steps),
        checkpoint=checkpoint_of(name, profile, seed),
        callbacks=[ProgressBar()],
    )
    return sum(history["seconds"])


def checkpoint_of(name: str, profile: str, seed: int) -> Path:
    """Where a training keeps what it needs to go on."""
    return build_dir() / "checkpoints" / f"{name}.{profile}.seed-{seed}.{STEPS[profile]}-steps.safetensors"


def held_out(kind: str, count: int, seed: int, distinct: bool = False) -> tuple[list[Scene], np.ndarray]:
    """Held-out scenes and their pictures; distinct ones if asked for."""
    scenes = sample_scenes(8 * count if distinct else count, seed=seed, kind=kind, split="held_out")
    scenes = list(dict.fromkeys(scenes))[:count] if distinct else scenes
    return scenes, as_input(draw_scenes(scenes, seed=seed))


def with_attribute(scene: Scene, attribute: str, value: str) -> Scene:
    """The scene with one object, in which one attribute is another."""
    if attribute == "background":
        return Scene(scene.objects, value)
    return Scene((dataclasses.replace(scene.objects[0], **{attribute: value}),), scene.background)


def value_of(scene: Scene, attribute: str) -> str:
    """An attribute of a scene with one object."""
    return scene.background if attribute == "background" else getattr(scene.objects[0], attribute)


def zero_shot_shares(
    model: CLIP, tokenizer: Tokenizer, scenes: Sequence[Scene], pictures: np.ndarray
) -> dict[str, float]:
    """Share of pictures of one object of which an attribute is named right, for each attribute.

    The caption of every scene there is competes. A value's score is the sum of the probabilities, by the model's own
    temperature, of the captions that name it.
    """
    every = all_scenes("one", "all")
    texts = model.embed_texts(tokenizer.encode([plain_caption(scene) for scene in every]))
    logits = float(np.exp(model.log_scale)) * model.embed_images(pictures) @ texts.T  # (N, 3,360)
    probabilities, shares = softmax(logits, axis=1), {}
    for attribute, names in ATTRIBUTES.items():
        named = np.array([names.index(value_of(scene, attribute)) for scene in every])
        scores = np.stack([probabilities[:, named == i].sum(axis=1) for i in range(len(names))], axis=1)
        right = [names.index(value_of(scene, attribute)) for scene in scenes]
        shares[attribute] = float(np.mean(scores.argmax(axis=1) == right))
    return shares


def swap_share(model: CLIP, tokenizer: Tokenizer, count: int = 512) -> float:
    """Share of held-out pictures of two objects whose caption is nearer than that with the objects swapped."""
    scenes, pictures = held_out("two", count, seed=13, distinct=True)
    both = [
        model.embed_texts(tokenizer.encode([plain_caption(scene) for scene in row]))
        for row in (scenes, [swapped(scene) for scene in scenes])
    ]
    return float(np.mean(zero_shot(model.embed_images(pictures), np.stack(both, axis=1)) == 0))


def evaluate(model: CLIP) -> dict[str, float]:
    """Retrieval among 256 distinct held-out scenes, zero-shot attributes, and the right one of two swapped captions."""
    tokenizer, found = learned_tokenizer(), {}
    for kind in ("one", "two", "both"):
        scenes, pictures = held_out(kind, CANDIDATES, seed=11, distinct=True)
        texts = model.embed_texts(tokenizer.encode([plain_caption(scene) for scene in scenes]))
        for way, share in retrieval(model.embed_images(pictures), texts).items():
            found[f"{kind}_{way.replace(' ', '_')}"] = share
    found |= {
        f"zero_shot_{name}": share
        for name, share in zero_shot_shares(model, tokenizer, *held_out("one", 1_000, seed=12)).items()
    }
    return found | {"swapped_objects": swap_share(model, tokenizer)}


def tokenizer_file() -> dict[str, bytes]:
    """The file that belongs beside the weights."""
    return {TOKENIZER: learned_tokenizer().as_bytes()}


def _recipe(name: str, swap: bool) -> Recipe:
    def tidy(profile: str, seed: int) -> None:
        checkpoint_of(name, profile, seed).unlink(missing_ok=True)

    pairs = "with" if swap else "without"
    words = (
        f"Scenes, 12,000 training scenes of one object and about 12,000 of two, {pairs} swapped pairs among them; "
        "measured on held-out combinations of shape, colour and background"
    )
    return Recipe(words, partial(train, name=name, swap=swap), evaluate, tidy=tidy, also=tokenizer_file)


RECIPES = {
    name: _recipe(name, paired)
    for name, paired in {"clip-scenes": True, "clip-scenes-unpaired": False}.items()
}
