"""Captions of Scenes: one meaning each, and read back exactly."""

import random

import pytest

from diffusion_course.datasets.scene_captions import (
    WORDS,
    captions,
    plain_caption,
    sample_captions,
    scene_of,
    unknown_words,
)
from diffusion_course.datasets.scenes import Scene, SceneObject, all_scenes, sample_scenes

STAR = Scene((SceneObject("red", "star", "large", "top left"),), "blue")
PAIR = Scene((SceneObject("yellow", "ring"), SceneObject("black", "square")), "orange", "above")


def test_plain_forms_are_the_specified_ones():
    assert plain_caption(STAR) == "a large red star at the top left on a blue background"
    center = Scene((SceneObject("orange", "cross", "small", "center"),), "white")
    assert plain_caption(center) == "a small orange cross in the center on a white background"
    assert plain_caption(PAIR) == "a yellow ring above a black square on an orange background"
    said = captions(PAIR)
    assert said[0] == plain_caption(PAIR)
    assert "a black square below a yellow ring on an orange background" in said
    beside = Scene(PAIR.objects, "orange", "left of")
    assert plain_caption(beside) == "a yellow ring to the left of a black square on an orange background"
    assert "a black square to the right of a yellow ring on an orange background" in captions(beside)


@pytest.mark.parametrize("kind", ["one", "two"])
def test_every_caption_of_a_scene_means_that_scene(kind):
    """All word orders and synonyms of scenes at random; and no caption is said of two scenes."""
    scenes, meaning = random.Random(0).sample(all_scenes(kind), 150), {}
    for scene in scenes:
        said = captions(scene)
        assert len(said) == len(set(said)) and said[0] == plain_caption(scene)
        for caption in said:
            assert scene_of(caption) == scene
            assert meaning.setdefault(caption, scene) == scene


@pytest.mark.parametrize("kind", ["one", "two"])
def test_a_caption_drawn_at_random_is_read_back(kind):
    scenes = all_scenes(kind)[:: 2 if kind == "one" else 17]
    for scene, caption in zip(scenes, sample_captions(scenes, seed=0), strict=True):
        assert scene_of(caption) == scene and scene_of(plain_caption(scene)) == scene


def test_samples_use_every_form_and_depend_on_seed_and_index_alone():
    for scene in (STAR, PAIR):
        assert set(sample_captions([scene] * 2000, seed=0)) == set(captions(scene))
    scenes = sample_scenes(30, seed=0, kind="both")
    said = sample_captions(scenes, seed=4)
    assert said[:5] == sample_captions(scenes[:5], seed=4)
    assert said != sample_captions(scenes, seed=5)


def test_articles_are_english():
    for scene in sample_scenes(300, seed=1, kind="both"):
        for caption in captions(scene):
            words = caption.replace(",", "").split()
            for article, word in zip(words, words[1:], strict=False):
                if article in ("a", "an"):
                    assert (article == "an") == (word[0] in "aeiou"), caption


@pytest.mark.parametrize(
    "caption",
    [
        "A LARGE red star at the top left on a blue background.",
        "  a big red star  in the upper left corner on a blue background ",
        "blue background , large red star,top left",
        "an large red star at the top left on an blue background",
    ],
)
def test_typing_freely_is_understood(caption):
    assert scene_of(caption) == STAR


def test_mirrored_sentences_are_one_scene_and_swapped_ones_are_not():
    assert scene_of("a red ring above a blue star on a white background") == scene_of(
        "a blue star under a red ring on a white background"
    )
    assert scene_of("a red ring above a blue star on a white background") != scene_of(
        "a blue star above a red ring on a white background"
    )


@pytest.mark.parametrize(
    "caption, problem",
    [
        ("a turquoise star at the top left on a blue background", "no word 'turquoise'.*Colours: red, green"),
        ("a large red hart in the center on a blue background", "no word 'hart'. Did you mean"),
        (
            "a lage red star in the center on a blue backgrond",
            "no word 'lage', 'backgrond'. Did you mean 'large'",
        ),
        ("star red large a", "known but not in this order. Say for example .* Received: 'star red large a'"),
        ("a red star at the top left on a blue background", "known but not in this order"),
        ("", "Received: ''"),
        ("a large red star in the center on a red background", "differ in colour from its background"),
    ],
)
def test_what_is_not_understood_is_named(caption, problem):
    with pytest.raises(ValueError, match=problem):
        scene_of(caption)


def test_negative_seed_is_refused():
    with pytest.raises(ValueError, match="`seed` must not be negative. Received: -1"):
        sample_captions([STAR], -1)


def test_no_word_means_two_things():
    for slot, names in WORDS.items():
        words = [word for choices in names.values() for word in choices]
        assert len(words) == len(set(words)), slot


def test_unknown_words_are_told_whatever_the_order_of_the_others():
    assert unknown_words("") is None and unknown_words("a star. ") is None
    assert all(
        unknown_words(plain_caption(scene)) is None for scene in sample_scenes(50, seed=0, kind="both")
    )
    assert "no word 'mauve'. " in unknown_words("star mauve, Red MAUVE")
