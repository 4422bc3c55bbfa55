"""Exercise checks, one module per chapter: ``from diffusion_course.checks import ch01``."""
