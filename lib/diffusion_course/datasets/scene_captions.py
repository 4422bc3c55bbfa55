"""Scenes in words and back: a small grammar with several word orders and synonyms, and its exact inverse.

    >>> scene = scene_of("blue background, big red star, top left")
    >>> captions(scene)[0]
    'a large red star at the top left on a blue background'

Every sentence says everything, and no sentence is true of two scenes.
"""

import difflib
import itertools
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np

from diffusion_course.datasets.scenes import COLOURS, POSITIONS, SHAPES, SIZES, Scene, SceneObject

# What each name may be called; the first word is the plain one.
SIZE_WORDS = {"small": ("small", "little"), "large": ("large", "big")}
SHAPE_WORDS = {
    "circle": ("circle", "disc"), "square": ("square", "box"), "triangle": ("triangle",),
    "cross": ("cross", "plus"), "ring": ("ring",), "star": ("star",),
}  # fmt: skip
COLOUR_WORDS = {colour: (colour,) for colour in COLOURS}
CORNERS = [position for position in POSITIONS if position != "center"]
POSITION_WORDS = {"center": ("center", "middle")} | {
    corner: (corner, re.sub("top", "upper", re.sub("bottom", "lower", corner))) for corner in CORNERS
}
# The same with a preposition.
PLACE_WORDS = {"center": ("in the center", "in the middle")} | {
    corner: (f"at the {corner}", *(f"in the {word} corner" for word in POSITION_WORDS[corner]))
    for corner in CORNERS
}
# Where the first object named lies. The scene itself knows only "above" and "left of": see `Scene`.
RELATION_WORDS = {
    "above": ("above", "over"),
    "below": ("below", "under"),
    "left of": ("to the left of", "left of"),
    "right of": ("to the right of", "right of"),
}
OPPOSITES = {"above": "below", "left of": "right of"}

TEMPLATES = {
    1: (
        "a {size} {colour} {shape} {place} on a {background} background",
        "on a {background} background, a {size} {colour} {shape} {place}",
        "{place}, a {size} {colour} {shape} on a {background} background",
        "{background} background, {size} {colour} {shape}, {position}",
        "a {colour} {shape}, {size}, {place}, {background} background",
        "the {shape} {place} is {size} and {colour}, the background is {background}",
    ),
    2: (
        "a {colour} {shape} {relation} a {colour2} {shape2} on a {background} background",
        "on a {background} background, a {colour} {shape} {relation} a {colour2} {shape2}",
        "{background} background, {colour} {shape} {relation} {colour2} {shape2}",
        "a {colour} {shape} is {relation} a {colour2} {shape2}, the background is {background}",
    ),
}
WORDS = {
    "size": SIZE_WORDS, "colour": COLOUR_WORDS, "shape": SHAPE_WORDS, "position": POSITION_WORDS,
    "place": PLACE_WORDS, "background": COLOUR_WORDS, "relation": RELATION_WORDS,
    "colour2": COLOUR_WORDS, "shape2": SHAPE_WORDS,
}  # fmt: skip


def captions(scene: Scene) -> list[str]:
    """Every caption of a scene, each once; the first is the plain form. 24 to 68 for one object, 16 to 64 for two.

    Two objects are named in either order: "a ring above a star" and "a star below a ring" are one scene.
    """
    return [
        _fill(template, dict(zip(slots, words, strict=True)))
        for template, slots, choices in _forms(scene)
        for words in itertools.product(*choices)
    ]


def plain_caption(scene: Scene) -> str:
    """The plain form alone: "a large red star at the top left on a blue background"."""
    template, slots, choices = next(_forms(scene))
    return _fill(template, {slot: words[0] for slot, words in zip(slots, choices, strict=True)})


def sample_captions(scenes: Sequence[Scene], seed: int) -> list[str]:
    """One caption for each scene: a word order at random, then each word; caption i depends on (seed, i) alone.

    Args:
        scenes: N of either kind.
        seed: at least 0.

    Returns:
        N captions.

    Raises:
        ValueError: a negative seed.
    """
    if seed < 0:
        raise ValueError(f"`seed` must not be negative. Received: {seed}")
    chosen = []
    for i, scene in enumerate(scenes):
        rng = np.random.default_rng((seed, i))
        forms = list(_forms(scene))
        template, slots, choices = forms[rng.integers(len(forms))]
        chosen.append(
            _fill(
                template,
                {s: words[rng.integers(len(words))] for s, words in zip(slots, choices, strict=True)},
            )
        )
    return chosen


