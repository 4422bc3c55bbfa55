"""Chapter 11's widget: type a caption, and see which pixels look at which word."""

import html
from collections.abc import Callable, Sequence

import numpy as np

from diffusion_course.widgets.pictures import captioned, side_by_side

# picture (H, W, 1), caption -> its words, the painted picture (H, W, 3), and the weights (h, w, number of words)
Look = Callable[[np.ndarray, str], tuple[Sequence[str], np.ndarray, np.ndarray]]


def shares(picture: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """What share of their attention the cells of shapes give to each word: from (H, W, 1) and (h, w, L) to (L,)."""
    h, w, words = weights.shape
    inside = picture.reshape(h, -1, w, picture.shape[1] // w).mean(axis=(1, 3)) > 0.5
    return weights[inside].mean(axis=0) if inside.any() else np.zeros(words)


def map_html(
    picture: np.ndarray, words: Sequence[str], painted: np.ndarray, weights: np.ndarray, word: int
) -> str:
    """The picture before and after, a large map of one word, and small maps of all words.

    Args:
        picture: (H, W, 1) in [0, 1].
        words: the caption's, at least one.
        painted: (H, W, 3) in [0, 1].
        weights: (h, w, number of words): how much each cell looks at each word.
        word: which map is large, from 0; beyond the last word, the last.
    """
    from diffusion_course.plots.attention import heat

    word = min(word, len(words) - 1)
    maps = heat(np.moveaxis(weights, -1, 0))  # (words, h, w, 3)
    most = weights.max(axis=(0, 1))
    share = shares(picture, weights)
    large = side_by_side(
        captioned(picture[None], "picture", alt="the picture, its shapes white", size=128),
        captioned(painted[None], "painted", alt="the picture as the network painted it", size=128),
        captioned(
            maps[[word]],
            f"who looks at “{words[word]}”, word {word + 1}",
            note=f"largest weight {most[word]:.2f}; {share[word]:.0%} of what the shapes' cells look at",
            size=128,
        ),
    )
    small = side_by_side(
        *(
            captioned(
                maps[[k]], name, alt=f"map of word {k + 1}, {name}: largest weight {most[k]:.2f}", size=56
            )
            for k, name in enumerate(words)
        )
    )
    title = html.escape(" ".join(words))
    return f'{large}<div style="line-height:1.4"><b>{title}</b>: dark blue 0, yellow 1</div>{small}'


def still_figure(look: Look, picture: np.ndarray, caption: str):
    """What the widget shows, for readers without a kernel: the maps of all words of its first caption.

    Returns:
        A Matplotlib Figure and its description in words.
    """
    from diffusion_course.plots.attention import word_maps

    words, painted, weights = look(picture, caption)
    figure = word_maps(picture[None], painted[None], weights[None], [words])
    of_shapes = ", ".join(f"{w} {s:.0%}" for w, s in zip(words, shares(picture, weights), strict=True))
    return figure, (
        f"A picture, the same painted as “{' '.join(words)}” says, and a map for each word (dark blue 0, yellow 1). "
        f"What the cells of shapes look at: {of_shapes}. Run the cell to type other words."
    )


def attention_map(look: Look, pictures: np.ndarray, caption: str, longest: int = 8):
    """Shows which cells of a picture look at which word of a caption that the learner types.

    Args:
        look: (picture (H, W, 1), caption) -> its words, the painted picture (H, W, 3) in [0, 1], the weights
            (h, w, number of words). It runs at each change, so it must be quick; its ValueError is shown.
        pictures: (N, H, W, 1) in [0, 1], to choose from.
        caption: to begin with.
        longest: most words of a caption.

    Returns:
        A widget; where no kernel runs, it shows a still figure instead.

    Raises:
        ValueError: there are no pictures.
    """
    if not len(pictures):
        raise ValueError("`pictures` must hold at least one picture. Received: none")
    from diffusion_course.widgets.panel import Panel, slider, text

    def draw(caption, word, picture=0):
        if not caption.strip():
            raise ValueError("A caption must have at least one word. Received: none")
        words, painted, weights = look(pictures[picture], caption)
        return map_html(pictures[picture], words, painted, weights, word - 1)

    typed = text("caption", caption)
    typed.continuous_update = False  # half a word is no word: it waits for Enter
    controls = {"caption": typed, "word": slider("word", 1, longest, 2)}
    if len(pictures) > 1:
        controls["picture"] = slider("picture", 0, len(pictures) - 1)
    return Panel(draw, controls, lambda: still_figure(look, pictures[0], caption))
