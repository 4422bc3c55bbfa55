"""Figures: arrays in, Matplotlib figure out. Every chapter draws with these, so that figures stay comparable."""

from diffusion_course.plots.curves import plot_lines
from diffusion_course.plots.display import show
from diffusion_course.plots.grids import image_grid, image_rows
from diffusion_course.plots.latents import decoded_plane, latent_map, plane_points
from diffusion_course.plots.style import CLASS_COLOURS, CLASS_MARKERS

__all__ = [
    "CLASS_COLOURS",
    "CLASS_MARKERS",
    "decoded_plane",
    "image_grid",
    "image_rows",
    "latent_map",
    "plane_points",
    "plot_lines",
    "show",
]
