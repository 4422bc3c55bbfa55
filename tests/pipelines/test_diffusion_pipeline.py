"""The pipeline: what it was trained for, pictures in range, the same for the same seed, refusals."""

from dataclasses import FrozenInstanceError, replace

import keras
import numpy as np
import pytest

from diffusion_course.models import presets
from diffusion_course.models.resnet_denoiser import ResNetDenoiser
from diffusion_course.models.unet import UNet
from diffusion_course.pipelines.diffusion import DiffusionPipeline, load_pipeline, pipeline_for
from diffusion_course.recipes.diffusion import PLANS
from diffusion_course.samplers.ddim import DDIMSampler
from diffusion_course.samplers.ddpm import DDPMSampler
from diffusion_course.schedules import NoiseSchedule


@pytest.fixture(scope="module")
def small():
    keras.utils.set_random_seed(0)
    network = ResNetDenoiser(image_shape=(8, 8, 1), width=4, blocks=1, groups=2)
    for weight in network.weights:
        weight.assign(np.random.default_rng(0).normal(0, 0.1, weight.shape))
    return DiffusionPipeline(network, NoiseSchedule.cosine(50), "velocity")


def test_pictures_are_in_range_and_follow_from_the_seed(small):
    a = small.generate(5, steps=4, seed=1)
    assert a.shape == (5, 8, 8, 1) and a.dtype == np.float32 and 0 <= a.min() < a.max() <= 1
    np.testing.assert_array_equal(a, small.generate(5, steps=4, seed=1))
    assert np.abs(a - small.generate(5, steps=4, seed=2)).max() > 0.01
    blank = small.generate(5, steps=4, seed=1, denoise=lambda x, t: 0 * x)
    assert np.abs(a - blank).max() > 0.01


@pytest.mark.parametrize("kind, options", [(DDPMSampler, {}), (DDIMSampler, {"eta": 0.7}), (DDIMSampler, {})])
def test_a_picture_follows_from_seed_and_number_alone(small, kind, options):
    sampler = small.sampler(kind, **options)
    whole = small.generate(6, steps=4, sampler=sampler, seed=3)
    for count, batch_size in ((6, 2), (6, 4), (4, 256), (1, 1)):
        again = small.generate(count, steps=4, sampler=sampler, seed=3, batch_size=batch_size)
        np.testing.assert_allclose(again, whole[:count], atol=1e-5)


def test_pictures_with_one_start_part_ways_by_their_own_noise(small):
    class SameStart(DiffusionPipeline):
        def noise(self, count, seed=0):
            return np.repeat(super().noise(1, seed), count, axis=0)

    same = SameStart(small.network, small.schedule, "velocity")
    pictures = same.generate(4, steps=4, sampler=same.sampler(DDPMSampler), batch_size=2)
    for i in range(4):
        for j in range(i):
            assert np.abs(pictures[i] - pictures[j]).max() > 0.01


def test_conditions_are_one_per_picture_whatever_the_batch():
    keras.utils.set_random_seed(0)
    network = UNet(image_shape=(8, 8, 1), widths=(4,), num_res_blocks=1, groups=2, heads=2, num_classes=3)
    for weight in network.weights:
        weight.assign(np.random.default_rng(0).normal(0, 0.2, weight.shape))
    schedule, label = NoiseSchedule.cosine(50), np.array([0, 1, 2, 0, 1])
    plain = DiffusionPipeline(network, schedule, "velocity")
    led = DiffusionPipeline(network, schedule, "velocity", unconditional={"label": 3}, guidance_scale=3.0)
    for pipeline in (plain, led):
        whole = pipeline.generate(5, steps=3, label=label)
        np.testing.assert_allclose(pipeline.generate(5, steps=3, label=label, batch_size=2), whole, atol=1e-5)
        other = pipeline.generate(5, steps=3, label=np.array([0, 1, 1, 0, 1]))
        changed = np.abs(other - whole).max(axis=(1, 2, 3)) > 1e-4
        assert changed.tolist() == [False, False, True, False, False]
    assert (plain.calls_per_step, led.calls_per_step) == (1, 2)
    assert (
        np.abs(led.generate(5, steps=3, label=label) - plain.generate(5, steps=3, label=label)).max() > 0.01
    )
    with pytest.raises(ValueError, match=r"`label` must have one row per picture, 4. Received: shape \(5,\)"):
        plain.generate(4, label=label)


