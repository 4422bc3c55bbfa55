"""The published networks at full size, without their weights: counted to the last parameter, in next to no memory."""

import keras
import numpy as np
import pytest

from diffusion_course import backend
from diffusion_course.models import presets, stable_diffusion
from diffusion_course.models.stable_diffusion import shapes_only


def count(model) -> int:
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)


@pytest.mark.parametrize(
    "name, network, text", [("sd-1", 859_520_964, 123_060_480), ("sd-2", 865_910_724, 340_387_840)]
)
def test_parameters_are_as_many_as_published(name, network, text):
    before = backend.peak_memory_bytes()
    unet = shapes_only(lambda: stable_diffusion.unet(name))
    assert count(unet) == network
    assert count(shapes_only(lambda: stable_diffusion.text_encoder(name))) == text
    assert unet.output_shape == (None, 64, 64, 4) and unet.input["context"].shape[-1] in (768, 1024)
    assert backend.peak_memory_bytes() - before < 0.5e9  # the weights alone would take 3.4


def test_parameters_of_the_autoencoder():
    model = shapes_only(stable_diffusion.autoencoder)
    assert count(model.encoder) == 34_163_592 + 72  # the latter: quant_conv
    assert count(model.decoder) == 49_490_179 + 20
    assert model.latent_shape == (64, 64, 4) and model.factor == 8


def test_a_network_without_values_stays_without_them():
    """Keras would fill it at the next opportunity, were it not made in a thread of its own."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        dense = shapes_only(lambda: keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])).layers[-1]
    finally:
        keras.config.set_dtype_policy(policy)
    assert dense.dtype_policy.name == "mixed_bfloat16"
    with keras.StatelessScope():
        pass
    assert dense.kernel.shape == (3, 2) and dense.kernel._value is None


def test_networks_that_fill_holes_see_nine_channels():
    small = {"widths": (32,) * 4, "num_res_blocks": 1, "context_dim": 8, "side": 64}
    model = shapes_only(lambda: stable_diffusion.unet("sd-1", extra_channels=5, **small))
    assert model.get_layer("first").kernel.shape == (3, 3, 9, 32)
    assert model.input["extra"].shape == (None, 8, 8, 5)


def test_conventions_differ_in_three_places():
    small = {"widths": (32,) * 4, "num_res_blocks": 1, "context_dim": 8, "side": 64}
    small["attention"] = (False,) * 4
    for name, epsilon, approximate in (("original", 1e-6, False), ("keras-cv", 1e-5, True)):
        unet = shapes_only(lambda name=name: stable_diffusion.unet("sd-1", conventions=name, **small))
        transformer = unet.get_layer("middle_attention")
        assert (transformer.norm.epsilon, transformer.blocks[0].mlp.approximate) == (epsilon, approximate)
        assert unet.get_layer("middle_block_0").norm_1.epsilon == unet.get_layer("last_norm").epsilon == 1e-5
        widths = {"widths": (32,) * 4, "side": 64, "conventions": name}
        model = shapes_only(lambda widths=widths: stable_diffusion.autoencoder(**widths))
        norms = [layer.norm_1 for layer in model.decoder.layers if hasattr(layer, "norm_1")]
        norms += [
            model.encoder.get_layer("encoder_middle_attention").norm,
            model.decoder.get_layer("decoder_norm"),
        ]
        assert {norm.epsilon for norm in norms} == {epsilon}


def test_published_presets_are_not_shipped_ones():
    assert not set(stable_diffusion.RELEASES) & set(presets.PRESETS)


def test_refuses_what_does_not_exist():
    for call, message in (
        (lambda: stable_diffusion.unet("sd-3"), "must be one of sd-1, sd-2. Received: 'sd-3'"),
        (lambda: stable_diffusion.text_encoder("sd"), "must be one of sd-1, sd-2. Received: 'sd'"),
        (lambda: stable_diffusion.unet("sd-1", side=500), "must be a multiple of 64. Received: 500"),
        (lambda: stable_diffusion.autoencoder(conventions="my"), "one of original, keras-cv. Received: 'my'"),
        (lambda: stable_diffusion.unet("sd-1", heads=(8, 8)), "`heads` must have one number per level"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
