"""Chapter 14's widget: change one number of a picture's latents, or mix two pictures' latents, and decode."""

from collections.abc import Callable

import numpy as np

from diffusion_course.widgets.pictures import captioned, headed, side_by_side

Decode = Callable[[np.ndarray], np.ndarray]
VISIBLE = (
    0.04  # change of a pixel in [0, 1], in the colour that changes most, that is counted: ten of 255 levels
)
SIZE = 112  # screen pixels of a picture


def check_latents(pictures: np.ndarray, latents: np.ndarray) -> np.ndarray:
    """Returns the latents as an array if they can be those of the pictures.

    Raises:
        ValueError: there are no pictures (N, H, W, 3), or not as many latents (N, h, w, c) of whole fractions of their
            sides.
    """
    shape, codes = np.shape(pictures), np.shape(latents)
    fits = len(shape) == len(codes) == 4 and shape[0] == codes[0] > 0 and shape[-1] == 3
    if not fits or shape[1] % codes[1] or shape[2] % codes[2]:
        raise ValueError(
            "`latents` must be (N, h, w, c), one for each of `pictures` (N, H, W, 3), H and W multiples of h and w. "
            f"Received: shapes {codes} and {shape}"
        )
    return np.asarray(latents, "float32")


def edited(latents, other, *, row: int, column: int, channel: int | None, add: float, mix: float):
    """Latents (h, w, c) of one picture, mixed with another's and then changed in one place.

    Args:
        latents, other: (h, w, c).
        row, column: of the place.
        channel: in which to add; None for all.
        add: what is added there.
        mix: share of the other's latents, everywhere, from 0 to 1.
    """
    changed = (1 - mix) * latents + mix * other
    changed[row, column, slice(None) if channel is None else channel] += add
    return changed


def reach(before: np.ndarray, after: np.ndarray) -> tuple[int, int, int]:
    """How far a change can be seen: pixels that changed by more than `VISIBLE`, and height and width of their frame.

    Args:
        before, after: pictures (H, W, 3) in [0, 1].
    """
    seen = np.abs(after - before).max(-1) > VISIBLE
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    if not len(rows):
        return 0, 0, 0
    return int(seen.sum()), int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1


def in_words(row: int, column: int, channel: int | None, add: float, mix: float, seen) -> str:
    """The change and its reach as a sentence."""
    place = f"{add:+g} in row {row}, column {column}, " + (
        "all channels" if channel is None else f"channel {channel}"
    )
    parts = [f"{mix:.0%} of the other picture's latents"] if mix else []
    parts += [place] if add else []
    if not parts:
        return "latents as they are"
    count, height, width = seen
    return f"{'; '.join(parts)}: {count} pixels changed, within {height} x {width}"


def view_html(pictures, latents, decode: Decode, picture: int, other: int, **change) -> str:
    """All that the widget shows below its controls.

    Args:
        pictures, latents, decode: as in `latent_cells`.
        picture, other: numbers of two pictures.
        **change: as in `edited`.
    """
    from diffusion_course.plots.latent_space import channel_pictures

    changed = edited(latents[picture], latents[other], **change)
    before, after = decode(np.stack([latents[picture], changed]))
    seen = reach(before, after)
    words = in_words(*(change[k] for k in ("row", "column", "channel", "add", "mix")), seen)
    channels = [c[0] for c in channel_pictures(changed[None], pictures.shape[1])]
    difference = np.clip(0.5 + 2 * (after - before), 0, 1)
    shown = {
        "picture": pictures[picture],
        "decoded": before,
        "changed": after,
        "difference, doubled": difference,
        "the other picture": pictures[other],
    }
    sheets = [
        captioned(image[None], name, alt=f"{name}. {words}", size=SIZE) for name, image in shown.items()
    ]
    maps = [
        captioned(image[None], f"channel {k}", alt=f"latents of channel {k}, {words}", size=SIZE // 2)
        for k, image in enumerate(channels)
    ]
    return headed(words, side_by_side(*sheets), side_by_side(*maps))


def still_figure(pictures, latents, decode: Decode, *, add: float = 2.0):
    """What the widget shows, for readers without a kernel: each channel changed in the middle, and an even mixture.

    Returns:
        A Matplotlib Figure and its description in words.
    """
    from diffusion_course.plots.grids import image_rows

    (h, w, channels), other = latents.shape[1:], min(1, len(latents) - 1)
    place = {"row": h // 2, "column": w // 2}
    changes = [{**place, "channel": k, "add": add, "mix": 0.0} for k in range(channels)]
    changes.append({**place, "channel": None, "add": 0.0, "mix": 0.5})
    made = decode(np.stack([latents[0], *(edited(latents[0], latents[other], **c) for c in changes)]))
    words = [
        in_words(*(c[k] for k in ("row", "column", "channel", "add", "mix")), reach(made[0], after))
        for c, after in zip(changes, made[1:], strict=True)
    ]
    names = ["decoded", *(f"channel {k} {add:+g}" for k in range(channels)), "half and half"]
    shown = [made, np.clip(0.5 + 2 * (made - made[0]), 0, 1)]
    figure = image_rows(shown, ["picture", "change"], names)
    told = "One picture, decoded, and with its latents changed. " + ". ".join(words)
    return figure, told + ". Run the cell to change them yourself."


def latent_cells(pictures: np.ndarray, latents: np.ndarray, decode: Decode):
    """Shows a picture decoded from its latents, and what changes if one of them changes or another picture is mixed in.

    Args:
        pictures: (N, H, W, 3) in [0, 1], to choose from.
        latents: (N, h, w, c), theirs, with a deviation of about 1.
        decode: latents (M, h, w, c) -> pictures (M, H, W, 3) in [0, 1]; it runs at each change, so it must be quick.

    Returns:
        A widget; where no kernel runs, it shows a still figure instead.

    Raises:
        ValueError: see `check_latents`.
    """
    latents = check_latents(pictures, latents)
    from diffusion_course.widgets.panel import Panel, choice, slider

    h, w, channels = latents.shape[1:]

    def draw(**values):
        return view_html(pictures, latents, decode, **values)

    controls = {
        "picture": slider("picture", 0, len(pictures) - 1),
        "channel": choice("channel", [("all", None), *((str(k), k) for k in range(channels))]),
        "row": slider("row", 0, h - 1, h // 2),
        "column": slider("column", 0, w - 1, w // 2),
        "add": slider("add there", -4, 4, 2, step=0.5),
        "other": slider("other picture", 0, len(pictures) - 1, min(1, len(pictures) - 1)),
        "mix": slider("share of the other", 0, 1, 0, step=0.1),
    }
    return Panel(draw, controls, lambda: still_figure(pictures, latents, decode))
