"""Chapter 06's recipe: its loss is the plain squared error of the noise, and even a quick training lowers it."""

import numpy as np

from diffusion_course import recipes
from diffusion_course.models import presets
from diffusion_course.recipes.resnet_denoiser import noise_loss
from diffusion_course.schedules import NoiseSchedule


class Oracle:
    """Knows the clean picture, and so the noise, up to a constant error."""

    def __init__(self, x, schedule, error):
        self.x, self.schedule, self.error = x, schedule, error

    def predict(self, inputs, **_):
        t = inputs["t"]
        signal, sigma = (c[t][:, None, None, None] for c in (self.schedule.signal, self.schedule.sigma))
        return (inputs["x"] - signal * self.x) / sigma + self.error


def test_noise_loss_is_the_squared_error_of_the_noise():
    schedule, rng = NoiseSchedule.linear(100), np.random.default_rng(0)
    x = rng.uniform(-1, 1, (6, 28, 28, 1)).astype("float32")
    for t in (0, 99, np.arange(6) * 15):
        np.testing.assert_allclose(noise_loss(Oracle(x, schedule, 0.5), x, t, schedule, rng), 0.25, rtol=1e-3)
        assert noise_loss(Oracle(x, schedule, 0.0), x, t, schedule, rng) < 1e-6


def test_quick_recipe_lowers_the_loss(tmp_path):
    metrics = recipes.train("resnet-mnist", "quick", folder=tmp_path)
    untrained = recipes.RECIPES["resnet-mnist"].evaluate(presets.build("resnet-mnist"))
    assert metrics.keys() == untrained.keys()
    np.testing.assert_allclose(untrained["test_loss"], 1, rtol=0.01)  # it says nothing
    assert metrics["test_loss_at_400"] < 0.95 * untrained["test_loss_at_400"]
