import re
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from diffusion_course import cli
from diffusion_course.tools import lab

ROOT = Path(__file__).parents[2]
PATIENCE = (
    300  # seconds, a hundred times what it takes where nothing else runs; what is waited for ends the wait
)


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


def test_lab_runs_in_the_courses_folder_with_the_profile_asked_for(tiny, call, monkeypatch):
    tiny.add("00")
    seen = []
    monkeypatch.setattr(lab, "run_lab", lambda *arguments: seen.append(arguments) or 3)
    assert call("lab", "--port", "9999", "--profile", "quick", "--no-browser").exit_code == 3
    ((command, folder, profile),) = seen
    assert {"--ServerApp.port=9999", "--no-browser"} <= set(command)
    assert folder == tiny.root and profile == "quick"


def test_a_results_folder_that_may_not_be_written_is_refused_before_anything_runs(tiny, call, monkeypatch):
    tiny.add("01", "raise RuntimeError('it ran')")
    (tiny.root / "blocked").write_text("", encoding="utf-8")
    monkeypatch.setenv("COURSE_RESULTS_DIR", str(tiny.root / "blocked"))
    result = call("run", "--no-book")
    assert (
        result.exit_code == 2 and "COURSE_RESULTS_DIR must be a folder that may be written" in result.output
    )
    assert str(tiny.root / "blocked") in result.output.replace("\n", "") and "it ran" not in result.output


def test_a_command_that_is_ended_ends_what_it_started(tmp_path):
    script = tmp_path / "command.py"
    child = f"import time, pathlib; pathlib.Path({str(tmp_path / 'started')!r}).touch(); time.sleep(600)"
    script.write_text(
        "import subprocess, sys\nfrom diffusion_course import cli\ncli._before_every_command()\n"
        f"subprocess.run([sys.executable, '-c', {child!r}, {str(tmp_path)!r}])",
        encoding="utf-8",
    )
    process = subprocess.Popen([sys.executable, str(script)])
    wait_for((tmp_path / "started").exists)
    (running,) = psutil.Process(process.pid).children()
    process.terminate()
    assert process.wait(PATIENCE) != 0
    wait_for(lambda: not running.is_running())


def test_a_run_that_is_ended_does_not_wait_for_its_chapters(tiny, tmp_path):
    for chapter in ("01", "02"):
        tiny.add(
            chapter,
            f"import time, pathlib; pathlib.Path({str(tmp_path / chapter)!r}).touch(); time.sleep(600)",
        )
    command = [sys.executable, "-m", "diffusion_course.cli", "run", "--profile", "quick", "--no-book"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for((tmp_path / "01").exists)
    started = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    assert process.wait(PATIENCE) != 0
    wait_for(lambda: not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in started))


def wait_for(condition, seconds: float = PATIENCE) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


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


@pytest.mark.parametrize(
    ("seed", "bound"), [(-1, "orequalto0"), (2**32, "4294967295"), (99999999999999999999, "4294967295")]
)
def test_train_wants_a_seed_that_can_be_one(call, seed, bound):
    result = call("train", "autoencoder-fashion-2", "--seed", seed)
    words = "".join(re.findall(r"\w", result.output))  # the message stands in a box and wraps
    assert result.exit_code == 2 and words.endswith(bound)
