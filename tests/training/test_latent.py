"""What a latent diffusion model trains on: latents of variance 1 that decode to the pictures, texts on both paths."""

import numpy as np
import pytest
from helpers import numpy, shaken

from diffusion_course.models.autoencoder_kl import AutoencoderKL, measure_scale
from diffusion_course.models.text_encoder import TextEncoder
from diffusion_course.training.latent import encode_pictures, encode_texts, of_nothing

RNG = np.random.default_rng(0)
PICTURES = RNG.uniform(-1, 1, (12, 8, 8, 3)).astype("float32")
IDS = np.array([[7, 2, 3, 8, 8], [7, 1, 8, 8, 8], [7, 8, 8, 8, 8]], "int32")


@pytest.fixture(scope="module")
def autoencoder():
    model = shaken(AutoencoderKL(image_shape=(8, 8, 3), widths=(4, 8), groups=2))
    model.latent_scale = measure_scale(model, PICTURES)
    return model


@pytest.fixture(scope="module")
def encoder():
    return shaken(TextEncoder(vocabulary_size=9, width=8, depth=1, heads=2, length=5))


def test_latents_have_variance_1_and_their_mean_is_the_encoder_s(autoencoder):
    z = encode_pictures(autoencoder, PICTURES, seed=3)
    assert z.shape == (12, *autoencoder.latent_shape) and z.dtype == "float32"
    assert abs(z.std() - 1) < 0.15
    mean, log_variance = (numpy(part) for part in autoencoder.encode(PICTURES))
    noise = (z / autoencoder.latent_scale - mean) / np.exp(0.5 * log_variance)
    wanted = np.random.default_rng(3).standard_normal(noise.shape, dtype="float32")
    np.testing.assert_allclose(noise, wanted, atol=1e-3)
    assert (encode_pictures(autoencoder, PICTURES, seed=4) != z).any()


def test_texts_come_on_both_paths_or_on_one(encoder):
    out = encoder(IDS)
    told = encode_texts(encoder, IDS)
    np.testing.assert_allclose(told["context"], numpy(out["hidden"]), atol=5e-3)
    np.testing.assert_allclose(told["pooled"], numpy(out["pooled"]), atol=5e-3)
    assert set(encode_texts(encoder, IDS, names=("context",))) == {"context"}
    assert {array.dtype.name for array in told.values()} == {"float16"}


def test_nothing_is_one_row_of_the_empty_text(encoder):
    nothing, told = of_nothing(encoder, IDS[2:]), encode_texts(encoder, IDS)
    for name, array in nothing.items():
        np.testing.assert_array_equal(array, told[name][2])
