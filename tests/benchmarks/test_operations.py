"""Multiply-adds against products counted by hand."""

import keras
import numpy as np
import pytest
from common.operations import multiply_adds

from diffusion_course.layers import attention
from diffusion_course.layers.attention import SelfAttention2D
from diffusion_course.models.stable_diffusion import shapes_only
from diffusion_course.models.unet import UNet
from diffusion_course.tools.operations import products

RNG = np.random.default_rng(0)


def ones(*shape):
    return np.ones((1, *shape), "float32")


@pytest.mark.parametrize(
    "layer, shape, expected",
    [
        (lambda: keras.layers.Dense(7), (5,), 35),
        (lambda: keras.layers.Dense(7), (4, 6, 5), 4 * 6 * 35),
        (lambda: keras.layers.Conv2D(7, 3, padding="same"), (4, 6, 5), 4 * 6 * 9 * 35),
        (lambda: keras.layers.Conv2D(7, (3, 1), strides=2, padding="same"), (4, 6, 5), 2 * 3 * 3 * 35),
        (lambda: keras.layers.Conv2DTranspose(7, 3, strides=2, padding="same"), (4, 6, 5), 4 * 6 * 9 * 35),
        # queries, keys and values; scores and weighted mean of 24 by 24 positions; the projection at the end
        (lambda: SelfAttention2D(heads=2, groups=2), (4, 6, 8), 24 * 8 * 24 + 2 * 24 * 24 * 8 + 24 * 8 * 8),
        (lambda: keras.layers.GroupNormalization(2), (4, 6, 8), 0),
    ],
)
def test_layers(layer, shape, expected):
    model = keras.Sequential([keras.Input(shape), layer()])
    assert multiply_adds(model, ones(*shape)) == expected
    assert multiply_adds(model, ones(*shape)) == expected  # counting leaves nothing behind


def test_unet_by_hand():
    model = UNet(image_shape=(8, 8, 1), fold=2, widths=(4, 8), num_res_blocks=1, groups=2, heads=2)

    def conv(pixels, a, b, k=3):
        return pixels * k * k * a * b

    def block(
        pixels, a, b
    ):  # two convolutions, the time as scale and shift, and a shortcut where widths differ
        return conv(pixels, a, b) + conv(pixels, b, b) + 16 * 2 * b + (pixels * a * b if a != b else 0)

    time = 4 * 16 + 16 * 16
    down = conv(16, 4, 4) + block(16, 4, 4) + conv(4, 4, 4) + block(4, 4, 8)
    middle = 2 * block(4, 8, 8) + 4 * 8 * 24 + 2 * 4 * 4 * 8 + 4 * 8 * 8
    up = block(4, 16, 8) + block(4, 12, 8) + conv(16, 8, 8) + block(16, 12, 4) + block(16, 8, 4)
    expected = time + down + middle + up + conv(16, 4, 4)
    # both may differ in how a level halves and doubles, so read its convolutions off the layers
    assert multiply_adds(model, {"x": ones(8, 8, 1), "t": np.array([3])}) == expected


def test_shapes_alone_give_the_same_and_each_product_has_its_place(monkeypatch):
    """Of a network without weights, whose attention takes its queries one by one."""

    def make():
        sizes = {"widths": (4,), "num_res_blocks": 1, "groups": 2, "heads": 2, "context_dim": 6}
        return UNet(image_shape=(4, 2, 1), attention=(True,), **sizes)

    inputs = {"x": ones(4, 2, 1), "t": np.array([3]), "context": ones(5, 6)}
    expected = products(make(), inputs)
    symbols = {name: keras.KerasTensor(x.shape, dtype=str(x.dtype)) for name, x in inputs.items()}
    assert products(shapes_only(make), symbols) == expected
    found = {(p.path, p.kind): p.multiply_adds for p in expected}
    assert found["first", "convolution"] == 8 * 9 * 4
    block = "middle_attention/block_0"
    assert found[f"{block}/self_attention", "attention"] == 2 * 8 * 8 * 4
    assert found[f"{block}/cross_attention", "attention"] == 2 * 8 * 5 * 4
    assert found[f"{block}/cross_attention/key", "dense"] == 5 * 6 * 4

    monkeypatch.setattr(attention, "MOST_SCORES", 1)
    parts = [
        p for p in products(make(), inputs) if (p.path, p.kind) == (f"{block}/self_attention", "attention")
    ]
    assert [p.multiply_adds for p in parts] == 8 * [2 * 8 * 4]
