"""environment.yml gives conda users what everybody else gets: the same Pythons, and the locked packages from pip."""

import sys

from diffusion_course.course.paths import course_root

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def test_environment_is_in_step_with_pyproject():
    text = (course_root() / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    lines = (course_root() / "environment.yml").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        f"name: {project['name']}",
        "channels:",
        "  - conda-forge",
        "  - nodefaults",
        "dependencies:",
        f"  - python {project['requires-python'].replace(' ', '')}",
        "  - pip",
        "  - pip:",
        "      - -c requirements.lock",
        "      - -e .[dev]",
    ]
    assert "dev" in project["optional-dependencies"] and (course_root() / "requirements.lock").is_file()
