"""The autoencoder: sizes by formula, equality with the chapter's own network, serialisation, refusals."""

import keras
import numpy as np
import pytest
from keras import layers

from diffusion_course.models.autoencoder import Autoencoder, build_decoder, build_encoder


def sequential(latent_dim):
    """Chapter 01's hand-built network."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2D(64, 3, strides=2, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dense(latent_dim),
            layers.Dense(7 * 7 * 64, activation="relu"),
            layers.Reshape((7, 7, 64)),
            layers.Conv2DTranspose(32, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2DTranspose(1, 3, strides=2, padding="same", activation="sigmoid"),
        ]
    )


@pytest.mark.parametrize("latent_dim", [1, 2, 16])
def test_equals_the_hand_built_network(latent_dim):
    ours, theirs = Autoencoder(latent_dim=latent_dim), sequential(latent_dim)
    assert [w.shape for w in ours.weights] == [w.shape for w in theirs.weights]
    ours.set_weights(theirs.get_weights())
    x = np.random.default_rng(0).random((3, 28, 28, 1), "float32")
    np.testing.assert_allclose(ours(x), theirs(x), atol=1e-6)


def test_parameters_match_the_count_by_hand():
    encoder = (9 * 1 * 32 + 32) + (9 * 32 * 64 + 64) + (7 * 7 * 64 * 2 + 2)
    decoder = (2 * 3136 + 3136) + (9 * 64 * 32 + 32) + (9 * 32 + 1)
    assert Autoencoder(latent_dim=2).count_params() == encoder + decoder


@pytest.mark.parametrize(
    ("shape", "filters"), [((28, 28, 1), (8, 16)), ((32, 48, 3), (4, 8, 16)), ((8, 8, 2), (5,))]
)
def test_shapes(shape, filters):
    model = Autoencoder(latent_dim=3, image_shape=shape, filters=filters)
    x = np.zeros((2, *shape), "float32")
    z = model.encoder(x)
    assert z.shape == (2, 3)
    assert model.decoder(z).shape == x.shape == model(x).shape
    assert tuple(model.compute_output_shape((None, *shape))) == (None, *shape)


def test_saves_and_reloads(tmp_path):
    model = Autoencoder(latent_dim=4, image_shape=(16, 16, 3), filters=(4, 8))
    x = np.random.default_rng(1).random((2, 16, 16, 3), "float32")
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.get_config() == model.get_config()
    np.testing.assert_array_equal(again(x), model(x))


def test_learns():
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(2).random((64, 1, 1, 1), "float32") * np.ones((64, 28, 28, 1), "float32")
    model = Autoencoder(latent_dim=2, filters=(8, 16))
    model.compile(keras.optimizers.Adam(1e-2), loss="mse")
    losses = model.fit(x, x, epochs=20, batch_size=16, verbose=0).history["loss"]
    assert losses[-1] < losses[0] / 3


@pytest.mark.parametrize("latent_dim", [0, -1, 2.0, "2"])
def test_refuses_a_bad_latent_dim(latent_dim):
    for make in (build_encoder, build_decoder):
        with pytest.raises(ValueError, match="positive integer. Received"):
            make(latent_dim)


def test_refuses_a_size_that_does_not_halve():
    with pytest.raises(ValueError, match=r"divisible by 4.*Received: image_shape=\(30, 28, 1\)"):
        Autoencoder(latent_dim=2, image_shape=(30, 28, 1))
