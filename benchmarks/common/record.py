"""One JSON file per benchmark: what was measured, on what, and the rows that the README shows."""

import json
import os
import platform
import statistics
from pathlib import Path

from diffusion_course.backend import device_report
from diffusion_course.course.paths import course_root
from diffusion_course.course.writing import write_whole


def results_dir() -> Path:
    """Where the committed results lie."""
    return course_root() / "benchmarks" / "results"


def processor_in(cpuinfo: str) -> str | None:
    """The name in what Linux says of its processors, and the widest vectors: a name alone may mean thrice the pace.

    Args:
        cpuinfo: the text of /proc/cpuinfo.

    Returns:
        For example "AMD EPYC, AVX2"; None if it holds no name.
    """
    said = dict(line.split(":", 1) for line in cpuinfo.splitlines() if ":" in line)
    said = {name.strip(): value.strip() for name, value in said.items()}
    if "model name" not in said:
        return None
    flags = said.get("flags", "").split()
    vectors = [title for flag, title in (("avx512f", "AVX-512"), ("avx2", "AVX2")) if flag in flags]
    return ", ".join([said["model name"], *vectors[:1]])


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    found = processor_in(info.read_text(encoding="utf-8")) if info.exists() else None
    return found or platform.processor() or platform.machine()


def environment() -> dict:
    """Hardware, versions, and how many other processes wanted a core when the benchmark began."""
    report = device_report()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "hardware": {"processor": _processor(), "devices": report["devices"]},
        "versions": {
            "python": platform.python_version(),
            "keras": report["keras_version"],
            report["backend"]: report["backend_version"],
        },
        "load_at_start": load,
    }


def write(name: str, content: dict, folder: Path | None = None) -> Path:
    """Writes ``<name>.json``; an older file goes only when the new one is whole.

    Args:
        name: of the benchmark.
        content: JSON's own types; ``rows``, where there are any, are those of the README's table.
        folder: by default `results_dir`.
    """
    folder = results_dir() if folder is None else Path(folder)
    path = folder / f"{name}.json"
    write_whole(path, (json.dumps(content, indent=2) + "\n").encode())
    return path


def rounded(value, digits: int = 4):
    """Floats in lists and dicts, to so many significant digits: more would be noise."""
    if isinstance(value, dict):
        return {key: rounded(v, digits) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(v, digits) for v in value]
    return float(f"{value:.{digits}g}") if isinstance(value, float) else value


def median_ratio(slow: list[float], fast: list[float]) -> float:
    """Median over rounds of slow / fast; both sides of a round ran right after each other, under the same load."""
    return statistics.median(a / b for a, b in zip(slow, fast, strict=True))
