"""Weight files: a round trip in float16, and refusal of what is damaged or belongs to another model."""

import keras
import numpy as np
import pytest

from diffusion_course.course.files import DamagedFile
from diffusion_course.models.autoencoder import Autoencoder
from diffusion_course.models.weights import load_weights, save_weights, weights_as_bytes


def small(**changes):
    return Autoencoder(**{"latent_dim": 2, "image_shape": (8, 8, 1), "filters": (2, 3), **changes})


@pytest.fixture
def saved(tmp_path):
    keras.utils.set_random_seed(3)
    model, path = small(), tmp_path / "small.safetensors"
    save_weights(model, path)
    return model, path


def test_round_trip_in_float16(saved):
    model, path = saved
    other = small()
    load_weights(other, path.read_bytes())
    for ours, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(ours.astype("float16"), theirs)
        assert theirs.dtype == np.float32


def test_the_file_holds_the_bytes_and_takes_the_old_ones_place(saved):
    _, path = saved
    keras.utils.set_random_seed(4)
    other = small()
    save_weights(other, str(path))
    assert path.read_bytes() == weights_as_bytes(other)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_truncated_file_is_refused_and_changes_nothing(saved):
    _, path = saved
    other = small()
    before = other.get_weights()
    with pytest.raises(DamagedFile, match="small.safetensors must be a whole"):
        load_weights(other, path.read_bytes()[:-40], path.name)
    assert all(np.array_equal(a, b) for a, b in zip(before, other.get_weights(), strict=True))


def test_other_sizes_are_refused_and_change_nothing(saved):
    _, path = saved
    other = small(latent_dim=5)
    before = other.get_weights()
    with pytest.raises(DamagedFile, match=r"must have shape .* Received: shape"):
        load_weights(other, path.read_bytes())
    assert all(np.array_equal(a, b) for a, b in zip(before, other.get_weights(), strict=True))


def test_other_layers_are_refused(saved):
    _, path = saved
    with pytest.raises(DamagedFile, match="conv_2"):
        load_weights(small(filters=(2, 3, 4)), path.read_bytes())


def test_weights_that_float16_cannot_hold_are_refused(tmp_path):
    model = small()
    model.weights[0].assign(model.weights[0] + 1e6)
    with pytest.raises(ValueError, match="finite in float16"):
        save_weights(model, tmp_path / "large.safetensors")
    assert list(tmp_path.iterdir()) == []


class TwoOfAName(keras.Model):
    def __init__(self):
        super().__init__()
        self.one, self.two = (keras.layers.Dense(2, name="same") for _ in range(2))

    def build(self, x_shape):
        self.one.build(x_shape)
        self.two.build(x_shape)


def test_two_variables_with_one_path_are_refused(tmp_path):
    model = TwoOfAName()
    model.build((None, 2))
    with pytest.raises(ValueError, match="path of its own"):
        save_weights(model, tmp_path / "twice.safetensors")
