"""Chapter 12's widget: type a sentence, see which pictures and which captions of a gallery are nearest to it.

Everything but the wiring is arrays and text in, text out. A network is handed in as a `Space`: a function that embeds
one row of token ids, and what it made of the gallery, once, before.
"""

import html
import textwrap
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from diffusion_course.tokenizer import WORD_END, TruncationWarning, clean, split
from diffusion_course.widgets.pictures import captioned, headed, side_by_side

START_SENTENCE = "a red ring above a blue star on a white background"
SIZE = 96  # screen pixels of a picture


@dataclass(frozen=True)
class Space:
    """One network's view of the gallery.

    Attributes:
        embed: token ids (1, L) -> (1, D) or (D,), of length 1.
        pictures: (N, D), the gallery's pictures, of length 1 each.
        captions: (N, D), the gallery's captions, of length 1 each.
    """

    embed: Callable
    pictures: np.ndarray
    captions: np.ndarray


def nearest(query: np.ndarray, embeddings: np.ndarray, count: int) -> list[tuple[int, float]]:
    """The rows of ``embeddings`` (N, D) that enclose the smallest angle with ``query`` (D,), nearest first.

    Returns:
        At most ``count`` pairs: row number, cosine.
    """
    cosine = np.asarray(embeddings) @ np.asarray(query)
    order = np.argsort(-cosine, kind="stable")[:count]
    return [(int(i), float(cosine[i])) for i in order]


def read(tokenizer, sentence: str, known: Collection[str] = ()) -> tuple[np.ndarray, str, list[str]]:
    """Ids of a sentence, its tokens to look at, and what its author should know about them.

    Args:
        tokenizer: a `tokenizer.Tokenizer`.
        sentence: any text.
        known: words of one letter or sign that captions have; all longer ones are known by being one token.

    Returns:
        (1, L) ids; the tokens in one line, parts of a word joined by "·"; remarks, a sentence or two each.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ids = tokenizer.encode(sentence)
    words, parts = [], []
    for token in tokenizer.tokens(sentence):
        parts.append(token)
        if token.endswith(WORD_END) or token.startswith("<|"):
            words.append(parts)
            parts = []
    shown = [_readable(tokenizer, word) for word in words]
    strange = [
        text
        for word, text in zip(words, shown, strict=True)
        if len(word) > 1 or (len(text) == 1 and text not in known)
    ]
    remarks = []
    if any(issubclass(warning.category, TruncationWarning) for warning in caught):
        remarks.append(
            f"Too long: {tokenizer.length - 2} tokens fit, and the rest was cut off. The network reads no further than "
            f'"… {tokenizer.decode(ids)[0][-40:]}".'
        )
    if strange:
        remarks.append(
            f"Not a word of the captions: {', '.join(dict.fromkeys(strange))}. It is read, in parts, but what it means "
            "was never learned."
        )
    if not words:
        remarks.append("Nothing typed: start, end and padding. The empty text has an embedding too.")
    return ids, " ".join(shown), remarks


def _readable(tokenizer, word: Sequence[str]) -> str:
    """A word's tokens as text, joined by "·"; a word of other letters as itself, with its number of tokens."""
    plain = [token.removesuffix("</w>") for token in word]
    if all(part.isascii() for part in plain):
        return "·".join(plain)
    ids = [[tokenizer.symbols.index(token) for token in word]]
    return f"{tokenizer.decode(np.array(ids))[0]} ({len(word)} tokens)"


