"""The widget of nearest captions: right neighbours, kind words about odd input, quick answers."""

import time

import numpy as np
import pytest
from matplotlib import pyplot as plt

from diffusion_course.datasets import scene_captions, scenes
from diffusion_course.tokenizer import Tokenizer, learn_merges
from diffusion_course.widgets import nearest_captions
from diffusion_course.widgets.nearest_captions import Space, nearest, read, still_figure, view_html

SCENES = list(dict.fromkeys(scenes.sample_scenes(300, seed=0, kind="both")))[:200]
CAPTIONS = scene_captions.sample_captions(SCENES, seed=1)
PICTURES = scenes.draw_scenes(SCENES, seed=2) / 255
TOKENIZER = Tokenizer(learn_merges(CAPTIONS, 200), length=32)
WORDS = {"a", ","}


def count_words(ids):
    """Stands in for a network: how often each token occurs, without start, end and padding."""
    counts = np.stack([np.bincount(row, minlength=TOKENIZER.vocabulary_size) for row in np.asarray(ids)])
    counts = counts[:, : TOKENIZER.start_id].astype("float32")
    return counts / np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1e-9)


SPACE = Space(count_words, *[count_words(TOKENIZER.encode(CAPTIONS))] * 2)
OTHER = Space(count_words, SPACE.pictures[::-1], SPACE.captions[::-1])


def view(sentence, space=SPACE, count=3):
    return view_html(space, TOKENIZER, PICTURES, CAPTIONS, sentence, count)


def test_nearest_come_first_and_cosines_are_right():
    embeddings = np.array([[1.0, 0], [0, 1], [0.6, 0.8], [-1, 0]])
    assert nearest(np.array([0.0, 1.0]), embeddings, 3) == [(1, 1.0), (2, 0.8), (0, 0.0)]
    assert len(nearest(np.array([0.0, 1.0]), embeddings, 9)) == 4


@pytest.mark.parametrize("i", [0, 57, 199])
def test_a_caption_of_the_gallery_finds_itself(i):
    shown = view(CAPTIONS[i], count=1)
    assert (
        f'alt="{CAPTIONS[i]}: 1.00"' in shown
        and f"<td>1.00</td><td style='text-align:left'>{CAPTIONS[i]}" in shown
    )
    assert 'role="note"' not in shown
    assert f'alt="{CAPTIONS[i]}: 1.00"' not in view(CAPTIONS[i], OTHER, 1)


def test_number_of_neighbours_is_as_asked():
    for count in (1, 5):
        assert (
            view(CAPTIONS[0], count=count).count("<img")
            == count
            == view(CAPTIONS[0], count=count).count("<tr>")
        )


def test_what_does_not_fit_is_said_with_where_the_reading_ends():
    _, _, remarks = read(TOKENIZER, "a red ring " * 10 + "above a star", WORDS)
    assert len(remarks) == 1 and "30 tokens fit" in remarks[0] and "red ring" in remarks[0]
    assert "star" not in remarks[0]


def test_unknown_words_are_named_and_known_ones_are_not():
    ids, tokens, remarks = read(TOKENIZER, "a red octopus, 7 stars", WORDS)
    assert ids.shape == (1, 32) and tokens.startswith("a red o·") and len(remarks) == 1
    named = remarks[0].split("It is read")[0]
    assert "o·" in named and "7" in named and "·s." in named
    assert "red" not in named and "a," not in named


ODD = ["", "  ", "北京 🌟", "\ud800", '<b>star</b> & "ring"', "<|endoftext|> stars", "x" * 400]


@pytest.mark.parametrize("sentence", ODD)
def test_any_text_has_neighbours_and_none_becomes_markup(sentence):
    shown = view(sentence)
    assert shown.count("<img") == 3 and 'role="note"' in shown
    assert "<b>star" not in shown and "<|" not in shown
    assert "Nothing typed" in view("") and "北京" in view("北京")


def test_widget_answers_within_a_tenth_of_a_second_beside_the_network():
    widget = nearest_captions({"one": SPACE, "two": OTHER}, TOKENIZER, PICTURES, CAPTIONS)
    sentence, network, count = widget.controls.values()
    seen = {widget.view.value}
    began = time.process_time()
    for i in range(5):
        sentence.value = CAPTIONS[i]
        seen.add(widget.view.value)
    assert (time.process_time() - began) / 5 < 0.1
    network.value, count.value = "two", 2
    assert len(seen) == 6 and widget.view.value not in seen and widget.status.value == ""


def test_without_a_kernel_a_still_figure_shows_every_sentence():
    sentences = [CAPTIONS[3], CAPTIONS[8]]
    figure, alt = still_figure(SPACE, TOKENIZER, PICTURES, CAPTIONS, sentences, count=4)
    assert len(figure.axes[0].images) == 8 and all(sentence in alt for sentence in sentences)
    plt.close(figure)
    data, metadata = nearest_captions(
        {"one": SPACE}, TOKENIZER, PICTURES, CAPTIONS, sentences
    )._repr_mimebundle_()
    assert "image/png" in data and CAPTIONS[3] in metadata["image/png"]["alt"]


def test_a_gallery_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"numbers \[199, 200\]"):
        nearest_captions({"one": SPACE}, TOKENIZER, PICTURES[1:], CAPTIONS)
    with pytest.raises(ValueError, match="0 spaces"):
        nearest_captions({}, TOKENIZER, PICTURES, CAPTIONS)
    with pytest.raises(ValueError, match="0 sentences"):
        nearest_captions({"one": SPACE}, TOKENIZER, PICTURES, CAPTIONS, [])
