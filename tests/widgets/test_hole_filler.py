"""The hole filler: it fills what is painted when asked to, goes on from there, and says what went wrong."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from diffusion_course.widgets import hole_filler
from diffusion_course.widgets.hole_filler import still_figure, view_html

PICTURES = np.random.default_rng(0).random((2, 8, 8, 3), dtype="float32")
MASK = np.zeros((8, 8), "uint8")
MASK[2:5, 1:7] = 1


def fill(picture, mask, prompt, seed):
    """Grey as the prompt is long, a little darker with each seed."""
    if not prompt:
        raise ValueError("a prompt must have words")
    return np.where(mask[..., None], np.float32(len(prompt) / 100 - seed / 1000), picture)


@pytest.fixture
def widget():
    return hole_filler(fill, PICTURES, "a star", MASK)


def test_the_first_picture_is_filled_at_once(widget):
    np.testing.assert_array_equal(widget.painter.mask, MASK == 1)
    np.testing.assert_allclose(widget.result[MASK == 1], 0.06)
    np.testing.assert_array_equal(widget.result[MASK == 0], PICTURES[0][MASK == 0])
    assert "&quot;a star&quot; in 18 of 64 pixels" in widget.view.value
    assert "0 pixels outside of the mask have changed" in widget.view.value


def test_it_waits_for_its_button_and_then_fills_what_is_painted(widget):
    before = widget.view.value
    mask = np.zeros((8, 8), bool)
    mask[0, 0] = True
    widget.painter.mask, widget.prompt.value, widget.seed.value, widget.chosen.value = (
        mask,
        "a blue ring",
        5,
        1,
    )
    assert widget.view.value == before
    widget.go.click()
    assert "a blue ring" in widget.view.value and "1 of 64 pixels" in widget.view.value
    np.testing.assert_allclose(widget.result[0, 0], 0.105)
    np.testing.assert_array_equal(widget.result[1:], PICTURES[1][1:])


def test_editing_goes_on_from_what_was_made(widget):
    widget.keep.click()
    np.testing.assert_array_equal(widget.painter.picture, widget.result)
    widget.painter.mask = 1 - MASK
    widget.go.click()
    np.testing.assert_allclose(widget.result, 0.06)  # both halves


def test_what_goes_wrong_is_said_above_the_last_good_picture(widget):
    good = widget.view.value
    widget.prompt.value = ""
    widget.go.click()
    assert "a prompt must have words" in widget.status.value and widget.view.value == good
    widget.prompt.value = "again"
    widget.go.click()
    assert widget.status.value == "" and widget.view.value != good


def test_a_changed_pixel_outside_of_the_mask_would_be_told():
    after = PICTURES[0].copy()
    after[0, 0], after[3, 3] = 0, 0  # one outside of the mask, one inside
    assert "1 pixels outside of the mask have changed" in view_html(PICTURES[0], after, MASK == 1, "x")


def test_without_a_kernel_a_still_shows_picture_mask_and_result(widget):
    figure, alt = still_figure(PICTURES[0], widget.result, MASK == 1, "a star")
    assert len(figure.axes[0].images) == 3 and "18 of 64" in alt
    plt.close(figure)
    data, metadata = widget._repr_mimebundle_()
    assert "image/png" in data and '"a star"' in metadata["image/png"]["alt"]


def test_refuses():
    with pytest.raises(ValueError, match=r"at least one. Received: shape \(0, 8, 8, 3\)"):
        hole_filler(fill, PICTURES[:0], "a star", MASK)
    with pytest.raises(ValueError, match="`mask` must have the pictures' size"):
        hole_filler(fill, PICTURES, "a star", MASK[:4])
    with pytest.raises(ValueError, match="a prompt must have words"):
        hole_filler(fill, PICTURES, "", MASK)
