"""What a recipe is, and the data that several recipes share."""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np

from diffusion_course.datasets.images import load_fashion_mnist, load_mnist

LOADERS = {"mnist": load_mnist, "fashion": load_fashion_mnist}
TITLES = {"mnist": "MNIST", "fashion": "Fashion-MNIST"}
QUICK_PICTURES = 2_000  # enough to prove that a recipe runs


@dataclass(frozen=True)
class Recipe:
    """What it takes to make one weight file.

    Attributes:
        data: the training data in words, for the model card.
        train: (model, profile) -> None, trains in place. One that can resume returns the seconds of all its runs; if
            it has a ``tidy``, it takes the seed too, by name, so that no seed goes on from another's checkpoints.
        evaluate: model -> metrics, measured on data that training never saw; quick, because a test repeats it.
        judge: model -> further metrics that take minutes, for the card alone; None if there are none.
        judged: on what, in words for the card.
        tidy: (profile, seed) -> None, removes checkpoints; called when the weights that came of them are safe.
        also: () -> file name -> bytes, what belongs beside the weights, e.g. a tokenizer.
        needs: presets whose weights it goes on from, or is judged with: they must be trained before.
    """

    data: str
    train: Callable[..., float | None]
    evaluate: Callable[[keras.Model], dict[str, float]]
    judge: Callable[[keras.Model], dict[str, float]] | None = None
    judged: str = ""
    tidy: Callable[[str, int], None] | None = None
    also: Callable[[], dict[str, bytes]] | None = None
    needs: tuple[str, ...] = ()


def describe(dataset: str) -> str:
    """The model card's words for a recipe that trains on all training pictures."""
    return f"{TITLES[dataset]}, the 60,000 training pictures; measured on the 10,000 test pictures"


def training_data(dataset: str, profile: str) -> tuple[np.ndarray, np.ndarray]:
    """Training pictures in [0, 1] and their labels; only the first few in the quick profile."""
    x, y = LOADERS[dataset](split="train")
    return (x[:QUICK_PICTURES], y[:QUICK_PICTURES]) if profile == "quick" else (x, y)


def test_data(dataset: str) -> tuple[np.ndarray, np.ndarray]:
    """Test pictures in [0, 1] and their labels."""
    return LOADERS[dataset](split="test")


def cosine(peak: float, steps: int, warmup: int = 0) -> keras.optimizers.schedules.LearningRateSchedule:
    """Learning rate that falls from ``peak`` to 0 along a cosine, after ``warmup`` steps of linear rise."""
    if warmup:
        return keras.optimizers.schedules.CosineDecay(
            0.0, max(1, steps - warmup), warmup_target=peak, warmup_steps=warmup
        )
    return keras.optimizers.schedules.CosineDecay(peak, steps)
