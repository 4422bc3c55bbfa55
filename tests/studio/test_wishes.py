"""What can be asked of the studio, and what is refused, by which rule."""

import math

import numpy as np
import pytest
from studio_helpers import MASK, PICTURE, SIZE, packed

from diffusion_course.studio.wishes import DEFAULTS, LONGEST, NUMBERS, Refused, wish


def test_nothing_asked_for_is_the_defaults():
    made = wish({}, SIZE)
    for name, value in DEFAULTS.items():
        assert getattr(made, name) == value
    assert (made.begin, made.picture, made.mask) == ("noise", None, None)


def test_bytes_become_a_picture_and_a_mask():
    made = wish({"begin": "hole", "picture": PICTURE, "mask": MASK, "steps": 7.0, "guidance": 2}, SIZE)
    np.testing.assert_allclose(made.picture, np.arange(72).reshape(4, 6, 3) / 255, atol=1e-7)
    np.testing.assert_array_equal(made.mask, np.eye(4, 6, dtype=bool))
    assert (made.steps, type(made.steps), type(made.guidance)) == (7, int, float)
    assert wish({"begin": "picture", "picture": PICTURE}, SIZE).mask is None


def test_long_and_foreign_prompts_are_taken():
    for prompt in ("red " * 500, "一颗红色的星星", "🌟 étoile", "\ud800"):
        assert wish({"prompt": prompt, "negative": prompt}, SIZE).prompt == prompt


@pytest.mark.parametrize("name", NUMBERS)
def test_limits_are_inclusive_and_what_lies_beyond_is_refused(name):
    low, high, _, start = NUMBERS[name]
    for value in (low, high):
        assert getattr(wish({name: value}, SIZE), name) == value
    for value in (low - 1, high + 1, math.nan, math.inf, 10**400, -(10**400), "3", None, True, [1]):
        with pytest.raises(
            Refused, match=rf"^{name} must be a .*number from {low:g} to {high:g}. Received"
        ) as told:
            wish({name: value}, SIZE)
        assert told.value.field == name
    if isinstance(start, int):
        with pytest.raises(Refused, match="a whole number"):
            wish({name: low + 0.5}, SIZE)


@pytest.mark.parametrize(
    "asked, field, told",
    [
        (["a red star"], "", "object of names and values"),
        ({"prompt": "a", "colour": "red"}, "", "Received: 'colour'"),
        ({"prompt": None}, "prompt", "must be a text"),
        ({"negative": "a" * (LONGEST + 1)}, "negative", f"Received: {LONGEST + 1}"),
        ({"sampler": "euler"}, "sampler", "one of dpm, dpm-ode, ddim, ddpm. Received: 'euler'"),
        ({"sampler": ["dpm"]}, "sampler", "one of dpm"),
        ({"begin": "end"}, "begin", "one of noise, picture, hole"),
        ({"begin": "picture"}, "picture", "Received: none"),
        ({"begin": "picture", "picture": "not base64!"}, "picture", "base64 of 4 x 6 x 3 bytes"),
        ({"begin": "picture", "picture": 7}, "picture", "base64"),
        ({"begin": "picture", "picture": "é"}, "picture", "base64"),
        ({"begin": "picture", "picture": MASK}, "picture", "4 x 6 x 3 bytes. Received: 24"),
        ({"begin": "hole", "picture": PICTURE}, "mask", "Received: none"),
        ({"begin": "hole", "picture": PICTURE, "mask": PICTURE}, "mask", "4 x 6 bytes. Received: 72"),
        ({"begin": "hole", "picture": PICTURE, "mask": packed([0] * 24)}, "mask", "at least one pixel"),
        (
            {"begin": "hole", "picture": PICTURE, "mask": packed([2] * 24)},
            "mask",
            "1 where to paint.*Received: 2",
        ),
    ],
)
def test_what_breaks_a_rule_is_refused_and_the_field_is_named(asked, field, told):
    with pytest.raises(Refused, match=told) as refused:
        wish(asked, SIZE)
    assert refused.value.field == field
