"""The autoencoder of latent diffusion: sizes at each factor, the code's Gaussian, its scale, saving, precision."""

import keras
import numpy as np
import pytest
from helpers import numpy, shaken

from diffusion_course.models.autoencoder_kl import AutoencoderKL, measure_scale
from diffusion_course.models.weights import load_weights, weights_as_bytes

SMALL = {"image_shape": (16, 8, 3), "latent_channels": 2, "widths": (4, 8), "groups": 2}
X = np.random.default_rng(0).uniform(-1, 1, (6, 16, 8, 3)).astype("float32")


@pytest.fixture(scope="module")
def autoencoder():
    return shaken(AutoencoderKL(**SMALL))


@pytest.mark.parametrize("factor, change", [(2, {"widths": (4,)}), (4, {}), (8, {"widths": (4, 4, 8)})])
def test_code_is_as_small_as_it_says(factor, change):
    autoencoder = AutoencoderKL(**{**SMALL, **change})
    assert autoencoder.factor == factor
    mean, log_variance = autoencoder.encode(X[:2])
    shape = (16 // factor, 8 // factor, 2)
    assert tuple(mean.shape) == tuple(log_variance.shape) == (2, *shape) and autoencoder.latent_shape == shape
    assert tuple(autoencoder.decode(mean).shape) == (2, 16, 8, 3)


def test_without_folding_too():
    autoencoder = AutoencoderKL(**{**SMALL, "fold": 1})
    assert autoencoder.factor == 2 and autoencoder(X[:1]).shape == (1, 16, 8, 3)


def test_the_middle_and_the_ends_as_in_stable_diffusion():
    plain = AutoencoderKL(**SMALL)
    model = shaken(AutoencoderKL(**SMALL, middle_attention=True, code_convs=True))
    n, c = SMALL["widths"][-1], SMALL["latent_channels"]
    block, attention = 2 * (9 * n * n + n + 2 * n), 2 * n + 4 * (n * n + n)
    # encoder: a block and an attention more, and a convolution of mean and log-variance together
    more = model.encoder.count_params() - plain.encoder.count_params()
    assert more == block + attention + (2 * c) ** 2 + 2 * c
    assert model.decoder.count_params() - plain.decoder.count_params() == block + attention + c * c + c
    again = AutoencoderKL.from_config(model.get_config())
    again.set_weights(model.get_weights())
    np.testing.assert_allclose(numpy(again(X[:2])), numpy(model(X[:2])), atol=1e-5)
    first = model.decoder.get_layer("decoder_code")
    z = model.encode(X[:2])[0]
    before = numpy(model.decode(z))
    first.kernel.assign(np.eye(c)[None, None])
    first.bias.assign(np.zeros(c))
    assert np.abs(numpy(model.decode(z)) - before).max() > 1e-3  # it is on the way


def test_sizes_for_scenes():
    autoencoder = AutoencoderKL()
    assert autoencoder.latent_shape == (8, 8, 4)
    assert round(autoencoder.encoder.count_params() / 1e6, 2) == 0.44
    assert round(autoencoder.decoder.count_params() / 1e6, 2) == 0.77


def test_code_knows_places(autoencoder):
    """Strongly, that is: group normalisation lets every pixel be felt everywhere, faintly."""
    moved = X.copy()
    moved[0, :4, :4] *= -1
    mean, changed = (numpy(autoencoder.encode(x)[0]) for x in (X, moved))
    difference = np.abs(changed - mean).max(axis=-1)  # (B, 4, 2)
    assert difference[0, 0, 0] > 3 * difference[0, 3, 1] and difference[1:].max() < 1e-5


def test_log_variance_is_clipped_in_the_encoder(autoencoder):
    bias = autoencoder.encoder.get_layer("encoder_last").bias
    before = numpy(bias).copy()
    try:
        bias.assign([0, 0, 1e3, -1e3])
        log_variance = numpy(autoencoder.encode(X)[1])
    finally:
        bias.assign(before)
    assert (log_variance[..., 0] == 20).all() and (log_variance[..., 1] == -30).all()


def test_sample_has_the_gaussian_s_mean_and_variance(autoencoder):
    noise = np.random.default_rng(1).standard_normal((4000, 1, 1, 2)).astype("float32")
    mean, log_variance = np.array([3.0, -1.0], "float32"), np.log(np.array([4.0, 0.25], "float32"))
    z = numpy(autoencoder.sample(mean, log_variance, noise))
    np.testing.assert_allclose(z.mean(axis=(0, 1, 2)), mean, atol=0.1)
    np.testing.assert_allclose(z.var(axis=(0, 1, 2)), [4.0, 0.25], rtol=0.1)


def test_measured_scale_makes_the_variance_1_and_decoding_undoes_it():
    autoencoder = shaken(AutoencoderKL(**SMALL))
    scale = measure_scale(autoencoder, X, seed=5)
    assert abs(scale - 1) > 0.05
    autoencoder.latent_scale = scale
    noise = np.random.default_rng(5).standard_normal((6, 4, 2, 2), "float32")
    latents = autoencoder.to_latents(X, noise=noise)
    np.testing.assert_allclose(latents.std(), 1, rtol=1e-4)
    np.testing.assert_allclose(measure_scale(autoencoder, X, seed=5), scale, rtol=1e-5)
    means = autoencoder.to_latents(X, batch_size=4)
    np.testing.assert_allclose(means, scale * numpy(autoencoder.encode(X)[0]), atol=1e-4)
    pictures = autoencoder.to_pictures(means, batch_size=4)
    np.testing.assert_allclose(pictures, np.clip(numpy(autoencoder(X)), -1, 1), atol=1e-4)


def test_config_scale_weights_and_model_survive(autoencoder, tmp_path):
    again = AutoencoderKL.from_config({**autoencoder.get_config(), "latent_scale": 0.75})
    assert again.get_config() == {**autoencoder.get_config(), "latent_scale": 0.75}
    autoencoder.latent_scale = 1.25
    load_weights(again, weights_as_bytes(autoencoder, "float32"))
    again.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    assert loaded.latent_scale == again.latent_scale == 1.25  # measured, so a weight
    for other in (again, loaded):
        np.testing.assert_allclose(numpy(other(X)), numpy(autoencoder(X)), atol=1e-5)


def test_half_precision_gives_float32_and_is_kept():
    autoencoder = shaken(AutoencoderKL(**SMALL), 0.1)
    half = AutoencoderKL(**SMALL, dtype="mixed_bfloat16")
    half.set_weights(autoencoder.get_weights())
    for value in (*half.encode(X), half(X)):
        assert keras.backend.standardize_dtype(value.dtype) == "float32"
    np.testing.assert_allclose(numpy(half(X)), numpy(autoencoder(X)), atol=0.05)
    again = AutoencoderKL.from_config(half.get_config())
    assert again.decoder.get_layer("decoder_middle").dtype_policy.name == "mixed_bfloat16"


@pytest.mark.parametrize(
    "change, words",
    [
        ({"image_shape": (16, 6, 3)}, "divisible by fold"),
        ({"widths": ()}, "divisible by fold"),
        ({"groups": 3}, "divisible by `groups`"),
        ({"latent_scale": 0}, "`latent_scale` must be positive"),
        ({"latent_scale": float("nan")}, "`latent_scale` must be positive"),
    ],
)
def test_refuses(change, words):
    with pytest.raises(ValueError, match=f"{words}.*Received"):
        AutoencoderKL(**{**SMALL, **change})
