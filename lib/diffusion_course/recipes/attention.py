"""Recipe of chapter 11's painter, and how it is judged."""

import keras
import numpy as np

from diffusion_course.datasets.painting import BACKGROUND, Paintings, sample_paintings
from diffusion_course.recipes.base import Recipe, cosine
from diffusion_course.training.batches import shuffled_batches

PEAK, BATCH = 1e-2, 32


def train_painter(
    painter: keras.Model, paintings: Paintings, steps: int, seed: int = 0, callbacks=(), epochs: int = 1
) -> list[float]:
    """Trains as chapter 11 does: cross-entropy of every cell, Adam, a learning rate that rises and falls.

    Args:
        painter: gives "logits" and "weights", as `models.word_painter.WordPainter`.
        paintings: of the training split.
        steps: of 32 pictures.
        seed: of their order.
        callbacks: for `fit`.
        epochs: into so many parts the steps are cut, for callbacks and the losses.

    Returns:
        The mean loss of each part.
    """
    learner = keras.Model(
        painter.input, painter.output["logits"]
    )  # same weights; the loss sees the logits alone
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    # With less memory of squared gradients than by default: within so few steps they change a lot.
    learner.compile(keras.optimizers.Adam(cosine(PEAK, steps, min(50, steps // 2)), beta_2=0.99), loss=loss)
    data = {**paintings.inputs, "colours": paintings.colours}

    def batches():
        for batch in shuffled_batches(data, batch_size=BATCH, seed=seed):
            yield batch, batch.pop("colours")

    told = learner.fit(
        batches(),
        steps_per_epoch=steps // epochs,
        epochs=epochs,
        verbose=0,
        shuffle=False,
        callbacks=list(callbacks),
    )
    return told.history["loss"]


def paint(painter: keras.Model, paintings: Paintings) -> tuple[np.ndarray, np.ndarray]:
    """The painter's logits (N, 16, 16, 9) and weights (N, heads, 256, 8)."""
    out = painter.predict(paintings.inputs, batch_size=128, verbose=0)
    return out["logits"], out["weights"]


def solved(logits: np.ndarray, paintings: Paintings) -> np.ndarray:
    """Whether every shape of a picture has the colour that its caption says, by the sum over its cells.

    Args:
        logits: (N, 16, 16, 9).
        paintings: N.

    Returns:
        (N,) booleans.
    """
    right = np.ones(len(paintings), bool)
    for word in range(paintings.ids.shape[1]):
        of_shape = paintings.deciding == word  # (N, 16, 16)
        votes = (logits[..., :BACKGROUND] * of_shape[..., None]).sum((1, 2))  # (N, 8)
        truth = np.where(of_shape, paintings.colours, 0).max((1, 2))
        right &= (votes.argmax(-1) == truth) | ~of_shape.any((1, 2))
    return right


def mass_on_deciding(weights: np.ndarray, paintings: Paintings) -> float:
    """How much of their attention cells of shapes give to the word that names their shape, on average.

    Args:
        weights: (N, heads, 256, 8); their mean over heads counts.
        paintings: N.

    Returns:
        From 0 to 1.
    """
    of_cells = weights.mean(1).reshape(*paintings.deciding.shape, -1)  # (N, 16, 16, 8)
    inside = paintings.deciding >= 0
    return float(np.take_along_axis(of_cells[inside], paintings.deciding[inside][:, None], 1).mean())


def evaluate_painter(painter: keras.Model) -> dict[str, float]:
    """Share solved and attention on the deciding word, on 512 pictures with a pair that training never saw."""
    paintings = sample_paintings(512, 1000, split="held_out")
    logits, weights = paint(painter, paintings)
    return {
        "solved": float(solved(logits, paintings).mean()),
        "deciding_mass": mass_on_deciding(weights, paintings),
    }


def _train(painter: keras.Model, profile: str) -> None:
    steps = {"quick": 5, "standard": 600, "full": 600}[profile]
    train_painter(painter, sample_paintings(8_000, 0), steps)


RECIPES = {
    "attention-toy": Recipe(
        "8,000 paintings by words; measured on 512 with a pair of colour and shape that training never saw",
        _train,
        evaluate_painter,
    ),
}
