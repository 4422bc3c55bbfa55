"""Painting by words: captions, what decides a colour, what training never sees."""

import numpy as np
import pytest

from diffusion_course.datasets.painting import (
    BACKGROUND,
    WORDS,
    caption_of,
    colour_in,
    encode,
    is_held_out,
    sample_paintings,
)
from diffusion_course.datasets.scenes import COLOURS, SHAPES

COUNT = 60


@pytest.fixture(scope="module", params=["train", "held_out"])
def paintings(request):
    return request.param, sample_paintings(COUNT, 3, split=request.param)


def pairs(ids):
    words = caption_of(ids).split()
    return [(list(COLOURS).index(c), SHAPES.index(s)) for c, s in zip(words[::2], words[1::2], strict=True)]


def test_the_deciding_word_names_a_shape_and_the_word_before_it_the_colour(paintings):
    _, p = paintings
    for i in range(COUNT):
        inside = p.deciding[i] >= 0
        place = p.deciding[i][inside]
        assert all(WORDS[w] in SHAPES for w in p.ids[i][place])
        np.testing.assert_array_equal(p.ids[i][place - 1] - 1, p.colours[i][inside])
        assert (p.colours[i][~inside] == BACKGROUND).all()
        assert 2 <= len(np.unique(place)) <= len(pairs(p.ids[i])) <= 4


def test_a_colour_does_not_follow_from_place_or_number_of_the_pair(paintings):
    _, p = paintings
    seen = {
        (int(d), int(c)) for d, c in zip(p.deciding[p.deciding >= 0], p.colours[p.deciding >= 0], strict=True)
    }
    assert {d for d, _ in seen} == {1, 3, 5, 7} and len(seen) > 20


def test_held_out_pairs_are_in_no_training_caption_and_in_every_other(paintings):
    split, p = paintings
    held = [sum(is_held_out(*pair) for pair in pairs(ids)) for ids in p.ids]
    assert set(held) == ({0} if split == "train" else {1})
    if split == "held_out":  # and it is asked for
        for i in range(COUNT):
            shown = {
                (int(c), int(p.ids[i][d]) - 1 - len(COLOURS))
                for c, d in zip(p.colours[i].ravel(), p.deciding[i].ravel(), strict=True)
                if d >= 0
            }
            assert any(is_held_out(*pair) for pair in shown)
    assert sum(is_held_out(c, s) for c in range(8) for s in range(6)) == 8


def test_pictures_show_the_cells_that_are_asked_for(paintings):
    _, p = paintings
    cells = p.pictures[..., 0].reshape(COUNT, 16, 2, 16, 2).mean((2, 4))
    np.testing.assert_array_equal(cells > 0.5, p.deciding >= 0)
    painted = colour_in(p.pictures, p.colours)
    assert painted.shape == (COUNT, 32, 32, 3)
    full = p.pictures[..., 0] == 1
    colours = np.array([*COLOURS.values(), (0, 0, 0)])[p.colours].repeat(2, 1).repeat(2, 2) / 255
    sure = full & (p.deciding.repeat(2, 1).repeat(2, 2) >= 0)
    np.testing.assert_allclose(painted[sure], colours[sure], atol=1e-6)


def test_a_seed_gives_the_same_again():
    a, b, c = (sample_paintings(3, seed).pictures for seed in (1, 1, 2))
    assert np.array_equal(a, b) and not np.array_equal(a, c)


def test_captions_become_ids_and_back():
    ids = encode("Red star, and BLUE ring")
    assert caption_of(ids) == "red star blue ring" and ids.shape == (8,) and not ids[4:].any()
    assert caption_of(encode("")) == ""


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: encode("red house"), "Words must be among red, .*Received: house"),
        (lambda: encode("red star " * 5), "at most 8 words. Received: 10"),
        (
            lambda: sample_paintings(1, 0, split="test"),
            "`split` must be one of train, held_out. Received: 'test'",
        ),
    ],
)
def test_refuses(make, words):
    with pytest.raises(ValueError, match=words):
        make()
