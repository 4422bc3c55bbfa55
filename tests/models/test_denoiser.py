"""A compiled network: what is traced, that a new prompt is not, and that no old one is drawn."""

import keras
import numpy as np
import pytest
from helpers import numpy, shaken
from keras import ops

from diffusion_course.models.denoiser import Denoiser
from diffusion_course.models.guidance import classifier_free, guided
from diffusion_course.models.unet import UNet
from diffusion_course.samplers.ddim import DDIMSampler
from diffusion_course.samplers.ddpm import DDPMSampler
from diffusion_course.samplers.dpm_solver import DPMSolverSampler
from diffusion_course.schedules import NoiseSchedule

TRACES = pytest.mark.skipif(keras.backend.backend() == "torch", reason="nothing is traced")
RNG = np.random.default_rng(0)
SMALL = {"image_shape": (8, 8, 1), "widths": (4,), "num_res_blocks": 1, "groups": 2, "heads": 2}
X = RNG.standard_normal((3, 8, 8, 1)).astype("float32")
CONTEXT = RNG.standard_normal((3, 5, 6)).astype("float32")
LABEL = np.array([0, 2, 1])
SCHEDULE = NoiseSchedule.cosine(40)


@keras.saving.register_keras_serializable(package="diffusion_course_tests")
class Counts(keras.layers.Layer):
    """Passes its input on, and counts how often Python runs it: at each trace, not at each call."""

    calls = 0

    def call(self, x):
        Counts.calls += 1
        return x


@pytest.fixture(scope="module")
def network():
    """A U-Net that takes all conditions, with a counter behind it."""
    keras.utils.set_random_seed(0)
    unet = shaken(UNet(**SMALL, context_dim=6, num_classes=3, extra_channels=2))
    return keras.Model(unet.input, Counts()(unet.output))


def conditions(seed=0):
    rng = np.random.default_rng(seed)
    return {
        "context": rng.standard_normal((3, 5, 6)).astype("float32"),
        "label": rng.integers(0, 4, 3),
        "extra": rng.standard_normal((3, 8, 8, 2)).astype("float32"),
    }


def test_a_denoiser_says_what_its_network_says(network):
    denoise, told = Denoiser(network), conditions()
    want = numpy(network({"x": X, "t": np.array([4, 4, 4]), **told}))
    np.testing.assert_allclose(numpy(denoise(X, 4, **told)), want, atol=1e-5)
    np.testing.assert_allclose(numpy(denoise(X, np.array([4, 4, 4]), **told)), want, atol=1e-5)


@TRACES
def test_a_fresh_prompt_class_or_mask_traces_nothing_and_is_drawn(network):
    denoise = Denoiser(network)
    pictures = [numpy(DDIMSampler(SCHEDULE).sample(denoise, X, steps=3, **conditions()))]
    traced = Counts.calls
    for seed in (1, 2):
        pictures.append(numpy(DDIMSampler(SCHEDULE).sample(denoise, X, steps=3, **conditions(seed))))
    for sampler in (
        DDPMSampler(SCHEDULE),
        DPMSolverSampler(SCHEDULE, clip=None),
        DDIMSampler(SCHEDULE, eta=0.5),
    ):
        sampler.sample(denoise, X, steps=5, seed=3, **conditions(3))
    assert Counts.calls == traced
    assert min(np.abs(a - b).max() for i, a in enumerate(pictures) for b in pictures[:i]) > 1e-3
    again = numpy(DDIMSampler(SCHEDULE).sample(denoise, X, steps=3, **conditions()))
    np.testing.assert_array_equal(again, pictures[0])  # the first prompt, and no later one


@TRACES
def test_guidance_scales_and_prompts_share_one_trace(network):
    denoise = Denoiser(network)
    none = {"context": np.zeros((5, 6), "float32"), "label": 3}
    for scale, seed in ((2.0, 0), (7.5, 0), (3.0, 1)):
        classifier_free(denoise, none, scale)(X, 9, **conditions(seed))
        if scale == 2.0:
            traced = Counts.calls
    assert Counts.calls == traced


def test_a_compiled_network_uses_the_weights_of_the_moment():
    net = shaken(UNet(**SMALL))
    denoise = Denoiser(net)
    before = numpy(denoise(X, 7))
    shaken(net, seed=5)
    after = numpy(denoise(X, 7))
    assert np.abs(after - before).max() > 1e-3
    np.testing.assert_allclose(after, numpy(net({"x": X, "t": np.full(3, 7)})), atol=1e-5)


def test_a_guide_in_the_same_call_gives_what_guided_gives():
    strong, weak = shaken(UNet(**SMALL)), shaken(UNet(**SMALL), seed=3)
    one = Denoiser(strong, guide=weak, guidance_scale=2.5)
    two = guided(Denoiser(strong), Denoiser(weak), 2.5)
    np.testing.assert_allclose(numpy(one(X, 9)), numpy(two(X, 9)), atol=1e-4)
    assert np.abs(numpy(one(X, 9)) - numpy(Denoiser(strong)(X, 9))).max() > 0.01
    with pytest.raises(ValueError, match="finite number. Received: guidance_scale=nan"):
        Denoiser(strong, guide=weak, guidance_scale=float("nan"))


