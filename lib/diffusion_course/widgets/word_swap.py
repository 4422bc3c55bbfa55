"""Chapter 15's widget: swap a word and watch two prompts come out of the same noise, with the maps of a word."""

import html
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from diffusion_course.widgets.pictures import captioned, headed, image_html, side_by_side

MOMENTS = 8  # of a walk that are shown beside each other
CHANGED = 0.1  # from 0 to 1: a pixel that differs by more, in any colour, has changed


class Walk(NamedTuple):
    """A prompt on its way to a picture, for S steps.

    Attributes:
        words: the prompt's L words.
        steps: S labels, the step t of each.
        pictures: (S, H, W, 3) in [0, 1], what the network expected at each step; the last one is finished.
        maps: (S, h, w, L), how much each pixel looked at each word; h and w divide H and W.
    """

    words: Sequence[str]
    steps: Sequence[int]
    pictures: np.ndarray
    maps: np.ndarray


Look = Callable[[Sequence[str], int], Sequence[Walk]]  # prompts, seed -> a walk for each


def watched(pipeline, size: tuple[int, int] = (8, 8), **how) -> Look:
    """What paints for the widget with a text-to-image pipeline; it remembers its last walks.

    Args:
        pipeline: a `TextToImagePipeline` whose network attends to the text.
        size: (h, w) of the maps.
        **how: as in `word_maps.watch`, e.g. ``steps``.
    """
    from diffusion_course.models.attention_maps import map_reader
    from diffusion_course.pipelines.word_maps import watch, word_map, words_of

    read, last = map_reader(pipeline.diffusion.network, compiled=True), {}

    def look(prompts, seed):
        key = (*prompts, seed)
        if key not in last:
            seen = list(watch(pipeline, list(prompts), seed=seed, read=read, **how))
            found = []
            for i, prompt in enumerate(prompts):
                words = [(word, columns) for word, columns in words_of(pipeline.tokenizer, prompt) if columns]
                maps = [
                    np.stack([word_map(s.maps, columns, size)[i] for _, columns in words], -1) for s in seen
                ]
                pictures = np.stack([s.pictures[i] for s in seen])
                found.append(Walk([word for word, _ in words], [s.t for s in seen], pictures, np.stack(maps)))
            last.clear()
            last[key] = found
        return last[key]

    return look


def changed_share(first: np.ndarray, second: np.ndarray) -> float:
    """The share of pixels (H, W, 3) that differ visibly, from 0 to 1."""
    return float((np.abs(first - second).max(axis=-1) > CHANGED).mean())


def moments(count: int) -> np.ndarray:
    """At most `MOMENTS` places of a walk of so many steps, evenly spread, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, MOMENTS)).round().astype(int))


def sentence_html(words: Sequence[str], chosen: int, others: Sequence[str]) -> str:
    """A prompt, the chosen word marked, and those bold that stand in another prompt's place for another word."""
    parts = []
    for k, word in enumerate(words):
        text = html.escape(word)
        if k >= len(others) or others[k] != word:
            text = f"<b>{text}</b>"
        parts.append(f"<mark>{text}</mark>" if k == chosen else text)
    return f'<div style="line-height:1.6">{" ".join(parts)}</div>'


def walk_html(walk: Walk, word: int, step: int, others: Sequence[str]) -> str:
    """One prompt: the expected picture and a word's map at a step, and small maps over the whole walk.

    Args:
        walk: of the prompt.
        word: which, from 0; beyond the last word, the last.
        step: which, from 0.
        others: words of the other prompt.
    """
    from diffusion_course.plots.word_steps import relative_heat

    word = min(word, len(walk.words) - 1)
    coloured, t = relative_heat(walk.maps[..., word]), walk.steps[step]  # (S, h, w, 3)
    most = walk.maps[step, ..., word].max()
    name, shown = walk.words[word], moments(len(walk.steps))
    large = (
        captioned(
            walk.pictures[[step]], f"expected at t = {t}", size=128,
            alt=f"what the network expects at step {t} of: {' '.join(walk.words)}",
        ),
        captioned(coloured[[step]], f"who looks at “{name}”", note=f"at most {most:.2f}", size=128),
    )  # fmt: skip
    small = image_html(
        coloured[shown],
        f"maps of {name} at t = {', '.join(str(walk.steps[i]) for i in shown)}",
        size=56,
    )
    strip = f'<div style="line-height:1.3">“{html.escape(name)}” from noise to picture<br>{small}</div>'
    return f"<div>{sentence_html(walk.words, word, others)}{side_by_side(*large, strip)}</div>"


