"""A network for holes starts as the network it was, and is shown mask and known part, and nothing of the hole."""

import numpy as np
import painters
import pytest
from helpers import numpy

from diffusion_course.models.inpainting import extra_channels, latent_mask, widened
from diffusion_course.models.weights import load_weights, weights_as_bytes

RNG = np.random.default_rng(2)
X = RNG.uniform(-1, 1, (3, 8, 8, 3)).astype("float32")
MASK = np.zeros((3, 8, 8, 1), "float32")
MASK[:, 1:5, 2:7] = 1


def told(shape, extra=None):
    inputs = {"x": RNG.normal(size=(2, *shape)), "t": np.array([3, 40])}
    inputs |= {
        "context": RNG.normal(size=(2, 5, painters.WIDTH)),
        "pooled": RNG.normal(size=(2, painters.WIDTH)),
    }
    return inputs | ({} if extra is None else {"extra": RNG.normal(size=(2, *shape[:2], extra))})


@pytest.mark.parametrize("more", [{}, {"fold": 2}, {"extra_channels": 2}, {"fold": 2, "extra_channels": 2}])
def test_the_wider_network_says_what_the_old_one_says_whatever_it_is_shown(more):
    shape, before = (8, 8, 3), more.get("extra_channels", 0)
    network = painters.unet(shape, **more)
    wider = widened(network, 5)
    assert wider.input["extra"].shape[1:] == (8, 8, before + 5)
    inputs = told(shape, before or None)
    new = RNG.normal(0, 9, (2, 8, 8, 5))
    extra = np.concatenate([inputs["extra"], new], axis=-1) if before else new
    np.testing.assert_allclose(
        numpy(wider({**inputs, "extra": extra})), numpy(network(inputs)), atol=1e-5
    )  # the sum over more channels is rounded another way
    # it is not blind for good: another weight there, another answer
    kernel = next(v for v in wider.weights if v.path == "first/kernel")
    kernel.assign(numpy(kernel) + 0.1)
    assert np.abs(numpy(wider({**inputs, "extra": extra})) - numpy(network(inputs))).max() > 0.01


def test_its_weights_are_copies_and_its_configuration_holds_them():
    network = painters.unet((4, 4, 2))
    wider = widened(network, 3)
    again = type(wider).from_config(wider.get_config())
    load_weights(again, weights_as_bytes(wider, "float32"))
    for weight in wider.trainable_weights:
        weight.assign(weight + 1)
    inputs = told((4, 4, 2), 3)
    old = {name: value for name, value in inputs.items() if name != "extra"}
    np.testing.assert_allclose(numpy(again(inputs)), numpy(network(old)), atol=1e-5)
    with pytest.raises(ValueError, match="`extra_channels` must be 1 or more. Received: 0"):
        widened(network, 0)


def test_a_latent_is_painted_as_soon_as_one_of_its_pixels_is():
    small = latent_mask(MASK[:1], 2)[0, ..., 0]
    np.testing.assert_array_equal(small, [[0, 1, 1, 1], [0, 1, 1, 1], [0, 1, 1, 1], [0, 0, 0, 0]])


def test_the_network_is_shown_the_mask_and_the_masked_latents_at_their_scale():
    autoencoder = painters.autoencoder(scale=0.7)
    extra = extra_channels(autoencoder, X, MASK)
    assert extra.shape == (3, 4, 4, 3) and extra.dtype == np.float32
    np.testing.assert_array_equal(extra[..., :1], latent_mask(MASK, 2))
    codes = numpy(autoencoder.encode(X * (1 - MASK))[0])
    np.testing.assert_allclose(extra[..., 1:], 0.7 * codes, atol=1e-4)
    other = extra_channels(autoencoder, np.where(MASK == 1, -X, X), MASK)
    np.testing.assert_array_equal(other, extra)  # nothing of the hole


def test_pixels_have_further_channels_too():
    extra = extra_channels(None, X, MASK)
    np.testing.assert_array_equal(extra, np.concatenate([MASK, X * (1 - MASK)], axis=-1))
