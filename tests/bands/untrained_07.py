"""Chapter 07 with networks that were never trained, for `test_untrained`."""

import numpy as np

from diffusion_course.models import presets
from diffusion_course.pipelines.diffusion import pipeline_for
from diffusion_course.recipes.diffusion import test_loss as loss_on_test_pictures

SAMPLES, CALLS = 256, 4  # few calls: an untrained network says 0 at each


def untrained_07():
    """Chapter 07 with U-Nets that were never trained: all say nothing, and a classifier is sure of any noise."""
    network, bare = presets.build("unet-mnist-muon"), presets.build("unet-mnist-no-skips")
    judge = presets.load_pretrained("classifier-mnist")

    def probabilities(name, network):
        return judge.probabilities(pipeline_for(name, network).generate(SAMPLES, steps=CALLS, batch_size=64))

    said = probabilities("unet-mnist-muon", network)
    without = probabilities("unet-mnist-no-skips", bare)
    sure, sure_without = (float((p.max(axis=1) >= 0.9).mean()) for p in (said, without))
    loss = loss_on_test_pictures(network, "unet-mnist-muon")
    return {
        "test_loss": loss,
        "sure_share": sure,
        "rarest_class": np.bincount(said.argmax(axis=1), minlength=10).min() / SAMPLES,
        # Without training there is no long training, and a guide that says nothing leads nowhere.
        "sure_share_long": sure,
        "sure_share_guided": sure,
        "sure_lost_without_bridges": sure - sure_without,
        "loss_without_bridges": loss_on_test_pictures(bare, "unet-mnist-no-skips") / loss,
    }
