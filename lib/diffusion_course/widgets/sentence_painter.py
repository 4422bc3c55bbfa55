"""Chapter 00's first widget: a sentence that the reader types becomes pictures."""

import warnings
from collections.abc import Callable, Sequence

import numpy as np

Paint = Callable[[Sequence[str], int], np.ndarray]
START_SENTENCE = "a large red star at the top left on a blue background"


def painted(paint: Paint, sentence: str, seed: int, count: int) -> tuple[np.ndarray, str]:
    """Pictures of a sentence, and what there is to say of them: also what a model warns of, e.g. words it cannot know.

    Args:
        paint: (sentences, seed) -> a picture for each.
        sentence: what was typed.
        seed: of the first.
        count: how many pictures.

    Returns:
        (count, H, W, 3), and a text.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        pictures = paint([sentence] * count, seed)
    told = [str(warning.message) for warning in caught if issubclass(warning.category, UserWarning)]
    said = f"“{sentence}”" if sentence.strip() else "nothing typed: chance decides"
    return pictures, " ".join([f"{said}, seed {seed}.", *dict.fromkeys(told)])


def sentence_painter(paint: Paint, sentence: str = START_SENTENCE, *, count: int = 4):
    """Shows pictures of a sentence that the learner types, with a slider for the seed.

    Args:
        paint: (sentences, seed) -> pictures (N, H, W, 3) in [0, 1], one for each sentence.
        sentence: stands in the line at the start, and is painted at once.
        count: how many pictures of it, of different noise.

    Returns:
        A widget; where no kernel runs, it shows the first pictures instead.

    Raises:
        ValueError: ``count`` is below 1.
    """
    if count < 1:
        raise ValueError(f"`count` must be at least 1. Received: count={count}")
    from diffusion_course.widgets.panel import Panel, slider, text

    def draw(sentence, seed):
        return painted(paint, sentence, seed, count)

    return Panel(draw, {"sentence": text("your sentence", sentence), "seed": slider("seed", 0, 50)}, size=112)