def view_html(
    space: Space, tokenizer, pictures: np.ndarray, captions: Sequence[str], sentence: str, count: int
) -> str:
    """All that the widget shows below its controls.

    Args:
        space: the chosen network.
        tokenizer: a `tokenizer.Tokenizer`.
        pictures: (N, H, W, 3) in [0, 1], the gallery.
        captions: N texts, caption i of picture i.
        sentence: what was typed.
        count: how many neighbours to show.
    """
    known = {word for caption in captions for word in split(clean(caption))}
    ids, tokens, remarks = read(tokenizer, sentence, known)
    query = np.asarray(space.embed(ids), "float32").reshape(-1)
    notes = "".join(f'<div role="note">{html.escape(remark)}</div>' for remark in remarks)
    shown = side_by_side(
        *(
            captioned(
                pictures[i][None], "", note=f"{cosine:.2f}", alt=f"{captions[i]}: {cosine:.2f}", size=SIZE
            )
            for i, cosine in nearest(query, space.pictures, count)
        )
    )
    rows = "".join(
        f"<tr><td>{cosine:.2f}</td><td style='text-align:left'>{html.escape(captions[i])}</td></tr>"
        for i, cosine in nearest(query, space.captions, count)
    )
    return headed(
        f"Tokens: {tokens or '(none)'}",
        notes,
        "<div>Nearest pictures, with the cosine of the angle:</div>",
        shown,
        "<div>Nearest captions:</div>",
        f"<table>{rows}</table>",
    )


def still_figure(
    space: Space,
    tokenizer,
    pictures: np.ndarray,
    captions: Sequence[str],
    sentences: Sequence[str],
    count: int = 6,
):
    """What the widget shows, for readers without a kernel: the nearest pictures to some sentences.

    Returns:
        A Matplotlib Figure and its description in words.
    """
    from diffusion_course.plots.grids import image_rows

    rows, notes, words = [], [], []
    for sentence in sentences:
        query = np.asarray(space.embed(tokenizer.encode(sentence)), "float32").reshape(-1)
        found = nearest(query, space.pictures, count)
        rows.append(pictures[[i for i, _ in found]])
        notes.append([f"{cosine:.2f}" for _, cosine in found])
        words.append(f"'{sentence}': nearest is {captions[found[0][0]]}, cosine {found[0][1]:.2f}")
    figure = image_rows(rows, [textwrap.fill(sentence, 28) for sentence in sentences], notes=notes, width=6.5)
    alt = (
        f"The {count} nearest pictures to {len(sentences)} sentences. {'; '.join(words)}. "
        "Run the cell to type sentences of your own."
    )
    return figure, alt


def nearest_captions(
    spaces: Mapping[str, Space],
    tokenizer,
    pictures: np.ndarray,
    captions: Sequence[str],
    sentences: Sequence[str] = (START_SENTENCE,),
):
    """Shows the nearest pictures and captions to a sentence that the learner types.

    Args:
        spaces: name -> what a network makes of the gallery; at least one.
        tokenizer: a `tokenizer.Tokenizer` that suits all of them.
        pictures: (N, H, W, 3) in [0, 1], the gallery.
        captions: N texts, caption i of picture i.
        sentences: the first stands in the line at the start; the still figure shows all.

    Returns:
        A widget; where no kernel runs, it shows a still figure instead.

    Raises:
        ValueError: there is no network or no sentence, or sizes of gallery and embeddings differ.
    """
    sizes = {len(pictures), len(captions)} | {
        len(a) for s in spaces.values() for a in (s.pictures, s.captions)
    }
    if not spaces or not sentences or len(sizes) != 1 or 0 in sizes:
        raise ValueError(
            "`spaces` and `sentences` must not be empty, and pictures, captions and embeddings must be of one number. "
            f"Received: {len(spaces)} spaces, {len(sentences)} sentences, numbers {sorted(sizes)}"
        )
    from diffusion_course.widgets.panel import Panel, choice, slider, text

    def draw(sentence, network, count):
        return view_html(spaces[network], tokenizer, pictures, captions, sentence, count)

    controls = {
        "sentence": text("sentence", sentences[0]),
        "network": choice("network", spaces),
        "count": slider("neighbours", 1, min(12, len(captions)), min(6, len(captions))),
    }
    first = next(iter(spaces.values()))
    return Panel(draw, controls, lambda: still_figure(first, tokenizer, pictures, captions, sentences))
