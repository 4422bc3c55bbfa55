"""What `make` hands to the programs that it starts."""

import os
import subprocess
from pathlib import Path

from diffusion_course.tools.surroundings import INSTALLERS, INTERPRETER

ROOT = Path(__file__).parents[2]


def exported(tmp_path, variables: dict[str, str]) -> dict[str, str]:
    (tmp_path / "Makefile").write_text(f"include {ROOT / 'Makefile'}\nshow:\n\t@env\n", encoding="utf-8")
    command = ["make", "--no-print-directory", "-C", str(tmp_path), "show"]
    environment = {**os.environ, **variables}
    text = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def test_the_users_variables_do_not_send_packages_elsewhere(tmp_path):
    names = (*INSTALLERS, *INTERPRETER)
    seen = exported(tmp_path, dict.fromkeys(names, "1"))
    assert {name: seen[name] for name in names if name in seen} == {
        "PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0", "PIP_DRY_RUN": "0",
    }  # fmt: skip


def test_where_packages_come_from_stays(tmp_path):
    kept = {
        "PIP_INDEX_URL": "https://example.org/simple",
        "PIP_CERT": "/c",
        "UV_INDEX_URL": "x",
        "https_proxy": "p",
    }
    seen = exported(tmp_path, kept)
    assert {name: seen.get(name) for name in kept} == kept
