"""Exercise checks, one module per chapter: ``from diffusion_course.exercises import ch01``."""
