"""Sheets of sentences and pictures: every sentence stands whole below its own picture, and pictures stay large."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from diffusion_course.plots.display import SHARP
from diffusion_course.plots.prompts import prompt_sheet
from diffusion_course.plots.style import DPI

PROMPTS = ["a red star", "a small yellow ring below a large black square on an orange background", "", "x"]


def test_every_sentence_is_below_its_picture_and_above_the_next_row():
    pictures = np.random.default_rng(0).random((4, 32, 32, 3))
    figure = prompt_sheet(pictures, PROMPTS, columns=2)
    axes, renderer = figure.axes[0], figure.canvas.get_renderer()
    boxes = [axes.transData.transform_bbox(_extent(image)) for image in axes.images]
    assert len(boxes) == 4
    for k, (text, box) in enumerate(zip(axes.texts, boxes, strict=True)):
        assert text.get_text().replace("\n", " ") == PROMPTS[k]
        if PROMPTS[k]:
            found = text.get_window_extent(renderer)
            assert found.y1 <= box.y0 + 1 and found.x0 >= box.x0 - 1
            assert found.x1 <= box.x1 + 0.12 * box.width
            assert found.y0 >= (boxes[k + 2].y1 if k < 2 else 0) - 1
        assert box.width / figure.dpi * DPI >= 56  # screen pixels
    for image, picture in zip(axes.images, pictures, strict=True):
        np.testing.assert_array_equal(image.get_array(), picture)
    plt.close(figure)


def _extent(image):
    from matplotlib.transforms import Bbox

    left, right, bottom, top = image.get_extent()
    return Bbox([[left, bottom], [right, top]])


def test_pixels_of_a_picture_are_whole_pixels_of_the_file():
    figure = prompt_sheet(np.zeros((3, 32, 32, 3)), PROMPTS[:3], columns=3)
    left, right, *_ = figure.axes[0].images[0].get_extent()
    assert (right - left) % 32 == 0
    assert figure.get_figwidth() * SHARP * DPI == pytest.approx(
        3 * 1.12 * (right - left) - 0.12 * (right - left)
    )
    plt.close(figure)


def test_what_does_not_fit_together_is_refused():
    pictures = np.zeros((2, 4, 4, 3))
    for prompts, columns in ((["a"], 1), (["a", "b"], 0)):
        with pytest.raises(
            ValueError, match=r"There must be pictures, a text for each.*Received: 2 pictures"
        ):
            prompt_sheet(pictures, prompts, columns)
