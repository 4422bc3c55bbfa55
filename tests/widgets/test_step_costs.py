"""The explorer of costs: it grows counts as a count at the other size says, and tells what it draws."""

import keras
import pytest
from matplotlib import pyplot as plt

from diffusion_course.models import stable_diffusion
from diffusion_course.tools.operations import Product, products
from diffusion_course.widgets import step_costs
from diffusion_course.widgets.step_costs import Counted, bars_svg, in_words, still_figure, view_html, work_at

SMALL = {"widths": (32,) * 4, "num_res_blocks": 1, "context_dim": 8}


def counted_at(side):
    network = stable_diffusion.shapes_only(lambda: stable_diffusion.unet("sd-1", side=side, **SMALL))
    inputs = {
        "x": keras.KerasTensor((1, *network.image_shape)),
        "t": keras.KerasTensor((1,), "int32"),
        "context": keras.KerasTensor((1, 7, 8)),
    }
    return Counted(products(network, inputs), side, 8, heads=8, calls=100)


def test_what_is_grown_is_what_is_counted_there():
    small, large = counted_at(64), counted_at(256)
    assert work_at(small, 256) == work_at(large, 256)
    parts = [f"down {i}" for i in range(4)] + ["middle"] + [f"up {i}" for i in (3, 2, 1, 0)] + ["ends"]
    assert list(work_at(small, 64)) == parts


TWO = Counted(
    [
        Product("down_0_block_0/conv_1", "convolution", 3_000_000),
        Product("down_0_attention_0/block_0/self_attention", "attention", 1_000_000),
    ],
    side=64,
    pixels=8,
    heads=2,
    calls=10,
)


def test_words_tell_the_numbers():
    assert in_words("A", TWO, 64) == (
        "A, 64 pixels: 4 M multiply-adds a call, 40 M a picture of 10 calls; 25% are products of attention. "
        "All scores of a first attention at once: 32.8 k bytes"
    )
    assert "57% are products of attention" in in_words("A", TWO, 128)  # 16 of 28 M


def test_bars_are_as_long_as_the_work():
    svg = bars_svg({"a<": {"convolution": 3.0, "dense": 0.0, "attention": 1.0}}, "words")
    assert 'width="315.0"' in svg and 'width="105.0"' in svg and "a&lt;" in svg and "<a<" not in svg


def test_widget_follows_its_controls():
    widget = step_costs({"one": TWO, "other": Counted(TWO.products[:1], 64, 8, 2, 1)}, (64, 128))
    before = widget.view.value
    assert before == view_html("one", TWO, 64)
    widget.controls["side"].value = 128
    assert widget.view.value != before and "128 pixels" in widget.view.value
    widget.controls["network"].value = "other"
    assert "0% are products" in widget.view.value
    data, metadata = widget._repr_mimebundle_()
    assert "image/png" in data and "57%" in metadata["image/png"]["alt"]


def test_still_shows_the_first_and_the_last_size():
    figure, words = still_figure({"one": TWO}, (64, 128, 256))
    assert [ax.get_xlabel()[:4] for ax in figure.axes] == ["64 p", "256 "]
    assert words.count("one,") == 2
    plt.close(figure)


def test_there_must_be_something_to_choose_from():
    for networks, sides in (({}, (64,)), ({"one": TWO}, ()), ({"one": TWO}, (128, 64))):
        with pytest.raises(ValueError, match="must hold at least one"):
            step_costs(networks, sides)
