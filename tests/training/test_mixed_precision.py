"""Half precision set globally: every trainer trains, with its noise, targets and loss in float32."""

import keras
import numpy as np
import pytest
from helpers import numpy

from diffusion_course.models.autoencoder import Autoencoder
from diffusion_course.models.denoising_autoencoders import DnCNN
from diffusion_course.models.unet import UNet
from diffusion_course.models.vae import VAE
from diffusion_course.recipes.autoencoders import train_autoencoder
from diffusion_course.recipes.denoising_autoencoders import train_denoiser
from diffusion_course.recipes.vaes import train_vae
from diffusion_course.schedules import NoiseSchedule
from diffusion_course.training.denoising import DenoisingTrainer
from diffusion_course.training.diffusion import DiffusionTrainer, train_diffusion

SCHEDULE = NoiseSchedule.cosine(1000)
RNG = np.random.default_rng(0)
X = np.where(RNG.random((96, 1, 1, 1)) < 0.5, -0.8, 0.8).astype("float32") * np.ones((1, 8, 8, 1), "float32")
PICTURES = (X + 1) / 2


@pytest.fixture(params=["mixed_float16", "mixed_bfloat16"], autouse=True)
def policy(request):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    keras.utils.set_random_seed(0)
    yield request.param
    keras.config.set_dtype_policy(before)


def trainer(schedule=SCHEDULE, **changes):
    keras.utils.set_random_seed(0)
    sizes = {"image_shape": (8, 8, 1), "widths": (8,), "num_res_blocks": 1, "heads": 2, "groups": 2}
    return DiffusionTrainer(UNet(**sizes), schedule, **changes)


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_diffusion_learns_and_goes_on_bit_by_bit(policy, optimizer, tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    how = {"optimizer": optimizer, "steps": 40, "batch_size": 32, "warmup": 2, "steps_per_epoch": 10}
    how |= {"learning_rate": 1e-2, "checkpoint": tmp_path / "c.safetensors"}
    whole = trainer(prediction="x0")
    history = train_diffusion(whole, X, **{**how, "checkpoint": None})
    assert np.isfinite(history["loss"]).all() and history["loss"][-1] < history["loss"][0] / 2
    scaled = isinstance(whole.optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (policy == "mixed_float16")
    with pytest.raises(KeyboardInterrupt):
        train_diffusion(trainer(prediction="x0"), X, **how, callbacks=[Stop()])
    resumed = trainer(prediction="x0")
    assert train_diffusion(resumed, X, **how)["loss"] == history["loss"]
    for a, b in zip(whole.variables, resumed.variables, strict=True):
        np.testing.assert_array_equal(numpy(a), numpy(b))


class Zero(keras.Model):
    """Says nothing, in its own precision; keeps what it was given."""

    def call(self, inputs):
        self.seen = inputs
        return keras.ops.cast(keras.ops.zeros_like(inputs["x"]), self.compute_dtype)


def test_noise_and_targets_of_diffusion_are_those_of_float32(policy):
    def drawn():
        model = DiffusionTrainer(Zero(), SCHEDULE, prediction="velocity", seed=1)
        x = np.linspace(-1, 1, 96, dtype="float32").reshape(6, 4, 4, 1)
        return {name: numpy(value) for name, value in model(x).items()}

    half = drawn()
    keras.config.set_dtype_policy("float32")
    full = drawn()
    for name in ("prediction", "target"):
        assert half[name].dtype == np.float32
        np.testing.assert_array_equal(half[name], full[name])


def test_a_network_in_half_precision_is_scaled_without_a_global_policy(policy):
    network = Zero()
    keras.config.set_dtype_policy("float32")
    assert DiffusionTrainer(network, SCHEDULE).dtype_policy.name == policy


def test_noisy_pictures_of_a_denoiser_are_those_of_float32():
    noisy, sigma = DenoisingTrainer(DnCNN(width=4, blocks=1), clip=False, seed=2).corrupt(PICTURES)
    keras.config.set_dtype_policy("float32")
    expected, _ = DenoisingTrainer(DnCNN(width=4, blocks=1), clip=False, seed=2).corrupt(PICTURES)
    np.testing.assert_array_equal(numpy(noisy), numpy(expected))
    assert keras.backend.standardize_dtype(sigma.dtype) == "float32"


def test_denoiser_autoencoder_and_vae_train():
    network = DnCNN(width=8, blocks=1)
    denoising = train_denoiser(network, PICTURES, levels=(0.1, 0.4), epochs=8, batch_size=16)
    shape = {"image_shape": (8, 8, 1), "latent_dim": 2}
    autoencoding = train_autoencoder(Autoencoder(**shape), PICTURES, 8, batch_size=16, verbose=0)
    vae = train_vae(VAE(**shape), PICTURES, 8, batch_size=16, verbose=0)
    for history in (denoising, autoencoding, vae):
        losses = history.history["loss"]
        assert np.isfinite(losses).all() and losses[-1] < losses[0]


def test_the_terms_of_a_vae_are_float32():
    terms = VAE(image_shape=(8, 8, 1), latent_dim=2)(PICTURES[:4])
    assert keras.backend.standardize_dtype(terms.dtype) == "float32"
    # log-likelihood of pixels that are 0.1 or 0.9, not of their roundings: at logits of 0 it is exactly 64 log 2
    model = VAE(image_shape=(8, 8, 1), latent_dim=2)
    kernel = model.decoder.layers[-1].kernel
    kernel.assign(np.zeros(kernel.shape))
    np.testing.assert_allclose(numpy(model(PICTURES[:4]))[:, 0], 64 * np.log(2), rtol=1e-6)
