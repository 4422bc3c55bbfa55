"""Plumbing of the chapters: `start` and `report`, the manifest, paths, and files with checksums."""

from diffusion_course.course.run import Report, Run, report, results_path, start

__all__ = ["Report", "Run", "report", "results_path", "start"]
