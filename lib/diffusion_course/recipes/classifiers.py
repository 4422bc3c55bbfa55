"""Recipes of the classifiers, the ruler of later chapters."""

from functools import partial

import keras
import numpy as np
from keras import layers

from diffusion_course.recipes.base import Recipe, cosine, describe, test_data, training_data

# What a picture may undergo and keep its class. A mirrored digit is no digit; a mirrored shoe is a shoe.
_AUGMENTATIONS = {
    "mnist": lambda: [
        layers.RandomTranslation(0.08, 0.08, fill_mode="constant"),
        layers.RandomRotation(0.03, fill_mode="constant"),
    ],
    "fashion": lambda: [
        layers.RandomTranslation(0.08, 0.08, fill_mode="constant"),
        layers.RandomFlip("horizontal"),
        layers.RandomErasing(0.3, scale=(0.02, 0.15), fill_value=0.0, value_range=(0, 1)),
    ],
}
_EPOCHS = {
    "mnist": {"quick": 1, "standard": 12, "full": 40},
    "fashion": {"quick": 1, "standard": 30, "full": 80},
}


def _train(model: keras.Model, profile: str, dataset: str, batch_size: int = 128) -> None:
    x, y = training_data(dataset, profile)
    epochs = _EPOCHS[dataset][profile]
    steps = epochs * -(-len(x) // batch_size)
    # The augmentation is layers in front of the model, so that every backend runs it; the model itself has none.
    wrapper = keras.Sequential([keras.Input(model.image_shape), *_AUGMENTATIONS[dataset](), model])
    wrapper.compile(
        keras.optimizers.AdamW(cosine(3e-3, steps, warmup=min(300, steps // 10)), weight_decay=0.02),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    wrapper.fit(x, y, batch_size=batch_size, epochs=epochs, verbose=2)


def _evaluate(model: keras.Model, dataset: str) -> dict[str, float]:
    x, y = test_data(dataset)
    return {"test_accuracy": float(np.mean(model.probabilities(x).argmax(axis=1) == y))}


RECIPES = {
    f"classifier-{dataset}": Recipe(
        describe(dataset), partial(_train, dataset=dataset), partial(_evaluate, dataset=dataset)
    )
    for dataset in _AUGMENTATIONS
}
