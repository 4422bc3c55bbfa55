"""The attention map: what its controls ask for, what it says, and its still picture."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from diffusion_course.widgets.attention_map import attention_map, map_html, still_figure

PICTURES = np.zeros((2, 8, 8, 1), "float32")
PICTURES[:, 2:6, 2:6] = 1


def look(picture, caption):
    words = caption.split()
    if "house" in words:
        raise ValueError("Words must be known. Received: house")
    weights = np.zeros((4, 4, len(words)))
    weights[..., 0], weights[1:3, 1:3] = 1, np.eye(len(words))[-1]  # cells of the shape look at the last word
    return words, np.repeat(picture, 3, axis=-1), weights


def test_large_map_is_that_of_the_chosen_word_and_numbers_are_right():
    words, painted, weights = look(PICTURES[0], "red <star>")
    first, second, beyond = (map_html(PICTURES[0], words, painted, weights, k) for k in (0, 1, 7))
    assert "“red”, word 1" in first and "largest weight 1.00; 0% of what" in first
    assert "“&lt;star&gt;”, word 2" in second and "largest weight 1.00; 100% of what" in second
    assert beyond == second and second.count("<img") == 3 + 2 == second.count("alt=")


def test_controls_change_what_is_shown_and_a_fault_is_said():
    widget = attention_map(look, PICTURES * [[[[1]]], [[[0.5]]]], "red star blue ring", longest=4)
    view, controls = widget.view, widget.controls
    assert "“star”, word 2" in view.value
    controls["word"].value = 3
    assert "“blue”, word 3" in view.value
    controls["caption"].value = "white cross"
    assert "“cross”, word 2" in view.value and ">ring<" not in view.value
    before = view.value
    controls["picture"].value = 1
    assert view.value != before
    good = view.value
    controls["caption"].value = "white house"
    assert "Received: house" in widget.status.value and view.value == good
    controls["caption"].value = ""
    assert "at least one word" in widget.status.value
    assert controls["caption"].continuous_update is False


def test_one_picture_needs_no_slider():
    assert list(attention_map(look, PICTURES[:1], "red star").controls) == ["caption", "word"]


def test_still_shows_every_word():
    figure, alt = still_figure(look, PICTURES[0], "red star")
    assert "red 0%, star 100%" in alt and "dark blue 0, yellow 1" in alt and len(figure.axes[0].images) == 4
    plt.close(figure)
    data, metadata = attention_map(look, PICTURES, "red star")._repr_mimebundle_()
    assert "image/png" in data and "red star" in metadata["image/png"]["alt"]


def test_no_pictures_are_refused():
    with pytest.raises(ValueError, match="at least one picture"):
        attention_map(look, PICTURES[:0], "red star")
