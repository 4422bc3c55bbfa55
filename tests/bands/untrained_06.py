"""Chapter 06 without training, for `test_untrained`."""

import keras
import numpy as np

from diffusion_course.datasets.images import load_mnist
from diffusion_course.exercises.ch06 import posterior_mean
from diffusion_course.metrics.generation import Ruler
from diffusion_course.models import presets
from diffusion_course.models.resnet_denoiser import ResNetDenoiser
from diffusion_course.recipes.resnet_denoiser import noise_loss
from diffusion_course.samplers.ddpm import DDPMSampler
from diffusion_course.schedules import NoiseSchedule


def untrained_06():
    """Chapter 06 with networks that were never trained; a ResNet starts by saying nothing."""
    (x_train, _), (x_test, _) = load_mnist()
    schedule, rng = NoiseSchedule.linear(500), np.random.default_rng(0)
    judge = 2 * x_test[:250] - 1
    x, t = keras.Input((28, 28, 1), name="x"), keras.Input((), dtype="int32", name="t")
    h = keras.layers.Conv2D(1, 3, padding="same")(keras.layers.LeakyReLU()(x))
    h = keras.layers.Conv2D(1, 3, padding="same")(keras.layers.LeakyReLU()(h))
    tiny = keras.Model({"x": x, "t": t}, h + x)
    network, unet = presets.build("resnet-mnist"), presets.build("unet-mnist-muon")

    clean, bank = judge[:100], 2 * x_train[:2000].reshape(-1, 784) - 1

    def errors(t, prediction):
        """Of the believed picture and of the exact denoiser; a network that says nothing says 0."""
        a, b = np.float32(schedule.signal[t]), np.float32(schedule.sigma[t])
        x_t = a * clean + b * rng.standard_normal(clean.shape, "float32")
        believed = np.clip(x_t / a if prediction == "noise" else a * x_t, -1, 1)
        exact = posterior_mean(x_t.reshape(-1, 784), bank, a, b).reshape(clean.shape)
        return np.mean((believed - clean) ** 2), np.mean((exact - clean) ** 2)

    drawn = DDPMSampler(NoiseSchedule.cosine(1000), prediction="velocity").sample(
        lambda x, t: unet({"x": x, "t": t}), rng.standard_normal((256, 28, 28, 1), "float32"), steps=10
    )
    drawn = np.clip((keras.ops.convert_to_numpy(drawn) + 1) / 2, 0, 1)
    classifier = presets.load_pretrained("classifier-mnist")
    small = [ResNetDenoiser(width=32, blocks=3, groups=4, embedding_units=64) for _ in range(2)]
    early = [
        [noise_loss(s, judge[:50], t, schedule, np.random.default_rng(2)) for t in (10, 40, 80)]
        for s in small
    ]
    of_resnet, of_exact = errors(400, "noise")
    mean_digit = np.mean((x_train.mean(axis=0) * 2 - 1 - clean) ** 2)
    return {
        "tiny_loss": noise_loss(tiny, judge, 2 * np.arange(250), schedule, rng),
        "resnet_loss": noise_loss(network, judge, 2 * np.arange(250), schedule, rng),
        "resnet_over_exact": of_resnet / of_exact,
        "velocity_over_mean": errors(450, "velocity")[0] / mean_digit,
        "forgetting": np.mean(np.array(early[0]) / np.array(early[1])),
        "sure_share": np.mean(classifier.probabilities(drawn).max(axis=1) >= 0.9),
        "fid": Ruler(classifier, x_test[:4000], samples=256, splits=2).measure(drawn).fid,
    }
