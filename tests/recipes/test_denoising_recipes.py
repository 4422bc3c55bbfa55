"""Recipes of the denoisers: even a quick one beats the untrained network by far."""

from diffusion_course import recipes
from diffusion_course.models import presets


def test_quick_recipe_trains_a_denoiser(tmp_path):
    name = "denoiser-fashion-conditioned"
    metrics = recipes.train(name, "quick", folder=tmp_path)
    untrained = recipes.RECIPES[name].evaluate(presets.build(name))
    assert metrics.keys() == untrained.keys()
    assert metrics["test_psnr_at_0.4"] > untrained["test_psnr_at_0.4"] + 1
