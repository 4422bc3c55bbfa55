"""Writes ``environment.yml`` from ``pyproject.toml``, so that conda users get what everybody else gets."""

import argparse
import os
import sys
from pathlib import Path

from diffusion_course.course.paths import course_root

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TEMPLATE = """\
# For conda users; written from pyproject.toml by `python -m diffusion_course.tools.environment`. Do not edit.
#
#   conda env create -f environment.yml
#   conda activate {name}
#   diffusion-course run --profile quick
#
# conda brings Python; pip brings the rest, at the versions of requirements.lock. conda-forge has no current
# TensorFlow for Windows, and a TensorFlow from pip beside a NumPy from conda mixes two builds of one library.
name: {name}
channels:
  - conda-forge
  - nodefaults
dependencies:
{conda}
  - pip:
{pip}
"""


def conda_specs(project: dict) -> list[str]:
    """The conda packages, as match specifications, for a ``[project]`` table."""
    return [f"python {project['requires-python'].replace(' ', '')}", "pip"]


def render(root: Path) -> str:
    """The text of ``environment.yml`` for the ``pyproject.toml`` in ``root``."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pip = ["-c requirements.lock", "-e .[dev]"]
    return TEMPLATE.format(
        name=project["name"],
        conda="\n".join(f"  - {spec}" for spec in conda_specs(project)),
        pip="\n".join(f"      - {line}" for line in pip),
    )


def main(arguments: list[str] | None = None) -> int:
    """Writes the file, or with ``--check`` says whether it is current (exit code 1 if not)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the file is out of step")
    options = parser.parse_args(arguments)
    path, text = course_root() / "environment.yml", render(course_root())
    current = path.read_text(encoding="utf-8") if path.exists() else None
    if current == text:
        return 0
    if options.check:
        print(
            f"{path.name} is out of step with pyproject.toml: run `python -m diffusion_course.tools.environment`"
        )
        return 1
    aside = path.with_suffix(".part")
    aside.write_text(text, encoding="utf-8", newline="\n")
    os.replace(aside, path)
    print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
