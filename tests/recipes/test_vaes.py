"""Training of the VAE: the KL term is phased in, and ends at its full weight."""

import keras
import numpy as np
import pytest

from diffusion_course.models.vae import VAE
from diffusion_course.recipes.vaes import KLWarmUp, train_vae

X = np.random.default_rng(0).random((40, 4, 4, 1)).astype("float32")


class Watch(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.weights = []

    def on_train_batch_end(self, batch, logs=None):
        self.weights.append(float(self.model.kl_weight))


@pytest.mark.parametrize("beta", [1.0, 4.0])
def test_kl_weight_rises_from_zero_to_beta_and_stays(beta):
    model, watch = VAE(latent_dim=1, image_shape=(4, 4, 1), beta=beta), Watch()
    train_vae(model, X, epochs=5, batch_size=10, verbose=0, callbacks=[watch])  # 20 steps, 4 of them rising
    np.testing.assert_allclose(watch.weights[:5], np.array([0, 0.25, 0.5, 0.75, 1]) * beta)
    assert set(watch.weights[5:]) == {beta} and len(watch.weights) == 20


def test_no_rise_means_full_weight_at_once():
    model = VAE(latent_dim=1, image_shape=(4, 4, 1))
    model.compile("sgd")
    model.kl_weight.assign(0.0)
    model.fit(X, epochs=1, batch_size=20, verbose=0, callbacks=[KLWarmUp(0)])
    assert float(model.kl_weight) == 1.0
