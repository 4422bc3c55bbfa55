"""Pictures as HTML: the right pixels at the right size, and words for each."""

import base64
import io
import re

import numpy as np
import pytest
from matplotlib import pyplot as plt
from PIL import Image

from diffusion_course.widgets.pictures import (
    captioned,
    headed,
    image_html,
    picture_png,
    sheet_png,
    whole_zoom,
    with_still,
)


def decoded(text: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(re.search(r"base64,([^\"]+)", text)[1])))


def width(text: str) -> int:
    return int(re.search(r"width:(\d+)px", text)[1])


def test_sheet_is_one_row_enlarged():
    images = np.arange(4 * 5 * 6).reshape(4, 5, 6, 1) / 255
    sheet = np.asarray(Image.open(io.BytesIO(sheet_png(images, zoom=3))))
    assert sheet.shape == (5 * 3, (4 * 7 - 1) * 3)
    np.testing.assert_array_equal(sheet[:, 21:39], np.kron(255 * images[1, ..., 0], np.ones((3, 3))).round())


@pytest.mark.parametrize(
    ("side", "wished", "zoom"), [(28, 84, 3), (28, 10, 2), (32, 84, 3), (64, 84, 1), (256, 84, 1)]
)
def test_pictures_are_enlarged_by_whole_numbers_and_never_below_56_pixels(side, wished, zoom):
    images = np.zeros((2, side, side, 1))
    assert whole_zoom(images, wished) == zoom and side * zoom >= 56
    assert width(image_html(images, "two", size=wished)) == (2 * side + 1) * zoom


def test_an_array_travels_as_it_is_and_colour_stays():
    colour = np.random.default_rng(0).random((1, 6, 7, 3))
    got = np.asarray(decoded(image_html(colour, "noise")))
    np.testing.assert_allclose(got / 255, colour[0], atol=0.51 / 255)


def test_a_figure_has_twice_the_pixels_and_is_closed():
    figure = plt.figure(figsize=(4, 2), layout="constrained")
    text = image_html(figure, "nothing")
    assert width(text) == 360 and decoded(text).size == (720, 360)
    assert not plt.fignum_exists(figure.number)
    assert image_html(picture_png(figure), "nothing") == text


def test_words_are_escaped_and_always_there():
    image = np.zeros((1, 4, 4, 1))
    text = captioned(image, "a <b>", note="1 & 2")
    assert 'alt="a &lt;b&gt;: 1 &amp; 2"' in text and "<figcaption>a &lt;b&gt;<br><b>1 &amp; 2</b>" in text
    assert 'alt="other"' in captioned(image, "a", alt="other") and "<b>x &lt; y</b>" in headed("x < y")


def test_a_still_joins_the_live_view_at_half_its_pixels():
    png = picture_png(np.zeros((2, 28, 28, 1)))
    for bundle in (({"live": 1}, {"m": 2}), {"live": 1}):
        data, metadata = with_still(bundle, (png, "two black pictures"))
        assert data["live"] == 1 and data["text/plain"] == "two black pictures"
        assert base64.b64decode(data["image/png"]) == png
        assert metadata["image/png"] == {"alt": "two black pictures", "width": 171, "height": 84}
