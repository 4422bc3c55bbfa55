"""One test for all layers: see `helpers.assert_is_a_layer`. What each computes is tested in its own file."""

import inspect
import pkgutil

import keras
import numpy as np
import pytest
from helpers import assert_is_a_layer

from diffusion_course import layers as package
from diffusion_course.layers.attention import SelfAttention2D
from diffusion_course.layers.embeddings import TimeEmbedding
from diffusion_course.layers.normalization import GroupNorm
from diffusion_course.layers.plain_residual import PlainResidualBlock
from diffusion_course.layers.resampling import Downsample, Upsample
from diffusion_course.layers.residual import ResidualBlock
from diffusion_course.layers.text_transformer import CausalBlock, EndPooling, TokenEmbedding
from diffusion_course.layers.transformer import (
    GEGLU,
    BasicTransformerBlock,
    CrossAttention,
    SpatialTransformer,
)

RNG = np.random.default_rng(0)
IMAGE = RNG.standard_normal((2, 6, 5, 8)).astype("float32")
EMBEDDING = RNG.standard_normal((2, 12)).astype("float32")
WORDS = RNG.standard_normal((2, 7, 8)).astype("float32")
CONTEXT = RNG.standard_normal((2, 3, 5)).astype("float32")
TOKENS = np.array([[8, 1, 4, 9, 9], [8, 9, 9, 9, 9]], "int32")
STEPS = np.array([3, 700], "int32")
SAME = IMAGE.shape

# name -> layer, inputs, number of variables, shape of the result
LAYERS = {
    "time embedding": (lambda: TimeEmbedding(units=8), [STEPS], 4, (2, 8)),
    "group norm": (lambda: GroupNorm(4), [IMAGE], 2, SAME),
    "group norm, plain": (lambda: GroupNorm(2, affine=False), [IMAGE], 0, SAME),
    "residual": (lambda: ResidualBlock(channels=8, groups=4), [IMAGE, EMBEDDING], 8, SAME),
    "residual, wider": (
        lambda: ResidualBlock(channels=16, groups=4, dropout=0.1),
        [IMAGE, EMBEDDING],
        10,
        (2, 6, 5, 16),
    ),
    "residual, time added": (
        lambda: ResidualBlock(channels=8, groups=4, time="add", epsilon=1e-6),
        [IMAGE, EMBEDDING],
        10,
        SAME,
    ),
    "plain residual": (lambda: PlainResidualBlock(channels=8, groups=4), [IMAGE], 8, SAME),
    "plain residual, wider": (lambda: PlainResidualBlock(channels=16), [IMAGE], 10, (2, 6, 5, 16)),
    "halving": (lambda: Downsample(channels=4), [IMAGE], 2, (2, 3, 3, 4)),
    "halving, symmetric, to one pixel": (
        lambda: Downsample(channels=4, padding="symmetric"),
        [IMAGE[:, :2, :2]],
        2,
        (2, 1, 1, 4),
    ),
    "halving, symmetric": (lambda: Downsample(channels=4, padding="symmetric"), [IMAGE], 2, (2, 3, 3, 4)),
    "doubling": (lambda: Upsample(channels=4), [IMAGE], 2, (2, 12, 10, 4)),
    "self-attention": (lambda: SelfAttention2D(heads=2, groups=4), [IMAGE], 6, SAME),
    "self-attention, another epsilon": (lambda: SelfAttention2D(epsilon=1e-6), [IMAGE], 6, SAME),
    "attention to itself": (lambda: CrossAttention(heads=2), [WORDS], 5, WORDS.shape),
    "cross-attention": (lambda: CrossAttention(heads=3, units=6), [WORDS, CONTEXT], 5, (2, 7, 6)),
    "attention with biases": (lambda: CrossAttention(heads=2, bias=True), [WORDS], 8, WORDS.shape),
    "token embedding": (
        lambda: TokenEmbedding(vocabulary_size=10, length=6, units=8),
        [TOKENS],
        2,
        (2, 5, 8),
    ),
    "causal block": (lambda: CausalBlock(heads=2, activation="quick_gelu"), [WORDS], 16, WORDS.shape),
    "pooling at the end": (lambda: EndPooling(end_id=9), [WORDS[:, :5], TOKENS], 0, (2, 8)),
    "GEGLU": (lambda: GEGLU(units=6), [WORDS], 2, (2, 7, 6)),
    "transformer block": (lambda: BasicTransformerBlock(heads=2), [WORDS, CONTEXT], 20, WORDS.shape),
    "transformer block, GELU by tanh": (
        lambda: BasicTransformerBlock(heads=2, approximate=True),
        [WORDS, CONTEXT],
        20,
        WORDS.shape,
    ),
    "transformer block, no context": (lambda: BasicTransformerBlock(heads=2), [WORDS], 20, WORDS.shape),
    "spatial transformer": (
        lambda: SpatialTransformer(heads=2, groups=4, depth=2, mlp_ratio=2, epsilon=1e-5, approximate=True),
        [IMAGE, CONTEXT],
        46,
        SAME,
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layer(name, tmp_path):
    make, inputs, weights, shape = LAYERS[name]
    assert_is_a_layer(make(), *inputs, weights=weights, output_shape=shape, tmp_path=tmp_path)


def test_no_layer_is_left_out():
    """`Sampling` draws at random, so its results cannot be compared; test_gaussian.py has its tests."""
    found = set()
    for module in pkgutil.iter_modules(package.__path__):
        members = vars(__import__(f"{package.__name__}.{module.name}", fromlist=["x"])).values()
        found |= {
            member.__name__
            for member in members
            if inspect.isclass(member)
            and issubclass(member, keras.layers.Layer)
            and member.__module__.startswith(package.__name__)
        }
    assert found - {"Sampling"} == {type(make()).__name__ for make, *_ in LAYERS.values()}
