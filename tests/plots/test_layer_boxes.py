"""Layers as boxes: heights follow the maps, and what cannot be drawn is refused."""

import pytest
from matplotlib.patches import Rectangle

from diffusion_course import plots

LAYERS = [("picture", (28, 28, 1)), ("half", (14, 14, 8)), ("code", (2,))]


def test_boxes_are_as_high_as_their_maps_and_a_vector_is_flat():
    figure = plots.layer_boxes(LAYERS, {"encoder": (0, 2)})
    (axes,) = figure.axes
    heights = [p.get_height() for p in axes.patches if isinstance(p, Rectangle)]
    assert heights[:2] == [1.0, 0.5]
    assert heights[2] < 0.1
    words = [text.get_text() for text in axes.texts]
    assert "picture\n28 × 28 × 1" in words and "code\n2 numbers" in words and "encoder" in words


def test_a_part_beyond_the_last_box_is_refused():
    with pytest.raises(ValueError, match=r"0 to 2\. Received: 'all': \(0, 3\)"):
        plots.layer_boxes(LAYERS, {"all": (0, 3)})
    with pytest.raises(ValueError, match="at least one"):
        plots.layer_boxes([], {})
