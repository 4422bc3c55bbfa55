"""Figures: arrays in, Matplotlib figure out. Every chapter draws with these, so that figures stay comparable."""

from diffusion_course.plots.attention import heat, word_maps, word_matrix
from diffusion_course.plots.curves import plot_lines
from diffusion_course.plots.detection import roc_curves, score_histogram
from diffusion_course.plots.display import as_pictures, show
from diffusion_course.plots.emergence import emergence_curves
from diffusion_course.plots.grids import image_grid, image_rows
from diffusion_course.plots.guidance import scale_curves
from diffusion_course.plots.latent_space import channel_pictures, quality_over_time, settings_panels
from diffusion_course.plots.latents import decoded_plane, latent_map, plane_points
from diffusion_course.plots.layer_boxes import layer_boxes
from diffusion_course.plots.matrices import heat_maps
from diffusion_course.plots.panels import Panel, density_panels, gaussian_like, line_panels
from diffusion_course.plots.planes import plane_grid, plane_panels
from diffusion_course.plots.prompts import prompt_sheet
from diffusion_course.plots.signals import lines_along, signal_overlays
from diffusion_course.plots.sizes import part_bars
from diffusion_course.plots.style import CLASS_COLOURS, CLASS_MARKERS
from diffusion_course.plots.trajectories import film, steps_against_quality
from diffusion_course.plots.word_steps import word_steps

__all__ = [
    "CLASS_COLOURS",
    "CLASS_MARKERS",
    "Panel",
    "as_pictures",
    "channel_pictures",
    "density_panels",
    "decoded_plane",
    "emergence_curves",
    "film",
    "gaussian_like",
    "heat",
    "heat_maps",
    "image_grid",
    "image_rows",
    "latent_map",
    "layer_boxes",
    "line_panels",
    "lines_along",
    "part_bars",
    "plane_grid",
    "plane_panels",
    "plane_points",
    "plot_lines",
    "prompt_sheet",
    "quality_over_time",
    "roc_curves",
    "scale_curves",
    "score_histogram",
    "settings_panels",
    "show",
    "signal_overlays",
    "steps_against_quality",
    "word_maps",
    "word_matrix",
    "word_steps",
]
