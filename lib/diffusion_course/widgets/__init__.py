"""Interactive figures, one module per widget.

A public function may have the name of its module (`latent_explorer`), so it is bound here, once and eagerly:
bound lazily, `from diffusion_course.widgets import latent_explorer` would give the module or the function,
depending on who imported what first. To keep this import quick, a widget's module imports its widget classes
when its function is called.
"""

from diffusion_course.widgets.attention_map import attention_map
from diffusion_course.widgets.denoising_film import denoising_film
from diffusion_course.widgets.guidance_scale import guidance_scale
from diffusion_course.widgets.hole_filler import hole_filler
from diffusion_course.widgets.latent_cells import latent_cells
from diffusion_course.widgets.latent_explorer import latent_explorer
from diffusion_course.widgets.nearest_captions import nearest_captions
from diffusion_course.widgets.noise_slider import noise_slider
from diffusion_course.widgets.noising_explorer import noising_explorer
from diffusion_course.widgets.path_switches import path_switches
from diffusion_course.widgets.sampler_explorer import sampler_explorer
from diffusion_course.widgets.sentence_painter import sentence_painter
from diffusion_course.widgets.step_costs import step_costs
from diffusion_course.widgets.threshold_explorer import threshold_explorer
from diffusion_course.widgets.word_pictures import word_pictures
from diffusion_course.widgets.word_swap import word_swap

__all__ = [
    "attention_map",
    "denoising_film",
    "guidance_scale",
    "hole_filler",
    "latent_cells",
    "latent_explorer",
    "nearest_captions",
    "noising_explorer",
    "noise_slider",
    "path_switches",
    "sampler_explorer",
    "sentence_painter",
    "step_costs",
    "threshold_explorer",
    "word_pictures",
    "word_swap",
]
