"""Chapter 00's first widget: what is typed is painted, and warnings are told."""

import base64
import io
import warnings

import numpy as np
import pytest
from PIL import Image

from diffusion_course.widgets import sentence_painter
from diffusion_course.widgets.sentence_painter import START_SENTENCE


@pytest.fixture
def made():
    asked = []

    def paint(sentences, seed):
        asked.append((list(sentences), seed))
        if "octopus" in sentences[0]:
            warnings.warn("Not a word of the captions: octopus.", UserWarning, stacklevel=1)
        return np.full((len(sentences), 5, 6, 3), min(1.0, len(sentences[0]) / 60 + seed / 100))

    return sentence_painter(paint, count=3), asked


def test_the_first_sentence_is_painted_at_once(made):
    widget, asked = made
    assert asked == [([START_SENTENCE] * 3, 0)] and START_SENTENCE in widget.view.value


def test_what_is_typed_is_painted_with_its_seed_and_its_warnings(made):
    widget, asked = made
    before = widget.view.value
    widget.controls["sentence"].value = "an octopus"
    assert asked[-1] == (["an octopus"] * 3, 0) and widget.view.value != before
    assert "Not a word of the captions: octopus." in widget.view.value
    widget.controls["seed"].value = 7
    assert asked[-1] == (["an octopus"] * 3, 7) and "seed 7" in widget.view.value
    widget.controls["sentence"].value = ""
    assert asked[-1][0] == [""] * 3 and "chance decides" in widget.view.value
    assert "octopus" not in widget.view.value


def test_without_a_kernel_there_is_a_still_picture(made):
    data, metadata = made[0]._repr_mimebundle_()
    assert Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).width > 200
    assert START_SENTENCE in data["text/plain"] and metadata["image/png"]["alt"] == data["text/plain"]


def test_no_pictures_are_refused():
    with pytest.raises(ValueError, match="`count` must be at least 1. Received: count=0"):
        sentence_painter(lambda *a: None, count=0)
