"""Pictures with holes: everything else is as it was, and the hole looks like no picture."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from diffusion_course.plots.editing import edited_rows, with_holes

PICTURES = np.random.default_rng(0).random((3, 8, 8, 3), dtype="float32")
MASK = np.zeros((8, 8), bool)
MASK[2:5, 1:7] = True


def test_a_hole_hides_what_lies_in_it_and_nothing_else():
    made = with_holes(PICTURES, MASK)
    assert made.shape == (3, 32, 32, 3)
    hole = MASK.repeat(4, axis=0).repeat(4, axis=1)
    np.testing.assert_array_equal(made[:, ~hole], PICTURES.repeat(4, axis=1).repeat(4, axis=2)[:, ~hole])
    other = with_holes(np.where(MASK[..., None], 0, PICTURES), MASK)
    np.testing.assert_array_equal(made, other)
    assert len(np.unique(made[:, hole])) == 2  # stripes
    each = np.stack([MASK, ~MASK, 0 * MASK])
    np.testing.assert_array_equal(with_holes(PICTURES, each)[0], made[0])


def test_rows_stand_in_order_with_the_prompts_below_the_last():
    figure = edited_rows(PICTURES, MASK, {"filled": 1 - PICTURES}, notes=["a", "b", "c"])
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["given", "the hole", "filled"]
    assert len(axes.images) == 9 and [text.get_text() for text in axes.texts if text.get_text()] == list(
        "abc"
    )
    np.testing.assert_allclose(axes.images[-1].get_array(), 1 - PICTURES[-1], atol=1e-6)
    plt.close(figure)


def test_refuses():
    with pytest.raises(ValueError, match=r"Received: \(3, 8, 8, 3\) and \(8, 7\)"):
        with_holes(PICTURES, MASK[:, :7])
    with pytest.raises(ValueError, match="all of one length"):
        edited_rows(PICTURES, MASK, {"filled": PICTURES[:2]})
    plt.close("all")
