"""The pipeline: what it was trained for, pictures in range, the same for the same seed, refusals."""

import keras
import numpy as np
import pytest

from diffusion_course.models import presets
from diffusion_course.models.resnet_denoiser import ResNetDenoiser
from diffusion_course.pipelines.diffusion import GUIDES, DiffusionPipeline, load_pipeline, pipeline_for
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


def test_batches_do_not_share_their_noise(small):
    # With eta 0 the pictures do not depend on the batches; with noise on the way, no two batches may get the same.
    quiet = DDIMSampler(small.schedule, prediction="velocity")
    np.testing.assert_allclose(
        small.generate(6, steps=4, sampler=quiet),
        small.generate(6, steps=4, sampler=quiet, batch_size=2),
        atol=1e-5,
    )
    noisy = DDPMSampler(small.schedule, prediction="velocity")
    network = small.network

    class SameStart(DiffusionPipeline):
        def noise(self, count, seed=0):
            return np.repeat(super().noise(2, seed), count // 2, axis=0)[[0, 2, 1, 3]]

    pictures = SameStart(network, small.schedule, "velocity").generate(
        4, steps=4, sampler=noisy, batch_size=2
    )
    assert np.abs(pictures[0] - pictures[2]).max() > 0.01  # the same start in two batches


def test_every_diffusion_preset_has_a_pipeline_for_its_network():
    for name in presets.DIFFUSION:
        assert name in presets.PRESETS or name in presets.SIZES
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
    for name, (guide, scale) in GUIDES.items():
        assert presets.DIFFUSION[guide] == presets.DIFFUSION[name] and scale > 1
        assert (PLANS[guide].dataset, PLANS[guide].steps < PLANS[name].steps) == (PLANS[name].dataset, True)


def test_refuses(small):
    with pytest.raises(ValueError, match="`guide` needs one of .*Received: 'resnet-mnist'"):
        load_pipeline("resnet-mnist", guide=True)
    with pytest.raises(ValueError, match="must be positive. Received: count=0"):
        small.generate(0)
    with pytest.raises(ValueError, match="A diffusion preset must be one of .*Received: 'vae-mnist-2'"):
        load_pipeline("vae-mnist-2")
