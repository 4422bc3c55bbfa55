"""The reference solutions of chapter 14 against truths that are known without them."""

import keras
import numpy as np
import pytest
from scipy.stats import norm

from diffusion_course.exercises import ch14
from diffusion_course.models.autoencoder_kl import AutoencoderKL, measure_scale
from diffusion_course.tools.operations import multiply_adds
from diffusion_course.training.autoencoder_kl import AutoencoderKLTrainer

rng = np.random.default_rng(0)
SMALL = {"image_shape": (8, 8, 3), "widths": (4, 8), "groups": 2}


def test_the_loss_is_that_of_the_library_s_trainer():
    trainer = AutoencoderKLTrainer(AutoencoderKL(**SMALL), kl_weight=0.3)
    out = trainer(rng.uniform(-1, 1, (5, 8, 8, 3)))
    by_hand = ch14.latent_loss(out["x"], out["reconstruction"], out["mean"], out["log_variance"], 0.3)
    assert float(by_hand) == pytest.approx(float(trainer.compute_loss(y_pred=out)), rel=1e-5)


def test_with_that_noise_the_loss_is_an_elbo_but_for_a_factor_and_a_constant():
    weight, p, q = 0.02, 12, 3
    s = ch14.decoder_noise(weight, p, q)
    losses, elbos = [], []
    for size in (0.1, 1.0, 3.0):
        x, again, mean, log_variance = (size * rng.standard_normal((1, 1, 1, n)) for n in (p, p, q, q))
        losses.append(float(ch14.latent_loss(x, again, mean, log_variance, weight)))
        kl = 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance).sum()
        elbos.append(kl - norm.logpdf(x, again, s).sum())
    slopes = np.diff(elbos) / np.diff(losses)
    np.testing.assert_allclose(slopes, q / weight, rtol=1e-4)


def test_the_scale_gives_deviation_1_and_is_the_library_s():
    z = 3 + rng.normal(0, (1, 4), (50, 2, 2, 2))
    assert (ch14.scale_factor(z) * z).std() == pytest.approx(1)
    autoencoder, x = AutoencoderKL(**SMALL), rng.uniform(-1, 1, (6, 8, 8, 3)).astype("float32")
    mean, log_variance = autoencoder.encode(x)
    noise = np.random.default_rng(0).standard_normal(mean.shape, "float32")
    drawn = keras.ops.convert_to_numpy(autoencoder.sample(mean, log_variance, noise))
    assert ch14.scale_factor(drawn) == pytest.approx(measure_scale(autoencoder, x), rel=1e-4)


@pytest.mark.parametrize("stride", [1, 2])
def test_a_convolution_takes_what_is_counted_while_it_runs(stride):
    layer = keras.layers.Conv2D(7, 3, strides=stride, padding="same")
    model = keras.Sequential([keras.Input((8, 12, 5)), layer])
    counted = multiply_adds(model, np.zeros((1, 8, 12, 5), "float32"))
    assert ch14.conv_work(8, 12, 3, 5, 7, stride) == counted


def test_a_latent_that_halves_its_spread_and_one_that_says_nothing():
    mean, log_variance = np.zeros((1, 1, 1, 2)), np.array([[[[0.0, 2 * np.log(0.5)]]]])
    nats = 0.5 * (0.25 - 1) + np.log(2)
    np.testing.assert_allclose(ch14.bits_of_code(mean, log_variance), [nats / np.log(2)])