def scene_of(caption: str) -> Scene:
    """The scene that a caption describes: the exact inverse of `captions`.

    Capital letters, further spaces, a full stop at the end and "a" for "an" do not matter; word order does.

    Args:
        caption: a sentence of the grammar.

    Raises:
        ValueError: a word that the grammar does not have (the message names it), words in an order that it does not
            have, or a scene that cannot be: an object of the background's colour.
    """
    text = re.sub(r" ?, ?", ", ", _plain(caption))
    for count, pattern in _patterns():
        found = pattern.fullmatch(text)
        if found:
            return _scene(count, {slot: _NAMES[slot][words] for slot, words in found.groupdict().items()})
    strange = unknown_words(caption)
    if strange:
        raise ValueError(strange)
    raise ValueError(
        "The words are known but not in this order. Say for example 'a large red star at the top left on a blue "
        f"background' or 'a yellow ring above a black square on an orange background'. Received: {caption!r}"
    )


def unknown_words(caption: str) -> str | None:
    """What to tell of the words of a text that the grammar does not have; None if it has them all."""
    unknown = [word for word in re.findall(r"[^\s,]+", _plain(caption)) if word not in _KNOWN_WORDS]
    return _unknown(list(dict.fromkeys(unknown)), caption) if unknown else None


def _plain(caption: str) -> str:
    return " ".join(caption.lower().split()).removesuffix(".").rstrip()


def _forms(scene: Scene) -> Iterator[tuple[str, list[str], list[tuple[str, ...]]]]:
    """(template, its slots, the words that each may hold) for each word order and order of objects."""
    first, *others = scene.objects
    names = {"background": scene.background}
    if not others:
        names |= {"size": first.size, "colour": first.colour, "shape": first.shape}
        readings = [names | {"position": first.position, "place": first.position}]
    else:
        readings = [
            names | {"colour": a.colour, "shape": a.shape, "relation": relation, "colour2": b.colour, "shape2": b.shape}
            for a, b, relation in (
                (first, others[0], scene.relation),
                (others[0], first, OPPOSITES[scene.relation]),
            )
        ]  # fmt: skip
    for template in TEMPLATES[len(scene.objects)]:
        slots = re.findall(r"{(\w+)}", template)
        for reading in readings:
            yield template, slots, [WORDS[slot][reading[slot]] for slot in slots]


def _fill(template: str, words: dict[str, str]) -> str:
    return re.sub(r"\ba(?= [aeiou])", "an", template.format(**words))


def _scene(count: int, names: dict[str, str]) -> Scene:
    if count == 1:
        position = names.get("place") or names["position"]
        thing = SceneObject(names["colour"], names["shape"], names["size"], position)
        return Scene((thing,), names["background"])
    first = SceneObject(names["colour"], names["shape"])
    second = SceneObject(names["colour2"], names["shape2"])
    for relation, opposite in OPPOSITES.items():
        if names["relation"] == opposite:
            return Scene((second, first), names["background"], relation)
    return Scene((first, second), names["background"], names["relation"])


# slot -> words -> name
_NAMES = {
    slot: {word: name for name, words in choices.items() for word in words} for slot, choices in WORDS.items()
}
_KNOWN_WORDS = {"an"} | set(
    re.findall(r"\w+", re.sub(r"{\w+}", " ", " ".join(itertools.chain(*TEMPLATES.values()))))
) | {word for names in _NAMES.values() for phrase in names for word in phrase.split()}  # fmt: skip


@lru_cache
def _patterns() -> tuple[tuple[int, re.Pattern], ...]:
    """Each template as a pattern, with the number of objects that it speaks of."""
    patterns = []
    for count, templates in TEMPLATES.items():
        for template in templates:
            pattern = re.sub(r"\ba ", "an? ", template)
            for slot, names in _NAMES.items():
                pattern = pattern.replace(f"{{{slot}}}", f"(?P<{slot}>{'|'.join(map(re.escape, names))})")
            patterns.append((count, re.compile(pattern)))
    return tuple(patterns)


def _unknown(words: list[str], caption: str) -> str:
    near = difflib.get_close_matches(words[0], _KNOWN_WORDS, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return (
        f"The captions of Scenes have no word {', '.join(map(repr, words))}.{hint} "
        f"Colours: {', '.join(COLOURS)}. Shapes: {', '.join(SHAPES)}. Sizes: {', '.join(SIZES)}. "
        f"Received: {caption!r}"
    )
