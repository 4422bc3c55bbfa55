"""Recipes of diffusion networks: a learned variance starts from the trained network and predicts the same."""

import numpy as np

from diffusion_course.models import presets
from diffusion_course.models.unet import UNet
from diffusion_course.recipes import diffusion

SMALL = {"image_shape": (8, 8, 1), "fold": 2, "widths": (4,), "groups": 2, "heads": 2, "num_res_blocks": 1}


def test_network_with_a_variance_starts_as_the_one_without():
    rng = np.random.default_rng(0)
    plain, both = UNet(**SMALL), UNet(**SMALL, out_channels=2)
    for weight in plain.weights:
        weight.assign(rng.normal(0, 0.3, weight.shape))
    diffusion.start_from(both, plain)
    inputs = {"x": rng.standard_normal((2, 8, 8, 1)).astype("float32"), "t": np.array([3, 9])}
    out = np.asarray(both(inputs))
    np.testing.assert_allclose(out[..., :1], np.asarray(plain(inputs)), atol=1e-5)
    np.testing.assert_array_equal(out[..., 1:], 0)


def test_untrained_network_has_the_loss_of_predicting_nothing():
    # the velocity signal noise - sigma x0 has variance between that of noise, 1, and that of the pictures
    assert 0.7 < diffusion.test_loss(presets.build("unet-mnist"), "unet-mnist", count=200) < 1.1