def test_latents_have_no_range(small):
    free = DiffusionPipeline(small.network, small.schedule, "velocity", clip=None)
    assert free.recommended.clip is None and free.sampler(DDIMSampler).clip is None
    made = free.generate(5, steps=4)
    assert made.min() < -1 and made.max() > 1


def test_every_diffusion_preset_has_a_pipeline_for_its_network():
    for name in presets.DIFFUSION:
        preset = presets.PRESETS[name]
        assert preset.clip == (None if preset.autoencoder else (-1.0, 1.0)) and preset.schedule[1] > 0
    pipeline = pipeline_for("unet-mnist", presets.build("unet-mnist"))
    assert (len(pipeline.schedule), pipeline.schedule.name, pipeline.prediction) == (
        1000,
        "cosine",
        "velocity",
    )
    assert pipeline.noise(3).shape == (3, 28, 28, 1)


def test_a_guide_moves_away_from_what_it_says(small):
    keras.utils.set_random_seed(1)
    weak = ResNetDenoiser(image_shape=(8, 8, 1), width=4, blocks=1, groups=2)
    for weight in weak.weights:
        weight.assign(np.random.default_rng(1).normal(0, 0.1, weight.shape))
    x, t = small.noise(3), np.full(3, 20, "int32")
    own, other = (np.asarray(net({"x": x, "t": t})) for net in (small.network, weak))
    pipeline = DiffusionPipeline(small.network, small.schedule, "velocity", guide=weak, guidance_scale=2.5)
    np.testing.assert_allclose(pipeline.denoise(x, t), 2.5 * own - 1.5 * other, atol=1e-5)
    assert (small.calls_per_step, pipeline.calls_per_step) == (1, 2)
    same = DiffusionPipeline(small.network, small.schedule, "velocity", guide=weak, guidance_scale=1.0)
    np.testing.assert_allclose(same.generate(3, steps=4), small.generate(3, steps=4), atol=1e-4)
    assert np.abs(pipeline.generate(3, steps=4) - small.generate(3, steps=4)).max() > 0.01


def test_guides_are_weaker_networks_of_the_same_task():
    for name in presets.GUIDED:
        preset = presets.PRESETS[name]
        guide, scale = preset.guide
        weaker = presets.PRESETS[guide]
        assert (weaker.schedule, weaker.prediction) == (preset.schedule, preset.prediction) and scale > 1
        assert (PLANS[guide].dataset, PLANS[guide].steps < PLANS[name].steps) == (PLANS[name].dataset, True)


def test_refuses(small):
    with pytest.raises(ValueError, match="A preset with a `guide` must be one of .*Received: 'resnet-mnist'"):
        load_pipeline("resnet-mnist", guide=True)
    with pytest.raises(ValueError, match="must be positive. Received: count=0"):
        small.generate(0)
    with pytest.raises(ValueError, match="A diffusion preset must be one of .*Received: 'vae-mnist-2'"):
        load_pipeline("vae-mnist-2")
    with pytest.raises(ValueError, match="A preset with weights must be one of .*Received: 'unet-96'"):
        load_pipeline("unet-96")
    with pytest.raises(ValueError, match="Received: both"):
        DiffusionPipeline(
            small.network, small.schedule, "velocity", guide=small.network, unconditional={"label": 1}
        )


def test_a_pipeline_is_not_changed_but_made_anew(small):
    with pytest.raises(FrozenInstanceError):
        small.guidance_scale = 3.0
    with pytest.raises(ValueError, match="needs a `guide` or `unconditional`. Received: guidance_scale=7.5"):
        replace(small, guidance_scale=7.5)
    for wrong in (DDIMSampler(NoiseSchedule.cosine(40), prediction="velocity"), DDIMSampler(small.schedule)):
        with pytest.raises(ValueError, match="`sampler` must be for NoiseSchedule.*prediction 'velocity'"):
            small.generate(2, steps=4, sampler=wrong)
    with pytest.raises(ValueError, match=r"must not be named.*Received: \['resample'\]"):
        small.generate(2, steps=4, resample=(2, 2))
