"""The reference solutions of chapter 17 against truths that are known without them."""

from itertools import combinations

import keras
import numpy as np
import pytest

from diffusion_course.exercises import ch17
from diffusion_course.layers.resampling import Downsample
from diffusion_course.layers.transformer import SpatialTransformer
from diffusion_course.tools.operations import products

rng = np.random.default_rng(0)


def transformer(channels, tokens, size):
    x, context = keras.Input((4, 4, channels)), keras.Input((tokens, size))
    return keras.Model([x, context], SpatialTransformer(heads=2, groups=4)(x, context))


def test_a_transformer_has_so_many_parameters_and_does_so_much():
    model = transformer(16, 5, 24)
    assert model.count_params() == ch17.transformer_parameters(16, 24)
    inputs = [np.zeros((1, 4, 4, 16), "float32"), np.zeros((1, 5, 24), "float32")]
    counted = sum(p.multiply_adds for p in products(model, inputs) if p.kind == "attention")
    assert counted == ch17.attention_work(16, 16, 5)


def test_a_turned_kernel_gives_what_pytorch_s_convolution_is_defined_to_give():
    kernel, picture = rng.standard_normal((3, 2, 3, 3)), rng.standard_normal((1, 2, 5, 5))
    wanted = np.zeros((3, 3, 3))  # (out, rows, columns), without padding
    for out in range(3):
        for row in range(3):
            for column in range(3):
                wanted[out, row, column] = (
                    kernel[out] * picture[0, :, row : row + 3, column : column + 3]
                ).sum()
    got = keras.ops.conv(picture.transpose(0, 2, 3, 1), ch17.to_keras(kernel), padding="valid")
    np.testing.assert_allclose(got[0], wanted.transpose(1, 2, 0), rtol=1e-5, atol=1e-6)
    dense = rng.standard_normal((4, 6))
    np.testing.assert_array_equal(rng.standard_normal(6).dot(ch17.to_keras(dense)).shape, (4,))


@pytest.mark.parametrize("halvings", [1, 2, 3])
def test_padding_on_every_side_sees_the_picture_so_much_earlier(halvings):
    x = rng.standard_normal((1, 64, 64, 1)).astype("float32")

    def code(padding, x):
        kernels = np.random.default_rng(1)
        for _ in range(halvings):
            layer = Downsample(channels=1, padding=padding)
            layer.build(x.shape)
            layer.conv.kernel.assign(kernels.standard_normal(layer.conv.kernel.shape))
            x = layer(x)
        return np.asarray(x)[:, 2:-2, 2:-2]

    moved = np.roll(x, ch17.pixels_of_shift(halvings), axis=(1, 2))
    np.testing.assert_allclose(code("symmetric", x), code("same", moved), rtol=1e-4, atol=1e-4)


def test_swaps_are_counted_as_they_can_be_tried():
    shapes = [(2, 2), (2,), (2, 2), (4,), (2, 2), (2,)]
    assert ch17.silent_swaps(shapes) == sum(a == b for a, b in combinations(shapes, 2)) == 4


def test_pictures_of_a_kilowatt_hour_each():
    # 1 kWh, half of it again for cooling, 400 g each: 600 g a picture
    assert ch17.pictures_like_the_training(6.0, 3.6e6, 1.5, 400.0) == pytest.approx(10)
