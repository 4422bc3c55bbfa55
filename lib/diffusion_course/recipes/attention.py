"""Recipe of chapter 11's painter, and how it is judged."""

import keras
import numpy as np

from diffusion_course.datasets.painting import BACKGROUND, Paintings, caption_of, encode, sample_paintings
from diffusion_course.datasets.scenes import COLOURS
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


def shown_shapes(paintings: Paintings) -> np.ndarray:
    """Which words name a shape that is in the picture: (N, 8), booleans."""
    return np.stack([(paintings.deciding == w).any((1, 2)) for w in range(paintings.ids.shape[1])], axis=1)


def shapes_right(logits: np.ndarray, paintings: Paintings) -> np.ndarray:
    """Whether a shape has the colour that its caption says: its cells vote by their logits, background is no choice.

    Args:
        logits: (N, 16, 16, 9).
        paintings: N.

    Returns:
        (N, 8), booleans, one per word; False where a word names no shape in the picture.
    """
    right = []
    for word in range(paintings.ids.shape[1]):
        of_shape = paintings.deciding == word  # (N, 16, 16)
        votes = (logits[..., :BACKGROUND] * of_shape[..., None]).sum((1, 2))  # (N, 8)
        truth = np.where(of_shape, paintings.colours, 0).max((1, 2))
        right.append((votes.argmax(-1) == truth) & of_shape.any((1, 2)))
    return np.stack(right, axis=1)


def solved(logits: np.ndarray, paintings: Paintings) -> np.ndarray:
    """Whether every shape of a picture has the colour that its caption says, see `shapes_right`: (N,), booleans."""
    return (shapes_right(logits, paintings) | ~shown_shapes(paintings)).all(axis=1)


def even_guess(paintings: Paintings) -> dict[str, float]:
    """What one reaches who sees which cells are background, and guesses evenly among the colours that are named.

    Returns:
        "loss", the mean cross-entropy per cell; "shapes", the expected share of shapes that get the right colour;
        "solved", that of pictures whose shapes all do, if each is guessed for itself.
    """
    named = (paintings.ids > 0).sum(axis=1) / 2
    shown = shown_shapes(paintings).sum(axis=1)
    cells = (paintings.colours < BACKGROUND).mean(axis=(1, 2))
    return {
        "loss": float((cells * np.log(named)).mean()),
        "shapes": float((shown / named).sum() / shown.sum()),
        "solved": float((named**-shown).mean()),
    }


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


def answers(painter: keras.Model, paintings: Paintings, index: int, caption: str) -> str:
    """What a painter makes of one picture under another caption, in words.

    Returns:
        For each shape in the picture its colour, and the word that its cells look at most, with their mean weight.
    """
    ids, own = encode(caption), caption_of(paintings.ids[index]).split()
    logits, weights = (
        np.asarray(
            painter.predict_on_batch({"picture": paintings.pictures[[index]], "words": ids[None]})[name]
        )
        for name in ("logits", "weights")
    )
    deciding = paintings.deciding[index]
    of_cells = weights[0].mean(0).reshape(*deciding.shape, -1)  # (16, 16, 8)
    told = []
    for word in np.unique(deciding[deciding >= 0]):
        inside = deciding == word
        colour = list(COLOURS)[logits[0][inside][:, :BACKGROUND].sum(0).argmax()]
        mean = of_cells[inside].mean(0)
        told.append(f"{own[word]} {colour}, looks at *{caption.split()[mean.argmax()]}* ({mean.max():.2f})")
    return "; ".join(told)


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
