"""Chapter 06 without training, for `test_untrained`."""

import keras
import numpy as np

from diffusion_course.datasets.images import load_mnist
from diffusion_course.metrics.generation import Ruler
from diffusion_course.models import presets
from diffusion_course.models.resnet_denoiser import ResNetDenoiser
from diffusion_course.recipes.resnet_denoiser import noise_loss
from diffusion_course.samplers.ddpm import DDPMSampler
from diffusion_course.schedules import NoiseSchedule


def untrained_06():
    """Chapter 06 with networks that were never trained; a ResNet starts by saying nothing."""
    x_test, _ = load_mnist(split="test")
    schedule, rng = NoiseSchedule.linear(500), np.random.default_rng(0)
    judge = 2 * x_test[:250] - 1
    x, t = keras.Input((28, 28, 1), name="x"), keras.Input((), dtype="int32", name="t")
    h = keras.layers.Conv2D(1, 3, padding="same")(keras.layers.LeakyReLU()(x))
    h = keras.layers.Conv2D(1, 3, padding="same")(keras.layers.LeakyReLU()(h))
    tiny = keras.Model({"x": x, "t": t}, h + x)
    network = presets.build("resnet-mnist")
    drawn = DDPMSampler(schedule).sample(
        lambda x, t: network({"x": x, "t": t}), rng.standard_normal((256, 28, 28, 1), "float32"), steps=10
    )
    drawn = np.clip((keras.ops.convert_to_numpy(drawn) + 1) / 2, 0, 1)
    classifier = presets.load_pretrained("classifier-mnist")
    small = [ResNetDenoiser(width=16, blocks=1, groups=4, embedding_units=32) for _ in range(2)]
    early = [
        [noise_loss(s, judge[:50], t, schedule, np.random.default_rng(2)) for t in (10, 40, 80)]
        for s in small
    ]
    return {
        "tiny_loss": noise_loss(tiny, judge, 2 * np.arange(250), schedule, rng),
        "resnet_loss": noise_loss(network, judge, 2 * np.arange(250), schedule, rng),
        "fid": Ruler(classifier, x_test[:4000], samples=256, splits=2).measure(drawn).fid,
        "sure_share": np.mean(classifier.probabilities(drawn).max(axis=1) >= 0.9),
        "forgetting": np.mean(np.array(early[0]) / np.array(early[1])),
    }
