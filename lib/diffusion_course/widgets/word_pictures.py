"""Chapter 00's widget: a word, a strength of noise and a seed become a row of pictures."""

import io
from collections.abc import Callable, Sequence

import numpy as np

Generate = Callable[[str, float, int], np.ndarray]


def sheet_png(images: np.ndarray, zoom: int = 3) -> bytes:
    """A row of pictures as PNG bytes, enlarged without smoothing.

    Args:
        images: (N, H, W, 1) in [0, 1].
        zoom: screen pixels per picture pixel.
    """
    from PIL import Image

    from diffusion_course.plots.grids import montage

    sheet = np.uint8(np.round(montage(images, len(images)) * 255))
    buffer = io.BytesIO()
    Image.fromarray(sheet).resize(
        (sheet.shape[1] * zoom, sheet.shape[0] * zoom), Image.Resampling.NEAREST
    ).save(buffer, "PNG")
    return buffer.getvalue()


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
    import ipywidgets

    from diffusion_course.widgets.still import image_html, still_box

    if not words:
        raise ValueError("`words` must hold at least one word. Received: words=[]")
    style = {"description_width": "8em"}
    word = ipywidgets.Dropdown(options=list(words), description="word", style=style)
    strength = ipywidgets.FloatSlider(
        1.0, min=0, max=3, step=0.1, description="strength of noise", style=style
    )
    seed = ipywidgets.IntSlider(0, min=0, max=50, description="seed", style=style)
    picture = ipywidgets.HTML()

    def redraw(_change=None):
        images = generate(word.value, strength.value, seed.value)
        alt = f"{len(images)} pictures for the word {word.value}, noise times {strength.value:g}, seed {seed.value}"
        picture.value = image_html(sheet_png(images), alt)

    redraw()
    for control in (word, strength, seed):
        control.observe(redraw, "value")

    return still_box([word, strength, seed, picture], lambda: still_figure(generate, words))
