"""U-Net and ResNet denoiser: shapes, saving, what reaches the output, the seed's configuration, refusals."""

import keras
import numpy as np
import pytest
from helpers import numpy, shaken

from diffusion_course.models import presets
from diffusion_course.models.resnet_denoiser import ResNetDenoiser
from diffusion_course.models.unet import UNet
from diffusion_course.models.weights import load_weights, save_weights

RNG = np.random.default_rng(0)
PICTURES = {
    "x": RNG.standard_normal((2, 8, 8, 1)).astype("float32"),
    "t": np.array([3, 700], "int32"),
}
CONDITIONS = {
    "context": RNG.standard_normal((2, 5, 6)).astype("float32"),
    "label": np.array([0, 3]),
    "pooled": RNG.standard_normal((2, 5)).astype("float32"),
    "extra": RNG.standard_normal((2, 8, 8, 2)).astype("float32"),
}
SMALL = {"image_shape": (8, 8, 1), "groups": 2}
NETWORKS = {
    "unet": (UNet, {**SMALL, "widths": (4, 8), "num_res_blocks": 1, "heads": 2}),
    "folded unet": (UNet, {**SMALL, "widths": (4, 8), "fold": 2, "heads": 2, "attention": (False, True)}),
    "unet without skips": (UNet, {**SMALL, "widths": (4, 8), "skips": False, "middle_attention": False}),
    "learned variance": (UNet, {**SMALL, "widths": (4,), "out_channels": 2, "heads": 2, "dropout": 0.1}),
    "all conditions": (
        UNet,
        {**SMALL, "widths": (4, 8), "heads": 2, "attention": (False, True), "fold": 2}
        | {"context_dim": 6, "pooled_dim": 5, "num_classes": 3, "extra_channels": 2, "transformer_depth": 2},
    ),
    "as Stable Diffusion": (
        UNet,
        {**SMALL, "widths": (4, 8), "heads": 2, "context_dim": 6, "time": "add", "padding": "symmetric"},
    ),
    "heads by level, as Stable Diffusion 2": (
        UNet,
        {**SMALL, "widths": (4, 8), "heads": (1, 4), "context_dim": 6, "attention": (True, True)}
        | {"transformer_epsilon": 1e-5, "approximate": True},
    ),
    "resnet": (ResNetDenoiser, {**SMALL, "width": 4, "blocks": 2}),
}


def inputs_of(network, **other):
    given = {**PICTURES, **CONDITIONS, **other}
    return {name: given[name] for name in network.input}


@pytest.fixture(params=NETWORKS)
def network(request):
    kind, arguments = NETWORKS[request.param]
    return kind(**arguments)


def test_untrained_network_predicts_zero(network):
    out = numpy(network(inputs_of(network)))
    assert out.shape == (2, 8, 8, network.out_channels) and not out.any()


def test_step_and_every_pixel_reach_the_output(network):
    shaken(network)
    out = numpy(network(inputs_of(network)))
    other = inputs_of(network, t=PICTURES["t"] + 1)
    assert np.abs(numpy(network(other)) - out).max() > 1e-5
    moved = PICTURES["x"].copy()
    moved[0, 0, 0] += 1
    difference = np.abs(numpy(network(inputs_of(network, x=moved))) - out)
    assert difference[0, 0, 0].max() > 1e-4 and difference[1].max() < 1e-5  # its own picture, and no other


def test_every_condition_reaches_its_own_picture_and_no_other(network):
    shaken(network)
    inputs = inputs_of(network)
    out = numpy(network(inputs))
    for name in set(inputs) & set(CONDITIONS):
        changed = CONDITIONS[name].copy()
        changed[0] += 1
        difference = np.abs(numpy(network({**inputs, name: changed})) - out)
        assert difference[0].max() > 1e-4 and difference[1].max() < 1e-5, name


def test_any_length_of_context_will_do():
    network = shaken(UNet(**SMALL, widths=(4,), heads=2, context_dim=6))
    long = np.concatenate([CONDITIONS["context"]] * 2, axis=1)
    once, twice = (numpy(network({**PICTURES, "context": c})) for c in (CONDITIONS["context"], long))
    np.testing.assert_allclose(once, twice, atol=1e-5)  # each position twice: the same mean


