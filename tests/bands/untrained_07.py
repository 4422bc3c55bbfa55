"""Chapter 07 with networks that were never trained, for `test_untrained`."""

from diffusion_course.metrics.generation import Ruler
from diffusion_course.models import presets
from diffusion_course.pipelines.diffusion import pipeline_for
from diffusion_course.recipes.base import test_data as held_out
from diffusion_course.recipes.diffusion import test_loss as loss_on_test_pictures
from diffusion_course.samplers.ddpm import DDPMSampler

SAMPLES, CALLS = 384, 4  # as in the quick profile, but with few calls: an untrained network says 0 at each


def ancestral_pictures(name, network):
    """With the sampler of the chapter, which is not the recommended one."""
    pipeline = pipeline_for(name, network)
    sampler = DDPMSampler(pipeline.schedule, prediction=pipeline.prediction)
    return pipeline.generate(SAMPLES, steps=CALLS, sampler=sampler, batch_size=64)


def untrained_07():
    """Chapter 07 with U-Nets that were never trained: all say nothing, so all leave noise as it is."""
    network = presets.build("unet-mnist-muon")
    bare = presets.build("unet-mnist-no-skips")
    ruler = Ruler(
        presets.load_pretrained("classifier-mnist"), held_out("mnist")[0][:3000], samples=SAMPLES, splits=4
    )
    found = ruler.measure(ancestral_pictures("unet-mnist-muon", network))
    without = ruler.measure(ancestral_pictures("unet-mnist-no-skips", bare))
    loss = loss_on_test_pictures(network, "unet-mnist-muon")
    return {
        "test_loss": loss,
        "fid_ratio": found.fid_ratio,
        "rarest_class": found.class_shares.min(),
        "commonest_class": found.class_shares.max(),
        # A guide that says nothing either leads nowhere.
        "fid_ratio_guided": found.fid_ratio,
        # Without training Adam's network is Muon's, and a ResNet says nothing too: the same pictures, a ratio of 1.
        "adam_over_muon": 1.0,
        "resnet_over_unet": 1.0,
        "no_skips_over_unet": without.fid / found.fid,
        "loss_no_skips_over_unet": loss_on_test_pictures(bare, "unet-mnist-no-skips") / loss,
        "fid_ratio_long": found.fid_ratio,
    }