def pair_html(first: Walk, second: Walk, word: int, step: int) -> str:
    """Both prompts, below each other, and how many pixels of the finished pictures differ."""
    share = changed_share(first.pictures[-1], second.pictures[-1])
    return headed(
        f"{share:.0%} of the pixels differ in the end. Yellow: most looked at; dark blue: not at all.",
        walk_html(first, word, step, second.words),
        walk_html(second, word, step, first.words),
    )


def still_figure(look: Look, prompts: Sequence[str], word: int):
    """What the widget shows, for readers without a kernel: both walks, each above the maps of one word.

    Args:
        look: as in `word_swap`.
        prompts: both.
        word: which, from 1.

    Returns:
        A Matplotlib Figure and its description in words.
    """
    from diffusion_course.plots.grids import image_rows
    from diffusion_course.plots.word_steps import relative_heat

    walks = look(prompts, 0)
    rows, labels = [], []
    for walk in walks:
        k, shown = min(word, len(walk.words)) - 1, moments(len(walk.steps))
        factor = walk.pictures.shape[1] // walk.maps.shape[1]
        maps = relative_heat(walk.maps[..., k])[shown].repeat(factor, 1).repeat(factor, 2)
        rows += [walk.pictures[shown], maps]
        labels += ["expected", f"“{walk.words[k]}”"]
    steps = [f"t = {walks[0].steps[i]}" for i in moments(len(walks[0].steps))]
    share = changed_share(walks[0].pictures[-1], walks[1].pictures[-1])
    words = " and ".join(f"“{prompt}”" for prompt in prompts)
    return image_rows(rows, labels, steps), (
        f"Two walks from the same noise, for {words}. For each what the network expects, from noise on the left to the "
        f"finished picture on the right, and below it where pixels look at word {word}. In the end {share:.0%} of the "
        "pixels differ. Run the cell to change words yourself."
    )


def word_swap(look: Look, prompts: Sequence[str], steps: int, *, word: int = 4, longest: int = 16):
    """Shows what becomes of two prompts from the same noise, and where the network looked at one of their words.

    Args:
        look: (both prompts, seed) -> a `Walk` for each, as `watched` makes it. It runs when a prompt or the seed
            changes; its ValueError is shown.
        prompts: both, to begin with.
        steps: how many a walk has.
        word: which to begin with, from 1.
        longest: most words of a prompt.

    Returns:
        A widget; where no kernel runs, it shows a still figure instead.

    Raises:
        ValueError: there are not two prompts.
    """
    if len(prompts) != 2:
        raise ValueError(f"`prompts` must be two. Received: {list(prompts)}")
    from diffusion_course.widgets.panel import Panel, slider, text

    def draw(first, second, word, step, seed):
        if not (first.strip() and second.strip()):
            raise ValueError("Both prompts must have at least one word. Received: none")
        return pair_html(*look([first, second], seed), word - 1, step - 1)

    typed = [text("prompt", prompts[0]), text("with a word swapped", prompts[1])]
    for line in typed:
        line.continuous_update = False  # half a word is no word: it waits for Enter
    controls = {
        "first": typed[0],
        "second": typed[1],
        "word": slider("word", 1, longest, word),
        "step": slider("step", 1, steps, steps),
        "seed": slider("seed", 0, 50),
    }
    return Panel(draw, controls, lambda: still_figure(look, prompts, word))
