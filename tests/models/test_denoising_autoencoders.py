"""Denoisers: sizes, equality with the chapter's own networks, what conditioning sees, serialisation, refusals."""

import keras
import numpy as np
import pytest
from keras import layers

from diffusion_course.models.denoising_autoencoders import DenoisingAutoencoder, DnCNN
from diffusion_course.models.weights import load_weights, save_weights
from diffusion_course.training.denoising import add_gaussian_noise

RNG = np.random.default_rng(0)
X = RNG.random((3, 28, 28, 1), "float32")


def shaken(model):
    """The model with random weights everywhere: untrained, its last layer is zero and hides the others."""
    for weight in model.weights:
        weight.assign(RNG.normal(0, 0.1, weight.shape))
    return model


def inputs(model, x, sigma=0.3):
    return {"x": x, "sigma": np.full(len(x), sigma, "float32")} if model.conditioned else x


def test_noise_is_scaled_per_picture_and_clipped_on_request():
    noise = RNG.standard_normal(X.shape).astype("float32")
    levels = np.array([0.0, 0.1, 1.0], "float32")
    free = np.asarray(add_gaussian_noise(X, noise, levels, clip=False))
    np.testing.assert_allclose(free, X + levels[:, None, None, None] * noise, atol=1e-6)
    np.testing.assert_allclose(add_gaussian_noise(X, noise, levels), np.clip(free, 0, 1))
    np.testing.assert_allclose(add_gaussian_noise(X, noise, 0.5, clip=False), X + 0.5 * noise, atol=1e-6)


def test_autoencoder_equals_the_hand_built_network():
    same = {"padding": "same", "activation": "relu"}
    theirs = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(16, 3, strides=2, **same),
            layers.Conv2D(8, 3, strides=2, **same),
            layers.Conv2DTranspose(8, 3, strides=2, **same),
            layers.Conv2DTranspose(16, 3, strides=2, **same),
            layers.Conv2D(1, 3, padding="same", activation="sigmoid"),
        ]
    )
    ours = DenoisingAutoencoder()
    assert [w.shape for w in ours.weights] == [w.shape for w in theirs.weights]
    assert ours.count_params() == 160 + 1160 + 584 + 1168 + 145
    ours.set_weights(theirs.get_weights())
    np.testing.assert_allclose(ours(X), theirs(X), atol=1e-6)


@pytest.mark.parametrize("conditioned", [False, True])
def test_residual_network_is_identity_before_training(conditioned):
    model = DnCNN(conditioned=conditioned, width=4, blocks=1)
    np.testing.assert_array_equal(model(inputs(model, X)), X)


@pytest.mark.parametrize("conditioned", [False, True])
def test_residual_network_subtracts_what_it_predicts(conditioned):
    model = shaken(DnCNN(conditioned=conditioned, width=4, blocks=2))
    noise = np.asarray(model.predict_noise(inputs(model, X)))
    assert noise.std() > 0
    np.testing.assert_allclose(model(inputs(model, X)), X - noise, atol=1e-6)


def test_only_the_conditioned_network_reacts_to_the_level():
    model = shaken(DnCNN(conditioned=True, width=4, blocks=1))
    low, high = (np.asarray(model({"x": X, "sigma": np.full(3, s, "float32")})) for s in (0.1, 0.7))
    assert np.abs(low - high).max() > 1e-3
    mixed = np.asarray(model({"x": X, "sigma": np.array([0.1, 0.7, 0.1], "float32")}))
    np.testing.assert_allclose(mixed, np.stack([low[0], high[1], low[2]]), atol=1e-6)


def test_conditioning_costs_one_input_channel():
    blind, told = DnCNN(width=8), DnCNN(width=8, conditioned=True)
    assert told.count_params() - blind.count_params() == 3 * 3 * 1 * 8


def test_residual_parameters_match_the_count_by_hand():
    w, blocks = 32, 4
    by_hand = (9 * 4 * w + w) + blocks * 2 * (9 * w * w + w) + (9 * w * 4 + 4)
    assert DnCNN(width=w, blocks=blocks).count_params() == by_hand


@pytest.mark.parametrize(
    "make",
    [
        lambda: DenoisingAutoencoder(image_shape=(16, 8, 3), filters=(4, 6)),
        lambda: DnCNN(image_shape=(9, 12, 3), fold=3, width=5, blocks=2),
        lambda: DnCNN(image_shape=(8, 8, 1), conditioned=True, width=4, blocks=1),
    ],
)
def test_saves_and_reloads(make, tmp_path):
    model = shaken(make())
    x = inputs(model, RNG.random((2, *model.image_shape), "float32"))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.get_config() == model.get_config()
    np.testing.assert_array_equal(again(x), model(x))
    assert model(x).shape == (2, *model.image_shape)
    np.testing.assert_allclose(model.predict(x, verbose=0), model(x), atol=1e-5)


@pytest.mark.parametrize("make", [DenoisingAutoencoder, lambda: DnCNN(width=4, blocks=1)])
def test_weight_file_fits_every_further_model(make, tmp_path):
    first, second = shaken(make()), make()
    save_weights(first, tmp_path / "a.safetensors", dtype="float32")
    load_weights(second, (tmp_path / "a.safetensors").read_bytes())
    np.testing.assert_array_equal(first(X), second(X))


def test_refuses_sizes_that_do_not_divide():
    with pytest.raises(ValueError, match="divisible by 4. Received"):
        DenoisingAutoencoder(image_shape=(30, 28, 1))
    with pytest.raises(ValueError, match="divisible by `fold` = 2. Received"):
        DnCNN(image_shape=(27, 28, 1))
