"""Attention maps: whole, the same as by hand, and read without changing the network."""

import keras
import numpy as np
import pytest
from helpers import numpy, shaken

from diffusion_course.layers.transformer import SpatialTransformer
from diffusion_course.models.attention_maps import attention_maps, map_reader
from diffusion_course.models.unet import UNet

RNG = np.random.default_rng(0)
SIZES = {
    "image_shape": (8, 8, 1),
    "widths": (4, 8),
    "num_res_blocks": 1,
    "groups": 2,
    "heads": 2,
    "context_dim": 6,
}
INPUTS = {
    "x": RNG.standard_normal((3, 8, 8, 1)).astype("float32"),
    "t": np.array([3, 400, 700], "int32"),
    "context": RNG.standard_normal((3, 5, 6)).astype("float32"),
}


@pytest.fixture(scope="module")
def network():
    return shaken(UNet(**SIZES, attention=(False, True)))


def test_every_transformer_gives_rows_that_add_to_one_and_the_output_is_unchanged(network):
    before = numpy(network(INPUTS))
    maps = attention_maps(network, INPUTS)
    assert {name: w.shape for name, w in maps.items()} == {
        "down_1_attention_0": (3, 2, 16, 5),
        "middle_attention": (3, 2, 16, 5),
        "up_1_attention_0": (3, 2, 16, 5),
        "up_1_attention_1": (3, 2, 16, 5),
    }
    for weights in maps.values():
        np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-5)
        assert weights.min() >= 0 and weights.std() > 1e-3
    np.testing.assert_array_equal(numpy(network(INPUTS)), before)


def test_maps_are_those_of_a_computation_by_hand(network):
    """Of the middle: projections, normalisations and the softmax written out on what reaches the layer."""
    layer = network.get_layer("middle_attention")
    x, context = (
        numpy(t) for t in keras.Model(network.input, list(layer.input))(INPUTS)
    )  # (3, 4, 4, 8), (3, 5, 6)
    block = layer.blocks[0]
    h = numpy(layer.project_in(layer.norm(x))).reshape(3, 16, 8)  # row y W + x is the pixel (y, x)
    h = h + numpy(block.self_attention(block.norm_1(h)))
    q = (numpy(block.norm_2(h)) @ numpy(block.cross_attention.query.kernel)).reshape(3, 16, 2, 4)
    k = (context @ numpy(block.cross_attention.key.kernel)).reshape(3, 5, 2, 4)
    scores = np.einsum("bnhd,bmhd->bhnm", q, k) / 2
    want = np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(attention_maps(network, INPUTS)["middle_attention"], want, atol=1e-4)


def test_a_word_that_changes_moves_the_maps_of_its_own_picture(network):
    changed = INPUTS["context"].copy()
    changed[0, 2] += 1
    read = map_reader(network)
    one, other = read(INPUTS), read({**INPUTS, "context": changed})
    for name in one:
        difference = np.abs(one[name] - other[name])
        assert difference[0].max() > 1e-3 and difference[1:].max() < 1e-6


def test_layers_of_several_blocks_give_a_map_each():
    network = shaken(UNet(**SIZES, transformer_depth=2))
    maps = attention_maps(network, INPUTS)
    assert list(maps) == ["middle_attention/block_0", "middle_attention/block_1"]
    assert np.abs(maps["middle_attention/block_0"] - maps["middle_attention/block_1"]).max() > 1e-3


def test_asking_for_weights_changes_no_result_and_works_in_functional_models():
    layer = shaken_after(SpatialTransformer(heads=2, groups=2, depth=2))
    image, words = RNG.standard_normal((2, 3, 5, 4)).astype("float32"), INPUTS["context"][:2]
    out, maps = layer(image, words, return_weights=True)
    np.testing.assert_array_equal(numpy(out), numpy(layer(image, words)))
    ends = keras.Input((3, 5, 4)), keras.Input((5, 6))
    said, announced = layer(*ends, return_weights=True)
    assert [tuple(w.shape) for w in announced] == [(None, 2, 15, 5)] * 2
    again = keras.Model(ends, [said, *announced])([image, words])
    for got, want in zip(again, [out, *maps], strict=True):
        np.testing.assert_allclose(numpy(got), numpy(want), atol=1e-5)


def shaken_after(layer):
    layer.build((None, 3, 5, 4), (None, 5, 6))
    return shaken(layer)


def test_a_network_without_a_text_is_refused():
    plain = {name: value for name, value in SIZES.items() if name != "context_dim"}
    with pytest.raises(ValueError, match="SpatialTransformer with a context. Received: .*SelfAttention2D"):
        attention_maps(UNet(**plain), INPUTS)


def test_compiled_reading_gives_the_same_maps_in_the_same_order(network):
    eager, compiled = map_reader(network), map_reader(network, compiled=True)
    for inputs in (INPUTS, {**INPUTS, "x": INPUTS["x"][::-1].copy()}):
        want, got = eager(inputs), compiled(inputs)
        assert list(got) == list(want)
        for name in want:
            np.testing.assert_allclose(got[name], want[name], atol=1e-5)
