"""The image encoder: what reaches the result, where things lie, saving, precision."""

import keras
import numpy as np
import pytest
from helpers import numpy, shaken

from diffusion_course.models.image_encoder import ImageEncoder

SMALL = {"image_shape": (8, 8, 3), "width": 6, "widths": (8, 16), "groups": 2}
X = np.random.default_rng(0).uniform(-1, 1, (3, 8, 8, 3)).astype("float32")


def test_every_pixel_reaches_its_own_picture_and_no_other():
    encoder, moved = shaken(ImageEncoder(**SMALL)), X.copy()
    out = numpy(encoder(X))
    assert out.shape == (3, 6)
    for row, column in ((0, 0), (7, 7)):
        moved[:] = X
        moved[0, row, column] += 1
        difference = np.abs(numpy(encoder(moved)) - out)
        assert difference[0].max() > 1e-3 and difference[1:].max() < 1e-6


def test_flattening_knows_where_a_thing_lies_and_the_mean_does_not():
    """The thing moves by one folded pixel, and lies too far inside for the edges to be felt."""
    pictures = np.full((2, 32, 32, 3), 0.5, "float32")
    thing = np.random.default_rng(1).uniform(-1, 1, (2, 2, 3))
    pictures[0, 14:16, 14:16] = pictures[1, 16:18, 16:18] = thing
    for pooling, differs in (("mean", False), ("flatten", True)):
        encoder = ImageEncoder(image_shape=(32, 32, 3), width=6, widths=(8,), groups=2, pooling=pooling)
        one, other = numpy(shaken(encoder)(pictures))
        assert (np.abs(one - other).max() > 1e-2) == differs
        assert differs or np.abs(one - other).max() < 1e-4


@pytest.mark.parametrize("change", [{}, {"fold": 1, "pooling": "mean", "num_res_blocks": 2}])
def test_config_and_model_survive(change, tmp_path):
    encoder = shaken(ImageEncoder(**{**SMALL, **change}))
    assert ImageEncoder.from_config(encoder.get_config()).get_config() == encoder.get_config()
    encoder.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(numpy(loaded(X)), numpy(encoder(X)), atol=1e-6)


def test_half_precision_gives_float32_and_is_kept():
    encoder = shaken(ImageEncoder(**SMALL), 0.1)
    half = ImageEncoder(**SMALL, dtype="mixed_bfloat16")
    half.set_weights(encoder.get_weights())
    out = half(X)
    assert keras.backend.standardize_dtype(out.dtype) == "float32"
    np.testing.assert_allclose(numpy(out), numpy(encoder(X)), atol=0.05)
    again = ImageEncoder.from_config(half.get_config())
    assert again.get_layer("image_0_block_0").dtype_policy.name == "mixed_bfloat16"


@pytest.mark.parametrize(
    "change, words",
    [
        ({"image_shape": (8, 6, 3)}, "divisible by fold"),
        ({"widths": ()}, "divisible by fold"),
        ({"fold": 0}, "divisible by fold"),
        ({"groups": 3}, "divisible by `groups`"),
        ({"pooling": "max"}, "`pooling` must be one of flatten, mean"),
    ],
)
def test_refuses(change, words):
    with pytest.raises(ValueError, match=f"{words}.*Received"):
        ImageEncoder(**{**SMALL, **change})
