"""Chapter 11 without training, for `test_untrained`."""

from diffusion_course.models import presets
from diffusion_course.recipes.attention import evaluate_painter


def untrained_11():
    """A painter that never trained; its controls are no worse than it is."""
    reached = evaluate_painter(presets.build("attention-toy"))
    return {**reached, "lead_over_mean": 0.0, "lead_over_deaf": 0.0}
