import pytest
from packaging.specifiers import SpecifierSet

from diffusion_course.course.paths import course_root
from diffusion_course.tools import environment

yaml = pytest.importorskip("yaml", reason="PyYAML comes with JupyterLab")


def read():
    return yaml.safe_load((course_root() / "environment.yml").read_text(encoding="utf-8"))


def test_environment_is_in_step_with_pyproject(capsys):
    assert environment.main(["--check"]) == 0, capsys.readouterr().out


def test_check_notices_a_change(tmp_path, monkeypatch, capsys):
    text = (course_root() / "pyproject.toml").read_text(encoding="utf-8")
    (tmp_path / "book.toml").write_text("", encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    monkeypatch.setenv("DIFFUSION_COURSE_HOME", str(tmp_path))
    assert environment.main(["--check"]) == 1, "no file yet"
    assert environment.main([]) == 0 and environment.main(["--check"]) == 0
    (tmp_path / "pyproject.toml").write_text(text.replace(">=3.10", ">=3.12"), encoding="utf-8")
    assert environment.main(["--check"]) == 1
    assert "out of step" in capsys.readouterr().out


def test_specs_are_valid_and_allow_the_promised_pythons():
    rattler = pytest.importorskip("rattler", reason="py-rattler has no wheel for this platform")
    specs = [spec for spec in read()["dependencies"] if isinstance(spec, str)]
    for spec in specs:
        rattler.MatchSpec(spec)
    python = next(spec for spec in specs if spec.startswith("python "))
    allowed = SpecifierSet(python.removeprefix("python "))
    assert [f"3.{minor}" for minor in range(8, 16) if f"3.{minor}" in allowed] == [
        "3.10",
        "3.11",
        "3.12",
        "3.13",
    ]


def test_pip_section_installs_the_course_at_locked_versions():
    (pip,) = [entry["pip"] for entry in read()["dependencies"] if isinstance(entry, dict)]
    assert pip == ["-c requirements.lock", "-e .[dev]"]
    assert (course_root() / "requirements.lock").is_file()