def test_config_and_weights_survive(network, tmp_path):
    shaken(network)
    inputs = inputs_of(network)
    again = type(network).from_config(network.get_config())
    assert again.get_config() == network.get_config()
    save_weights(network, tmp_path / "w.safetensors", "float32")
    load_weights(again, (tmp_path / "w.safetensors").read_bytes())
    np.testing.assert_allclose(numpy(again(inputs)), numpy(network(inputs)), atol=1e-6)
    network.save(tmp_path / "m.keras")
    np.testing.assert_allclose(
        numpy(keras.saving.load_model(tmp_path / "m.keras")(inputs)), numpy(network(inputs)), atol=1e-6
    )


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_config_keeps_the_dtype_policy(policy):
    for kind, arguments in (NETWORKS["all conditions"], NETWORKS["resnet"]):
        again = kind.from_config(kind(**arguments, dtype=policy).get_config())
        assert {layer.dtype_policy.name for layer in again.layers if "block" in layer.name} == {policy}
        before = keras.config.dtype_policy()
        try:
            keras.config.set_dtype_policy(policy)
            config = kind(**arguments).get_config()
        finally:
            keras.config.set_dtype_policy(before)
        assert kind.from_config(config).get_layer("first").dtype_policy.name == policy


def test_resnet_sees_as_far_as_its_convolutions_reach():
    # In a network without normalisation over the picture a pixel would reach exactly this far; group normalisation
    # adds a faint influence everywhere, so the reach is where the influence is strong.
    model = shaken(ResNetDenoiser(image_shape=(32, 32, 1), fold=1, width=4, blocks=1, groups=2))
    x, t = np.zeros((1, 32, 32, 1), "float32"), np.array([5])
    moved = x.copy()
    moved[0, 16, 16] = 1e-3
    change = np.abs(numpy(model({"x": moved, "t": t})) - numpy(model({"x": x, "t": t})))[0, :, :, 0]
    reach = 1 + 2 + 1  # first, block, last: one pixel each
    outside = change.copy()
    outside[16 - reach : 17 + reach, 16 - reach : 17 + reach] = 0
    assert change.max() > 20 * outside.max()


def test_without_skips_the_way_up_does_not_see_the_way_down():
    with_skips, without = (UNet(**SMALL, widths=(4, 8), skips=s, heads=2) for s in (True, False))
    assert with_skips.count_params() > without.count_params()
    names = [layer.name for layer in without.layers]
    assert not any("join" in name for name in names)
    assert (
        sum("join" in layer.name for layer in with_skips.layers) == 6
    )  # two levels, two blocks and one more


def test_the_seed_configuration():
    # 96 channels, multipliers 1-2-2, two blocks per level, attention only at the bottom
    model = presets.build("unet-96")
    blocks = [layer.channels for layer in model.layers if type(layer).__name__ == "ResidualBlock"]
    assert blocks == [96, 96, 192, 192, 192, 192] + [192, 192] + [192, 192, 192, 192, 192, 192, 96, 96, 96]

    def conv(a, b, k=3):
        return (k * k * a + 1) * b

    def block(
        a, b
    ):  # two norms of which one has weights, time to scale and shift, two convolutions, shortcut
        return 2 * a + conv(a, b) + conv(384, 2 * b, 1) + conv(b, b) + (conv(a, b, 1) if a != b else 0)

    down = block(96, 96) * 2 + conv(96, 96) + block(96, 192) + block(192, 192) * 3 + conv(192, 192)
    up = block(384, 192) * 5 + block(288, 192) + 2 * conv(192, 192) + block(288, 96) + block(192, 96) * 2
    time = conv(96, 384, 1) + conv(384, 384, 1)
    attention = 2 * 192 + conv(192, 3 * 192, 1) + conv(192, 192, 1)
    middle = 2 * block(192, 192) + attention
    assert model.count_params() == time + conv(1, 96) + down + middle + up + 2 * 96 + conv(96, 1)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_gives_float32(policy):
    model = UNet(**SMALL, widths=(4, 8), heads=2, dtype=policy)
    shaken(model, 0.05)
    out = model(PICTURES)
    assert keras.backend.standardize_dtype(out.dtype) == "float32" and np.isfinite(numpy(out)).all()
    reference = shaken(UNet(**SMALL, widths=(4, 8), heads=2), 0.05)
    np.testing.assert_allclose(numpy(out), numpy(reference(PICTURES)), atol=0.02)


@pytest.mark.parametrize(
    "kind, arguments, words",
    [
        (UNet, {"image_shape": (6, 8, 1), "widths": (4, 8), "fold": 2}, "divisible by 4"),
        (UNet, {"image_shape": (8, 8, 1), "widths": (4, 8), "attention": (True,)}, "one entry per level"),
        (UNet, {"image_shape": (8, 8, 1), "widths": ()}, "one entry per level"),
        (UNet, {"image_shape": (8, 8, 1), "widths": (6,), "groups": 4}, "divisible by `groups`"),
        (UNet, {"image_shape": (8, 8, 1), "widths": (8,), "time": "late"}, "`time` must be"),
        (UNet, {"image_shape": (8, 8, 1), "widths": (8, 8), "padding": "no"}, "`padding` must be"),
        (ResNetDenoiser, {"image_shape": (9, 8, 1)}, "divisible by `fold`"),
    ],
)
def test_refuses_sizes(kind, arguments, words):
    with pytest.raises(ValueError, match=f"{words}.*Received"):
        kind(**arguments)
