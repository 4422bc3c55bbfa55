"""Chapter 00's widget: what its controls ask for, and what it shows without a kernel."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from diffusion_course.widgets import word_pictures


@pytest.fixture
def made():
    asked = []

    def generate(word, strength, seed):
        asked.append((word, strength, seed))
        return np.full((4, 5, 6, 1), min(1.0, strength / 3))

    return word_pictures(generate, ["Dress", "Bag"]), asked


def test_controls_ask_for_what_they_say(made):
    widget, asked = made
    (word, strength, seed), picture = widget.controls.values(), widget.view
    assert asked == [("Dress", 1.0, 0)]
    before = picture.value
    strength.value, word.value, seed.value = 2.5, "Bag", 7
    assert asked[-1] == ("Bag", 2.5, 7)
    assert picture.value != before
    assert "4 pictures for the word Bag, noise times 2.5, seed 7" in picture.value


def test_without_a_kernel_there_is_a_still_picture(made):
    data, metadata = made[0]._repr_mimebundle_()
    assert Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).width > 200
    assert metadata["image/png"]["alt"] == data["text/plain"] and "Run the cell" in data["text/plain"]
    assert "application/vnd.jupyter.widget-view+json" in data


def test_no_words_are_refused():
    with pytest.raises(ValueError, match="at least one word"):
        word_pictures(lambda *a: None, [])
