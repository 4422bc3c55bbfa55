import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from diffusion_course import cli

ROOT = Path(__file__).parents[2]


@pytest.fixture
def call():
    return lambda *arguments: CliRunner().invoke(cli.app, [str(a) for a in arguments])


def test_unknown_chapter_and_profile_list_the_valid_ones(tiny, call):
    tiny.add("01")
    tiny.add("02")
    result = call("run", "77")
    assert result.exit_code == 2 and "01, 02" in result.output and "77" in result.output
    for command in (
        ["run", "--profile", "huge"],
        ["lab", "--profile", "huge"],
        ["clean-notebooks", "--profile", "x"],
    ):
        result = call(*command)
        assert result.exit_code == 2 and "quick, standard, full" in result.output
    assert call("clean-notebooks", "77").exit_code == 2


def test_profile_of_the_environment_is_checked_too(tiny, call, monkeypatch):
    tiny.add("01")
    monkeypatch.setenv("COURSE_PROFILE", "huge")
    assert call("run").exit_code == 2


def test_run_gives_exit_code_1_when_a_chapter_raises_and_0_when_none_does(tiny, call):
    tiny.add("01", "raise RuntimeError('on purpose')")
    tiny.add("02", tiny.report("02", error=0.5), band=[0, 1])
    result = call("run", "--profile", "quick", "--no-book")
    assert result.exit_code == 1 and "on purpose" in result.output
    result = call("run", "2", "--profile", "quick", "--no-book")
    assert result.exit_code == 0, result.output


def test_lab_listens_on_this_machine_only_and_opens_the_first_chapter(tiny, call, monkeypatch):
    tiny.add("00")
    seen = {}

    def fake(command, cwd, env, check):
        seen.update(command=command, cwd=cwd, env=env)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(cli.subprocess, "run", fake)
    assert call("lab", "--port", "9999", "--profile", "quick").exit_code == 0
    assert {"--ServerApp.ip=127.0.0.1", "--ServerApp.port=9999"} <= set(seen["command"])
    assert str(tiny.root / "notebooks" / "00_tiny.ipynb") in seen["command"]
    assert seen["env"]["COURSE_PROFILE"] == "quick" and seen["cwd"] == tiny.root


def test_clean_notebooks_normalises_in_place_and_reports_a_missing_one(tiny, call):
    tiny.add("01", "print(1)")
    assert "written" in call("clean-notebooks").output
    assert "unchanged" in call("clean-notebooks").output
    tiny.add("02", write=False)
    result = call("clean-notebooks")
    assert result.exit_code == 1 and "02_tiny.ipynb" in result.output


def test_train_wants_known_names(call):
    for arguments in ([], ["no-such-recipe"], ["no-such-recipe", "--all"]):
        result = call("train", *arguments)
        assert result.exit_code == 2 and "A recipe must be one of" in result.output


def test_module_can_be_run_and_importing_it_is_cheap():
    heavy = ("keras", "tensorflow", "matplotlib")
    code = f"import sys, diffusion_course.cli; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
