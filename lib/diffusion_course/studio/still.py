"""What the studio shows for readers without a kernel: a prompt on its way to a picture, and the maps of its words."""

import base64
import textwrap
from collections.abc import Sequence

import numpy as np

from diffusion_course.studio.engine import Engine

PROMPT = "a large red star at the top left on a blue background"
MOMENTS = 6  # pictures in a row


def still_figure(engine: Engine, prompt: str = PROMPT):
    """Paints a prompt and shows it.

    Args:
        engine: what paints.
        prompt: of at least one word.

    Returns:
        A Matplotlib Figure and its description in words.
    """
    from diffusion_course.plots.grids import image_rows

    began, *frames, done = engine.paint(engine.check({"prompt": prompt}))
    chosen = np.unique(np.linspace(0, len(frames) - 1, MOMENTS).round().astype(int))
    words = [word for word, _ in began["words"]]
    looked = most_looked_at(_unpacked(done["maps"], (len(words), *engine.size), "<u2"), words)
    rows = [[_unpacked(frames[k][name], (*engine.size, 3)) for k in chosen] for name in ("noisy", "belief")]
    rows.append([over(_unpacked(done["picture"], (*engine.size, 3)), looked[word]) for word in looked])
    rows[-1] += [np.ones((*engine.size, 3))] * (len(chosen) - len(looked))
    figure = image_rows(
        [np.stack(row) for row in rows],
        [
            "where it is",
            "what the network believes",
            "who looked at\n" + textwrap.fill(", ".join(looked), 24),
        ],
        [f"t = {frames[k]['t']}" for k in chosen],
    )
    return figure, (
        f"The studio, at work on “{prompt}”: from noise to a picture, and below it what the network took it to become. "
        f"Last row: the finished picture, bright where pixels looked at {', '.join(looked)}. Run the cell to "
        "type a prompt of your own."
    )


def most_looked_at(maps: np.ndarray, words: Sequence[str], count: int = MOMENTS) -> dict[str, np.ndarray]:
    """The words, each once, whose maps (words, H, W) differ most from pixel to pixel, in the order of the prompt."""
    spread = {word: float(np.ptp(m)) for word, m in zip(words, maps, strict=True)}
    chosen = sorted(spread, key=spread.get, reverse=True)[:count]
    return {word: m for word, m in zip(words, maps, strict=True) if word in chosen}


def over(picture: np.ndarray, looked: np.ndarray) -> np.ndarray:
    """A picture (H, W, 3), darkened where a map (H, W) is low, relative to the map's own largest weight."""
    return picture * (0.2 + 0.8 * looked / max(float(looked.max()), 1e-9))[..., None]


def _unpacked(text: str, shape: tuple[int, ...], kind: str = "u1") -> np.ndarray:
    whole = np.frombuffer(base64.b64decode(text), kind).reshape(shape)
    return whole.astype("float32") / np.iinfo(kind).max
