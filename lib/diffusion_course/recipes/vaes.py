"""Recipes of chapter 02's variational autoencoders."""

import keras
import numpy as np

from diffusion_course.metrics.elbo import negative_elbo
from diffusion_course.models.presets import VAE_BETAS
from diffusion_course.recipes.base import Recipe, cosine, describe, test_data, training_data


class KLWarmUp(keras.callbacks.Callback):
    """Raises the weight of the KL term linearly from 0 to its final value over the first steps.

    At full weight from the start, the KL term can win before the decoder has learned to use the code.

    Args:
        steps: length of the rise; 0 for none.

    Reference: Bowman et al., "Generating Sentences from a Continuous Space" (arXiv:1511.06349), section 3.1.
    """

    def __init__(self, steps: int):
        super().__init__()
        self.steps, self.done = steps, 0

    def on_train_batch_begin(self, batch, logs=None):
        if self.done <= self.steps:
            self.model.kl_weight.assign(self.model.beta * (self.done / self.steps if self.steps else 1.0))
        self.done += 1


def train_vae(
    model: keras.Model, x: np.ndarray, epochs: int, batch_size: int = 128, **fit
) -> keras.callbacks.History:
    """Trains a VAE as chapter 02 does: Adam, learning rate 1e-3 down a cosine, KL warm-up over a fifth of the steps.

    Args:
        model: a `VAE`.
        x: (N, H, W, C) in [0, 1].
        epochs: passes over ``x``.
        batch_size: images per step.
        **fit: passed on to ``fit``, e.g. ``verbose`` or more ``callbacks``.
    """
    steps = epochs * -(-len(x) // batch_size)
    model.compile(keras.optimizers.Adam(cosine(1e-3, steps)))
    callbacks = [KLWarmUp(steps // 5), *fit.pop("callbacks", ())]
    return model.fit(x, batch_size=batch_size, epochs=epochs, callbacks=callbacks, **{"verbose": 2, **fit})


def held_out(model: keras.Model, x: np.ndarray) -> dict[str, float]:
    """The held-out negative ELBO of a VAE in nats, see `negative_elbo`; the noise is fixed."""
    return negative_elbo(
        x,
        lambda a: model.encoder.predict(a, batch_size=500, verbose=0),
        lambda z: model.decoder.predict(z, batch_size=500, verbose=0),
        np.random.default_rng(0),
    )


def _train(model: keras.Model, profile: str) -> None:
    x, _ = training_data("mnist", profile)
    standard = {"conv": 10, "dense": 60 if model.widths[0] == 256 else 30}[model.network]
    train_vae(model, x, {"quick": 1, "standard": standard, "full": 3 * standard}[profile])


RECIPES = {
    name: Recipe(describe("mnist"), _train, lambda model: held_out(model, test_data("mnist")[0]))
    for name in (
        "vae-mnist-2",
        "vae-mnist-16",
        "vae-mnist-2-conv",
        *(f"vae-mnist-2-beta-{b:g}" for b in VAE_BETAS),
    )
}
