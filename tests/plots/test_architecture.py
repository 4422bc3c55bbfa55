"""The drawing of a U-Net holds every map with its shape, and its bridges lead where they should."""

import pytest
from matplotlib import pyplot as plt

from diffusion_course.models.unet import UNet
from diffusion_course.plots.architecture import unet_diagram, unet_maps

MAPS = [("first", (8, 8, 4)), ("down", (8, 8, 4)), ("middle", (4, 4, 16)), ("up", (8, 8, 4))]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_every_map_has_a_box_with_name_and_shape():
    axes = unet_diagram(MAPS, [(1, 3), (0, 3)]).axes[0]
    words = [t.get_text() for t in axes.texts]
    assert [name for name, _ in MAPS] == [w for w in words if w in {name for name, _ in MAPS}]
    assert words.count("8×8\n×4") == 3 and words.count("4×4\n×16") == 1


def test_lower_resolution_is_drawn_lower_and_more_channels_wider():
    boxes = [p for p in unet_diagram(MAPS).axes[0].patches if hasattr(p, "get_width")]
    first, middle = boxes[0], boxes[2]
    assert middle.get_y() + middle.get_height() < first.get_y()
    assert middle.get_width() > first.get_width() and middle.get_height() < first.get_height()


def test_bridges_start_and_end_at_their_maps_and_do_not_cover_each_other():
    lines = unet_diagram(MAPS, [(1, 3), (0, 3)]).axes[0].lines
    assert [(line.get_xdata()[0], line.get_xdata()[-1]) for line in lines] == [(1, 3), (0, 3)]
    assert lines[0].get_ydata()[-1] != lines[1].get_ydata()[-1]


@pytest.mark.parametrize("bridge", [(1, 1), (2, 1), (0, 4), (-1, 2)])
def test_a_bridge_leads_to_the_right(bridge):
    with pytest.raises(ValueError, match="`bridges` must lead .* Received"):
        unet_diagram(MAPS, [bridge])


def test_no_maps_no_drawing():
    with pytest.raises(ValueError, match="`maps` must hold at least one"):
        unet_diagram([])


def test_maps_and_bridges_are_read_from_a_network():
    network = UNet(
        image_shape=(8, 8, 1), widths=(4, 8), num_res_blocks=1, groups=2, attention=(True, False), heads=1
    )
    maps, bridges = unet_maps(network)
    kinds = [kind for kind, _ in maps]
    assert kinds[:4] == ["conv", "block", "attn", "halve"] and kinds[-1] == "conv"
    # The last block on the way up hears from the first convolution; the one before it from behind the attention.
    up = [i for i, kind in enumerate(kinds) if kind == "block"][-2:]
    assert (0, up[1]) in bridges and (2, up[0]) in bridges and len(bridges) == 4
    assert all(maps[i][1][0] == maps[j][1][0] for i, j in bridges)
