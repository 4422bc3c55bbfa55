"""The VAE: its loss is the negative ELBO, both networks, serialisation, refusals."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from diffusion_course.metrics.elbo import bernoulli_log_likelihood, gaussian_kl, negative_elbo
from diffusion_course.models.vae import LOG_VAR_RANGE, VAE, bernoulli_nats
from diffusion_course.recipes.vaes import held_out

X = np.random.default_rng(0).random((6, 8, 8, 1)).astype("float32")
SMALL = {"latent_dim": 3, "image_shape": (8, 8, 1), "widths": (16, 12)}


@pytest.mark.parametrize("network", ["conv", "dense"])
def test_terms_are_those_of_the_metric(network):
    model = VAE(network=network, **SMALL)
    terms = ops.convert_to_numpy(model(X))
    mean, log_var = (ops.convert_to_numpy(a) for a in model.encoder(X))
    np.testing.assert_allclose(terms[:, 1], gaussian_kl(mean, log_var), rtol=1e-4, atol=1e-6)
    logits = ops.convert_to_numpy(model.decoder(mean))
    np.testing.assert_allclose(bernoulli_nats(X, logits), -bernoulli_log_likelihood(X, logits), rtol=1e-5)


@pytest.mark.parametrize("beta", [0.0, 1.0, 4.0])
def test_loss_is_reconstruction_plus_beta_kl(beta):
    model = VAE(beta=beta, **SMALL)
    terms = np.array([[100.0, 5.0], [120.0, 7.0]], "float32")
    assert float(model.compute_loss(y_pred=ops.convert_to_tensor(terms))) == pytest.approx(110 + beta * 6)


def test_conv_network_equals_the_hand_built_one():
    """Chapter 02's encoder and decoder, weight for weight."""
    image = keras.Input((28, 28, 1))
    x = layers.Conv2D(32, 3, strides=2, padding="same", activation="relu")(image)
    x = layers.Flatten()(layers.Conv2D(64, 3, strides=2, padding="same", activation="relu")(x))
    encoder = keras.Model(image, [layers.Dense(2)(x), layers.Dense(2)(x)])
    model = VAE(latent_dim=2, network="conv")
    assert [w.shape for w in encoder.weights] == [w.shape for w in model.encoder.weights]
    encoder.set_weights(model.encoder.get_weights())
    pictures = np.random.default_rng(1).random((3, 28, 28, 1), "float32")
    for ours, theirs in zip(model.encoder(pictures), encoder(pictures), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_training_lowers_the_held_out_bound():
    rng = np.random.default_rng(0)
    shade = rng.random((400, 1, 1, 1)) > 0.5
    x = np.where(shade, 0.9, 0.1) * np.ones((400, 8, 8, 1))
    x = (rng.random(x.shape) < x).astype("float32")
    keras.utils.set_random_seed(0)
    model = VAE(network="dense", **SMALL)
    encode = lambda a: [ops.convert_to_numpy(t) for t in model.encoder(a)]  # noqa: E731
    decode = lambda z: ops.convert_to_numpy(model.decoder(z))  # noqa: E731
    before = negative_elbo(x[300:], encode, decode, np.random.default_rng(1))["negative_elbo"]
    model.compile(keras.optimizers.Adam(5e-3))
    history = model.fit(x[:300], epochs=30, batch_size=50, verbose=0).history
    after = negative_elbo(x[300:], encode, decode, np.random.default_rng(1))["negative_elbo"]
    # Entropy of a pixel with probability 0.9 is 0.325 nats: 64 pixels and one bit are the best that any model can do.
    best = 64 * 0.3251 + np.log(2)
    assert best - 2 < after < best + 4 < before
    assert history["kl"][-1] > 0 and history["reconstruction"][-1] < history["reconstruction"][0]


def test_saves_and_reloads(tmp_path):
    model = VAE(network="dense", beta=2.0, **SMALL)
    model.save(tmp_path / "vae.keras")
    again = keras.saving.load_model(tmp_path / "vae.keras")
    assert again.get_config() == model.get_config()
    np.testing.assert_allclose(again.encode(X), model.encode(X), atol=1e-6)
    assert again.decode(model.encode(X)).shape == X.shape


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"latent_dim": 0}, "positive integer"),
        ({"latent_dim": 2, "network": "transformer"}, "conv, dense. Received: network='transformer'"),
        ({"latent_dim": 2, "beta": -1}, "must not be negative. Received: beta=-1"),
        ({"latent_dim": 2, "image_shape": (30, 28, 1)}, "divisible by 4"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ValueError, match=message):
        VAE(**arguments)


@pytest.mark.parametrize("network", ["conv", "dense"])
def test_wild_variances_are_clipped_for_training_and_measuring_alike(network):
    model = VAE(network=network, **SMALL)
    model.encoder.get_layer("z_log_var").bias.assign([-40.0, 0.5, 40.0])
    _, log_var = model.encoder(X)
    np.testing.assert_array_equal(ops.convert_to_numpy(log_var)[:, [0, 2]], np.tile(LOG_VAR_RANGE, (6, 1)))
    in_training = ops.convert_to_numpy(model(X))[:, 1].mean()
    measured = held_out(model, X)["kl"]
    np.testing.assert_allclose(measured, in_training, rtol=1e-4)
    again = VAE.from_config(model.get_config())
    assert again.encoder.get_layer("z_log_var").activation is model.encoder.get_layer("z_log_var").activation
