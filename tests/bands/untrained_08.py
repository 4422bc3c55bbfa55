"""Chapter 08 with networks, and a judge, that were never trained, for `test_untrained`."""

from diffusion_course.datasets.images import load_mnist
from diffusion_course.metrics.generation import Ruler
from diffusion_course.models import presets
from diffusion_course.pipelines.diffusion import pipeline_for
from diffusion_course.recipes.diffusion import test_loss as loss_on_test_pictures

COUNT, CALLS, REAL = 512, 5, 2_000


def untrained_08():
    """The chapter's metrics: generated sets of an untrained network, real ones before an untrained judge."""
    (x_train, y_train), (x_test, _) = load_mnist()
    network = presets.build("unet-mnist")
    made = pipeline_for("unet-mnist", network).generate(COUNT, steps=CALLS)
    found = Ruler(
        presets.load_pretrained("classifier-mnist"), x_test[:REAL], samples=COUNT, splits=4
    ).measure(made)
    blind = Ruler(presets.build("classifier-mnist"), x_test[:REAL], samples=COUNT, splits=4)
    return {
        "missing_digit": blind.fid(x_train[y_train != 4][:COUNT]) / blind.floor,
        # All networks say nothing, and a guide that says nothing leads nowhere.
        "fid_ratio_long": found.fid_ratio,
        "fid_ratio_muon": found.fid_ratio,
        "fid_ratio_guided": found.fid_ratio,
        "score_long": found.inception_score,
        "muon_test_loss": loss_on_test_pictures(network, "unet-mnist-muon"),
    }
