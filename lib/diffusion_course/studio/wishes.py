"""What can be asked of the studio: a dictionary, as JSON gives it, becomes a `Wish`, or is refused with the rule."""

import base64
import binascii
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from diffusion_course.pipelines.text_to_image import GUIDANCE_SCALE, SAMPLERS, STEPS

LONGEST = 4000  # characters of a prompt: more than 500 words, which are read as far as the text encoder reads
# name -> (least, most, step of its slider, what it begins with)
NUMBERS = {
    "guidance": (0.0, 15.0, 0.5, GUIDANCE_SCALE),
    "steps": (1, 100, 1, STEPS),
    "seed": (0, 9999, 1, 0),
    "strength": (0.0, 1.0, 0.05, 0.6),
}
BEGINNINGS = ("noise", "picture", "hole")
DEFAULTS = {
    "prompt": "",
    "negative": "",
    "sampler": next(iter(SAMPLERS)),
    "begin": BEGINNINGS[0],
    "picture": None,
    "mask": None,
} | {name: start for name, (_, _, _, start) in NUMBERS.items()}


class Refused(ValueError):
    """What is asked for breaks a rule; the message states it.

    Attributes:
        field: name of what breaks it, or "".
    """

    def __init__(self, field: str, message: str):
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, eq=False)
class Wish:
    """What to paint; made by `wish`, which checks it.

    Attributes:
        prompt, negative: texts.
        guidance, steps, seed, sampler: of `TextToImagePipeline.walks`.
        begin: "noise", "picture" (noised by ``strength``) or "hole" (a picture, painted where the mask is).
        strength: 0 to 1.
        picture: (H, W, 3) float32 in [0, 1], or None for "noise".
        mask: (H, W) bool, True where to paint, or None but for "hole".
    """

    prompt: str
    negative: str
    guidance: float
    steps: int
    seed: int
    sampler: str
    begin: str
    strength: float
    picture: np.ndarray | None
    mask: np.ndarray | None


def wish(asked: Any, size: tuple[int, int]) -> Wish:
    """Checks what is asked for.

    Args:
        asked: a dictionary with some of the names of `Wish`; the others get ``DEFAULTS``. ``picture`` is the base64 of
            H W 3 bytes, ``mask`` of H W bytes of 0 and 1.
        size: (H, W) of pictures.

    Raises:
        Refused: it is no such dictionary.
    """
    if not isinstance(asked, Mapping):
        raise Refused("", f"A wish must be an object of names and values. Received: {_short(asked)}")
    unknown = sorted(set(asked) - set(DEFAULTS), key=str)
    if unknown:
        raise Refused("", f"A wish may have {', '.join(DEFAULTS)}. Received: {_short(unknown[0])}")
    given = {**DEFAULTS, **asked}
    texts = {name: _text(name, given[name]) for name in ("prompt", "negative")}
    numbers = {name: _number(name, given[name]) for name in NUMBERS}
    for name, among in (("sampler", tuple(SAMPLERS)), ("begin", BEGINNINGS)):
        if given[name] not in among:
            raise Refused(name, f"{name} must be one of {', '.join(among)}. Received: {_short(given[name])}")
    begin, picture, mask = given["begin"], None, None
    if begin != "noise":
        picture = _bytes("picture", given["picture"], (*size, 3)).astype("float32") / 255
    if begin == "hole":
        mask = _bytes("mask", given["mask"], size)
        if mask.max() > 1:
            raise Refused("mask", f"mask must be 1 where to paint and 0 elsewhere. Received: {mask.max()}")
        if not mask.any():
            raise Refused("mask", "mask must mark at least one pixel to paint. Received: none")
        mask = mask == 1
    return Wish(**texts, **numbers, sampler=given["sampler"], begin=begin, picture=picture, mask=mask)


def _short(value) -> str:
    return f"{value!r:.80}"


def _text(name: str, value) -> str:
    if not isinstance(value, str):
        raise Refused(name, f"{name} must be a text. Received: {_short(value)}")
    if len(value) > LONGEST:
        raise Refused(name, f"{name} must have at most {LONGEST} characters. Received: {len(value)}")
    return value


def _number(name: str, value):
    low, high, _, start = NUMBERS[name]
    whole = isinstance(start, int)
    kind = "a whole number" if whole else "a number"
    # Compared before all else: nan and whole numbers too large for a float fail here, as they should.
    fits = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
    if not fits or (whole and value != int(value)):
        raise Refused(name, f"{name} must be {kind} from {low:g} to {high:g}. Received: {_short(value)}")
    return type(start)(value)


def _bytes(name: str, value, shape: tuple[int, ...]) -> np.ndarray:
    size = " x ".join(map(str, shape))
    if value is None:
        raise Refused(name, f"To begin with a picture or a hole, a {name} must be given. Received: none")
    try:
        raw = base64.b64decode(value, validate=True)
    except (TypeError, ValueError, binascii.Error) as error:
        raise Refused(name, f"{name} must be base64 of {size} bytes. Received: {_short(value)}") from error
    if len(raw) != math.prod(shape):
        raise Refused(name, f"{name} must have {size} bytes. Received: {len(raw)}")
    return np.frombuffer(raw, np.uint8).reshape(shape)
