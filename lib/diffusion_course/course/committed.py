"""Results of benchmarks that are in the repository: what a chapter shows without an hour of training."""

import json

from diffusion_course.course.paths import course_root


def committed_result(name: str) -> dict:
    """The content of ``benchmarks/results/<name>.json``, as ``benchmarks/<name>.py`` wrote it.

    Args:
        name: of the benchmark.

    Raises:
        ValueError: there is no such result; the message lists those that there are.
    """
    folder = course_root() / "benchmarks" / "results"
    path = folder / f"{name}.json"
    if not path.is_file():
        known = ", ".join(sorted(found.stem for found in folder.glob("*.json")))
        raise ValueError(f"A committed result must be one of {known}. Received: {name!r}")
    return json.loads(path.read_text(encoding="utf-8"))
