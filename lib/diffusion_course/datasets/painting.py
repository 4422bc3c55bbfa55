"""Painting by words: white shapes on black, and a caption that says which colour each of them gets (chapter 11).

A caption is a list of pairs, colour before shape, in any order: "red star blue ring". A picture shows some of the named
shapes in white. Which word tells the colour of a pixel depends on the shape that it belongs to, and on nothing else.

    >>> encode("red star")
    array([ 1, 14,  0,  0,  0,  0,  0,  0], dtype=int32)
"""

from dataclasses import dataclass

import numpy as np

from diffusion_course.datasets.scenes import COLOURS, SHAPES, coverage

PADDING = ""
WORDS = (PADDING, *COLOURS, *SHAPES)  # the id of a word is its place
LONGEST = 8  # words of a caption: four pairs
CELLS = 16  # the task is asked for squares of 2 x 2 pixels
BACKGROUND = len(COLOURS)  # the class of a cell that belongs to no shape
CORNERS = ((0.27, 0.27), (0.73, 0.27), (0.27, 0.73), (0.73, 0.73))
RADIUS, SIZE_JITTER, PLACE_JITTER = 0.2, 0.1, 0.02  # shares of the side; of the radius; of the side
GREY = (150, 150, 150)  # behind the shapes
SPLITS = ("train", "held_out")
_DRAWINGS = 64  # of each shape in each corner


@dataclass(frozen=True)
class Paintings:
    """N pictures with their captions and answers.

    Attributes:
        pictures: (N, 32, 32, 1), float32: 1 where a shape is, 0 elsewhere.
        ids: (N, 8), int32: the captions' words as places in `WORDS`, padded with 0.
        colours: (N, 16, 16), int32: the right colour of each cell, as a place in `COLOURS`; 8 for background.
        deciding: (N, 16, 16), int32: place in the caption of the word that names the cell's shape; -1 for background.
    """

    pictures: np.ndarray
    ids: np.ndarray
    colours: np.ndarray
    deciding: np.ndarray

    def __len__(self):
        return len(self.pictures)

    @property
    def inputs(self) -> dict[str, np.ndarray]:
        """What the network gets."""
        return {"picture": self.pictures, "words": self.ids}


def is_held_out(colour: int, shape: int) -> bool:
    """Whether a pair never occurs in training: 8 of 48, of which each colour has one."""
    return colour % len(SHAPES) == shape


def encode(caption: str) -> np.ndarray:
    """The ids of a caption's words, padded.

    Args:
        caption: at most eight words of `WORDS`; capitals, commas and the word "and" do not matter.

    Returns:
        (8,), int32.

    Raises:
        ValueError: an unknown word, or too many of them.
    """
    words = [word for word in caption.lower().replace(",", " ").split() if word != "and"]
    unknown = [word for word in words if word not in WORDS]
    if unknown:
        raise ValueError(f"Words must be among {', '.join(WORDS[1:])}. Received: {', '.join(unknown)}")
    if len(words) > LONGEST:
        raise ValueError(f"A caption must have at most {LONGEST} words. Received: {len(words)}")
    ids = np.zeros(LONGEST, "int32")
    ids[: len(words)] = [WORDS.index(word) for word in words]
    return ids


def caption_of(ids: np.ndarray) -> str:
    """The words behind ids (8,), without the padding."""
    return " ".join(WORDS[i] for i in ids if i)


def colour_in(pictures: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Paints the shapes of pictures, on grey.

    Args:
        pictures: (N, 32, 32, 1) in [0, 1], 1 where a shape is.
        colours: (N, 16, 16), a place in `COLOURS` for each cell, or 8 for none.

    Returns:
        (N, 32, 32, 3) in [0, 1].
    """
    palette = np.array([*COLOURS.values(), GREY], "float32") / 255
    painted = palette[colours].repeat(2, axis=1).repeat(2, axis=2)  # (N, 32, 32, 3)
    return pictures * painted + (1 - pictures) * palette[BACKGROUND]


def drawings(split: str) -> np.ndarray:
    """Each shape in each corner, with jitter; those of the two splits differ.

    Returns:
        (6, 4, 64, 32, 32), float32 from 0 to 1.
    """
    _check(split)
    rng = np.random.default_rng((11, SPLITS.index(split)))
    bank = np.empty((len(SHAPES), len(CORNERS), _DRAWINGS, 32, 32), "float32")
    for s, shape in enumerate(SHAPES):
        for c, (x, y) in enumerate(CORNERS):
            dx, dy, grow = rng.uniform(-1, 1, (3, _DRAWINGS))
            bank[s, c] = coverage(
                shape, x + PLACE_JITTER * dx, y + PLACE_JITTER * dy, RADIUS * (1 + SIZE_JITTER * grow)
            )
    return bank


def _check(split: str) -> None:
    if split not in SPLITS:
        raise ValueError(f"`split` must be one of {', '.join(SPLITS)}. Received: {split!r}")


def sample_paintings(count: int, seed: int, *, split: str = "train") -> Paintings:
    """Draws captions of two to four pairs, and pictures of two or more of the shapes that they name.

    No shape occurs twice in a caption, and no colour.

    Args:
        count: how many.
        seed: at least 0.
        split: "train", without the held-out pairs; or "held_out": other drawings, and the first shape in the picture
            belongs to a pair that training has never seen.

    Raises:
        ValueError: an unknown split.
    """
    _check(split)
    bank, rng = drawings(split), np.random.default_rng((seed, SPLITS.index(split)))
    pictures = np.zeros((count, 32, 32), "float32")
    ids = np.zeros((count, LONGEST), "int32")
    colours = np.full((count, CELLS, CELLS), BACKGROUND, "int32")
    deciding = np.full((count, CELLS, CELLS), -1, "int32")
    for i in range(count):
        pairs = rng.integers(2, 5)
        while True:
            shape, colour = rng.permutation(len(SHAPES))[:pairs], rng.permutation(len(COLOURS))[:pairs]
            held = [is_held_out(c, s) for c, s in zip(colour, shape, strict=True)]
            if held[0] == (split == "held_out") and not any(held[1:]):
                break
        order = rng.permutation(pairs)  # of the pairs in the caption
        for place, k in enumerate(order):
            ids[i, 2 * place : 2 * place + 2] = 1 + colour[k], 1 + len(COLOURS) + shape[k]
        shown, corners = rng.integers(2, pairs + 1), rng.permutation(len(CORNERS))
        for k in range(shown):
            drawing = bank[shape[k], corners[k], rng.integers(_DRAWINGS)]
            pictures[i] += drawing
            cells = drawing.reshape(CELLS, 2, CELLS, 2).mean((1, 3)) > 0.5
            colours[i][cells] = colour[k]
            deciding[i][cells] = 2 * np.flatnonzero(order == k)[0] + 1
    return Paintings(pictures[..., None], ids, colours, deciding)