def test_wrong_conditions_are_refused(network):
    denoise = Denoiser(network)
    with pytest.raises(ValueError, match=r"must be \['context', 'extra', 'label'\]. Received: \['label'\]"):
        denoise(X, 3, label=LABEL)
    with pytest.raises(ValueError, match=r"must be \[\]. Received: \['label'\]"):
        Denoiser(UNet(**SMALL))(X, 3, label=LABEL)


@pytest.mark.parametrize(
    "t, change, words",
    [
        (5.7, {}, "`t` must be integers of 0 or more. Received: float"),
        (True, {}, "`t` must be integers.*Received: bool"),
        (-1, {}, "`t`.*from -1 to -1"),
        (np.array([1, 2]), {}, r"`t` must be one step, or one per picture, 3. Received: shape \(2,\)"),
        (3, {"label": np.array([0, 1, 4])}, "`label` must be integers from 0 to 3. Received: from 0 to 4"),
        (3, {"label": np.array([0, -1, 1])}, "`label`.*from -1 to 1"),
        (3, {"label": np.array([0.0, 1.0, 1.7])}, "`label`.*Received: float"),
        (3, {"label": LABEL[:1]}, r"`label` must have one row per picture, 3. Received: shape \(1,\)"),
        (3, {"context": CONTEXT[:2]}, "`context` must have one row per picture, 3"),
    ],
)
def test_values_that_would_be_taken_in_silence_are_refused(t, change, words):
    denoise = Denoiser(UNet(**SMALL, context_dim=6, num_classes=3, extra_channels=2))
    with pytest.raises(ValueError, match=words):
        denoise(X, t, **{**conditions(), **change})


def test_a_misspelled_argument_of_a_network_is_refused():
    with pytest.raises(TypeError, match=r"\['drop_out', 'width'\]"):
        UNet(**SMALL, width=(99,), drop_out=0.3)


# ---------------------------------------------------------------- guidance without a classifier


def toy(x, t, *, label, shift):
    return x * ops.reshape(ops.cast(label, "float32"), (-1, 1, 1, 1)) + shift


@pytest.mark.parametrize("scale", [0, 1, 2.5, -1])
def test_one_call_on_both_gives_the_formula(scale):
    label, shift = np.array([1, 2, 3]), np.float32(0.25) * np.ones((3, 1, 1, 1), "float32")
    sizes = []

    def denoise(x, t, **given):
        sizes.append((len(x), len(t)))
        return toy(x, t, **given)

    made = numpy(classifier_free(denoise, {"label": 7}, scale)(X, np.full(3, 5), label=label, shift=shift))
    own, none = X * label[:, None, None, None] + 0.25, X * 7 + 0.25
    np.testing.assert_allclose(made, none + scale * (own - none), atol=1e-4)
    assert sizes == [(3, 3) if scale == 1 else (6, 6)]


def test_one_call_equals_two(network):
    denoise, told = Denoiser(network), conditions()
    none = {"context": np.zeros((5, 6), "float32"), "label": 3}
    one = classifier_free(denoise, none, 4.0)(X, 9, **told)
    weaker = {**told, "context": np.zeros((3, 5, 6), "float32"), "label": np.full(3, 3)}
    two = guided(lambda x, t: denoise(x, t, **told), lambda x, t: denoise(x, t, **weaker), 4.0)(X, 9)
    np.testing.assert_allclose(numpy(one), numpy(two), atol=1e-4)


def test_negative_prompts_are_one_per_picture():
    negative = np.array([4, 5, 6])
    shift = np.zeros((3, 1, 1, 1), "float32")
    made = classifier_free(toy, {"label": negative}, 2.0)(X, np.full(3, 5), label=LABEL, shift=shift)
    np.testing.assert_allclose(numpy(made), X * (2 * LABEL - negative)[:, None, None, None], atol=1e-4)


def test_guidance_refuses():
    with pytest.raises(ValueError, match="finite number. Received: guidance_scale=inf"):
        classifier_free(toy, {"label": 1}, float("inf"))
    for none in (np.zeros(2), np.zeros((1, 1))):  # would be spread over the batch
        with pytest.raises(ValueError, match=r"`unconditional` must give label as \(\)"):
            classifier_free(toy, {"label": none}, 2.0)(X, np.full(3, 5), label=LABEL, shift=0)
    with pytest.raises(ValueError, match=r"a row per picture, 6. Received: shape \(4, 8, 8, 1\)"):
        classifier_free(lambda x, t, label: x[:4], {"label": 1}, 2.0)(X, np.full(3, 5), label=LABEL)
    with pytest.raises(
        ValueError, match=r"must return one shape. Received: \(3, 8, 8, 1\) and \(1, 8, 8, 1\)"
    ):
        guided(lambda x, t: x, lambda x, t: x[:1], 2.0)(X, 5)
    with pytest.raises(ValueError, match=r"what `unconditional` names, \['label'\]"):
        classifier_free(toy, {"label": 1}, 2.0)(X, np.full(3, 5), shift=0)
