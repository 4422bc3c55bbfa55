"""Chapter 00's widget: a word, a strength of noise and a seed become a row of pictures."""

from collections.abc import Callable, Sequence

import numpy as np

Generate = Callable[[str, float, int], np.ndarray]


def still_figure(generate: Generate, words: Sequence[str], strengths: Sequence[float] = (0.0, 0.5, 1.0, 2.0)):
    """What the widget shows, for readers without a kernel: one word at several strengths of noise.

    Returns:
        A Matplotlib Figure and its description in words.
    """
    from diffusion_course.plots.grids import image_rows

    rows = [generate(words[0], strength, 0) for strength in strengths]
    figure = image_rows(rows, [f"noise × {strength:g}" for strength in strengths])
    alt = (
        f"Rows of pictures for the word {words[0]}, with noise scaled by {', '.join(f'{s:g}' for s in strengths)}. "
        "Without noise all are the same; with more noise they differ more and look less like clothes. "
        "Run the cell to choose word, noise and seed yourself."
    )
    return figure, alt


def word_pictures(generate: Generate, words: Sequence[str]):
    """Shows pictures for a word that the learner picks, with sliders for noise and seed.

    Args:
        generate: (word, strength of noise from 0 to 3, seed) -> pictures (N, H, W, 1) in [0, 1].
        words: what can be picked.

    Returns:
        A widget; where no kernel runs, it shows a still figure instead.

    Raises:
        ValueError: ``words`` is empty.
    """
    if not words:
        raise ValueError("`words` must hold at least one word. Received: words=[]")
    from diffusion_course.widgets.panel import Panel, choice, slider

    def draw(word, strength, seed):
        images = generate(word, strength, seed)
        return images, f"{len(images)} pictures for the word {word}, noise times {strength:g}, seed {seed}"

    controls = {
        "word": choice("word", words),
        "strength": slider("strength of noise", 0, 3, 1, step=0.1),
        "seed": slider("seed", 0, 50),
    }
    return Panel(draw, controls, lambda: still_figure(generate, words))
