"""The mask painter without a browser: mask and bytes follow each other, bad ones are refused; the still is right."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from diffusion_course.widgets.mask_painter import ZOOM, MaskPainter, striped

MASK = np.zeros((4, 6), bool)
MASK[1, 2:5] = True
PICTURE = np.linspace(0, 1, 4 * 6 * 3).reshape(4, 6, 3)


def test_what_the_hand_paints_is_the_mask_and_is_told_once():
    painter, told = MaskPainter(4, 6), []
    painter.observe(lambda change: told.append(change["new"]), "mask")
    # As the browser sends it: a view of bytes.
    painter.set_state({"cells": memoryview(MASK.astype(np.uint8).tobytes())})
    assert painter.mask.dtype == bool and np.array_equal(painter.mask, MASK)
    assert len(told) == 1 and np.array_equal(told[0], MASK)


def test_what_python_sets_reaches_the_browser(wired):
    painter = MaskPainter(4, 6)
    wire = wired(painter)
    painter.mask = MASK.astype("float32")
    assert np.array_equal(painter.mask, MASK)
    assert painter.cells == MASK.astype(np.uint8).tobytes() and wire.sent == [{"cells"}]
    painter.picture = PICTURE
    assert wire.sent[1:] == [{"pixels"}]
    assert np.frombuffer(painter.pixels, np.uint8).tolist() == np.round(255 * PICTURE).ravel().tolist()
    painter.picture = None
    assert painter.pixels == b"" and painter.picture is None


def test_it_begins_with_what_it_is_given():
    painter = MaskPainter(4, 6, picture=PICTURE, mask=MASK, label="Sky to paint")
    assert np.array_equal(painter.mask, MASK) and painter.label == "Sky to paint"
    np.testing.assert_allclose(painter.picture, PICTURE, atol=1e-6)
    assert not MaskPainter(4, 6).mask.any()


@pytest.mark.parametrize(
    "arguments, told",
    [
        ({"height": 0}, "from 1 to 256 pixels. Received: height=0"),
        ({"width": 257}, "from 1 to 256 pixels. Received: width=257"),
        ({"mask": MASK.T}, r"pictures' size, \(4, 6\).*Received: \(6, 4\)"),
        ({"mask": MASK * 2}, "1 where to paint and 0 elsewhere"),
        ({"picture": PICTURE[..., 0]}, r"Received: \(4, 6\)"),
        ({"picture": PICTURE * 255}, r"floating point in \[0, 1\]"),
    ],
)
def test_bad_arguments_are_refused(arguments, told):
    with pytest.raises(ValueError, match=told):
        MaskPainter(**{"height": 4, "width": 6, **arguments})


def test_a_refused_mask_leaves_the_one_before():
    painter = MaskPainter(4, 6, mask=MASK)
    with pytest.raises(ValueError, match="Received: 3 bytes"):
        painter.cells = b"\0\1\0"
    with pytest.raises(ValueError, match="pictures' size"):
        painter.mask = np.ones((2, 2))
    assert np.array_equal(painter.mask, MASK) and painter.cells == MASK.astype(np.uint8).tobytes()


def test_stripes_lie_where_the_mask_is_and_nowhere_else():
    for picture in (PICTURE, None, np.ones((4, 6, 3)), np.zeros((4, 6, 3))):
        plain = striped(picture, np.zeros_like(MASK))
        drawn = striped(picture, MASK)
        assert drawn.shape == (4 * ZOOM, 6 * ZOOM, 3) and 0 <= drawn.min() <= drawn.max() <= 1
        hole = MASK.repeat(ZOOM, axis=0).repeat(ZOOM, axis=1)
        np.testing.assert_array_equal(drawn[~hole], plain[~hole])
        assert np.ptp(drawn[hole].mean(axis=-1)) > 0.2, "stripes and ground must differ"


def test_still_has_words_and_twice_the_pixels():
    data, metadata = MaskPainter(4, 6, picture=PICTURE, mask=MASK)._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert metadata["image/png"]["alt"] == "Mask to paint: 3 of 24 pixels are painted, seen as stripes."
    with Image.open(io.BytesIO(base64.b64decode(data["image/png"]))) as image:
        assert image.width == 2 * 6 * ZOOM and metadata["image/png"]["width"] == 6 * ZOOM
