"""`diffusion-course test`: which tests run in which stage, what fails a stage, and how results are judged."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from diffusion_course import cli
from diffusion_course.course.manifest import load_manifest
from diffusion_course.tools import pace, parallel, testing

ROOT = Path(__file__).parents[2]
STAGES = ["unit", "browser", "jax", "notebooks", "bands"]


@pytest.fixture
def call():
    return lambda *arguments: CliRunner().invoke(cli.app, ["test", *arguments])


@pytest.fixture
def ran(tiny, monkeypatch):
    """A course of one chapter whose stages only say that they ran; returns the list in which they do."""
    tiny.add("01")
    ran = []
    for stage in STAGES:
        verdict = stage != "unit"
        monkeypatch.setattr(
            testing, f"_{stage}", lambda *_, stage=stage, verdict=verdict: ran.append(stage) or verdict
        )
    return ran


@pytest.fixture
def no_exercises(monkeypatch):
    """The tiny chapters have the numbers of real ones, but not their exercises; and no time to measure the pace."""
    monkeypatch.setattr(testing.solved, "exercises_of", lambda path: {})
    monkeypatch.setattr(pace, "measured_rate", lambda: 1e12)


@pytest.fixture
def asked(tiny, monkeypatch):
    """What pytest is asked for: stage -> (arguments, variables)."""
    tiny.add("01")
    asked = {}

    def record(stage, arguments, **variables):
        asked[stage] = (arguments, variables)
        return True

    monkeypatch.setattr(testing, "_pytest", record)
    return asked


def test_unknown_stage_lists_the_valid_ones(call):
    result = call("--only", "everything")
    assert result.exit_code == 2 and ", ".join(STAGES) in result.output
    with pytest.raises(ValueError, match=", ".join(STAGES)):
        testing.run_tests(["everything"])


def test_stages_all_run_and_a_failed_one_decides_the_exit_code(ran, call):
    result = call()
    assert ran == STAGES == list(testing.STAGES)
    assert result.exit_code == 1 and "stages: 4 passed, 1 failed" in result.output
    assert call("--only", "bands").exit_code == 0


def test_stage_that_raises_has_failed_and_the_others_and_the_summary_follow(ran, call, monkeypatch):
    def broken(every):
        raise RuntimeError("no disk space")

    monkeypatch.setattr(testing, "_browser", broken)
    result = call()
    assert ran == ["unit", "jax", "notebooks", "bands"] and result.exit_code == 1
    assert "no disk space" in result.output and "stages: 3 passed, 2 failed" in result.output


def test_times_are_kept_and_replaced_when_whole(ran, tiny, call, monkeypatch):
    build = tiny.root / "build"
    assert str(build / "test-times.json") in call().output.replace("\n", "")
    whole = (build / "test-times.json").read_text(encoding="utf-8")
    assert [stage["stage"] for stage in json.loads(whole)["stages"]] == STAGES
    call("--only", "jax", "--only", "unit")
    assert [stage["stage"] for stage in json.loads((build / "test-times.unit.jax.json").read_text())["stages"]] == [
        "unit",
        "jax",
    ]  # fmt: skip

    def interrupted(every):
        raise KeyboardInterrupt

    monkeypatch.setattr(testing, "_jax", interrupted)
    call()
    assert (build / "test-times.json").read_text(encoding="utf-8") == whole
    monkeypatch.setattr(testing, "_jax", lambda every: True)
    call("--all")
    assert (build / "test-times.all.json").is_file()


def test_no_test_is_in_neither_run_and_none_in_two_stages(asked, call):
    """`test` deselects exactly what is marked slow, `test --all` nothing; unit and browser stage share all files."""
    stages = ("--only", "unit", "--only", "browser", "--only", "jax")
    assert call(*stages).exit_code == 0
    everyday = {stage: arguments for stage, (arguments, _) in asked.items()}
    assert call(*stages, "--all").exit_code == 0
    for stage, arguments in everyday.items():
        at = arguments.index("-m")
        assert arguments[at : at + 2] == ["-m", "not slow"]
        whole = asked[stage][0]
        assert whole[: at + 2] == [*arguments[: at + 1], ""]
        files = {path.split("::")[0] for path in arguments[at + 2 :]}
        assert files <= set(whole[at + 2 :]) and (stage == "jax" or whole[at + 2 :] == arguments[at + 2 :])
    unit, browser = everyday["unit"], everyday["browser"]
    assert unit[-2:] == ["tests", f"--ignore={testing.IN_BROWSER}"] and browser[-1] == testing.IN_BROWSER
    assert (ROOT / testing.IN_BROWSER).is_dir()
    # Nothing else takes tests out, and every test file is where pytest looks.
    for path in (ROOT / "tests").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert path == Path(__file__) or not any(w in text for w in ("collect_ignore", "deselect")), path
    lost = [
        p for p in ROOT.rglob("test_*.py") if p.relative_to(ROOT).parts[0] not in ("tests", ".venv", "build")
    ]
    assert lost == []


def test_jax_stage_runs_its_tests_on_jax_and_fails_without_it(asked, call, monkeypatch):
    result = call("--only", "jax")
    assert result.exit_code == 0 and "1 passed" in result.output
    arguments, variables = asked["jax"]
    assert variables["KERAS_BACKEND"] == "jax"
    tests = [path for path in arguments if path.startswith("tests/")]
    for path in (*tests, *testing.ALSO_ON_JAX):
        file, _, test = path.partition("::")
        assert (ROOT / file).exists(), path
        assert not test or f"def {test.split('[')[0]}(" in (ROOT / file).read_text(encoding="utf-8"), path
    assert tests
    monkeypatch.setattr(testing.importlib.util, "find_spec", lambda name: None)
    asked.clear()
    result = call("--only", "jax")
    assert result.exit_code == 1 and "JAX is not installed" in result.output and not asked


def test_notebooks_run_once_the_longest_first_with_their_share_of_the_cores(
    tiny, asked, no_exercises, monkeypatch
):
    rates = iter([3e9, 2e9])
    monkeypatch.setattr(pace, "measured_rate", lambda: next(rates))
    monkeypatch.setattr(parallel, "at_a_time", lambda profile, chapters: 2)
    tiny.add("02")
    tiny.minutes("02", standard=9)
    assert testing._notebooks(load_manifest().chapters)
    arguments, variables = asked["notebooks"]
    assert [Path(a).name for a in arguments if a.endswith(".ipynb")] == ["02_tiny.ipynb", "01_tiny.ipynb"]
    assert "--no-loadscope-reorder" in arguments and arguments[arguments.index("--dist") + 1] == "loadscope"
    assert variables["COURSE_PROFILE"] == "quick" and int(variables["TF_NUM_INTRAOP_THREADS"]) >= 1
    assert testing._conditions() == (pace.REFERENCE_RATE / 2e9, 2)  # the lower of two


CHECKS = """\
import os
class Exercise:
    def __call__(self, answer):
        if os.environ.get("COURSE_STRICT") == "1":
            assert answer() == 3, "refused"
        return answer
class ch01:
    EXERCISES = {"three": Exercise()}"""


class Solution:
    def __init__(self, number):
        self.number = number

    def solution_source(self):
        return f"def three():\n    return {self.number}"


def test_notebook_stage_passes_what_is_whole_and_sees_each_failure(tiny, no_exercises, monkeypatch):
    right = {"01_tiny.ipynb": 3, "03_tiny.ipynb": 4}
    monkeypatch.setattr(
        testing.solved,
        "exercises_of",
        lambda path: {"three": Solution(right[path.name])} if path.name in right else {},
    )
    exercise = (CHECKS, "def three():\n    raise NotImplementedError", 'ch01.EXERCISES["three"](three)')
    tiny.add("01", *exercise, tiny.report("01", error=0.5), band=[0, 1], exercises=[1])
    assert testing._notebooks(load_manifest().chapters)
    tiny.add("02", "raise RuntimeError('broken')")
    tiny.add("03", *exercise, tiny.report("03", error=0.5), band=[0, 1], exercises=[1])
    chapters = load_manifest().chapters
    assert not testing._notebooks(chapters)
    cases = ElementTree.parse(testing._report("notebooks")).getroot().iter("testcase")
    failed = [ElementTree.tostring(case, "unicode") for case in cases if case.find("failure") is not None]
    assert len(failed) == 2 and len(testing.stage_times.of_tests(testing._report("notebooks"), "")) > 10
    assert any("02_tiny" in case and "broken" in case for case in failed)
    assert any("03_tiny" in case and "refused" in case for case in failed)
    # What was measured as shipped stands, whatever the solutions did behind it.
    first, broken, refused = testing.check_results(chapters, testing._results())
    assert first.ok and refused.ok and broken.problems


@pytest.mark.parametrize("chapters", ["missing", "none"])
def test_a_notebook_that_is_not_there_fails_the_stage(tiny, no_exercises, monkeypatch, chapters, capsys):
    monkeypatch.setattr(testing, "_pytest", lambda *arguments, **variables: True)
    tiny.add("01", write=chapters == "none")
    wanted = load_manifest().chapters if chapters == "missing" else ()
    assert not testing._notebooks(wanted)
    assert chapters == "none" or "01_tiny.ipynb" in capsys.readouterr().out


def test_time_is_judged_by_the_pace_of_the_machine_and_by_the_neighbour(tiny):
    tiny.add("01", band=[0, 1])
    folder = tiny.root / "results"
    folder.mkdir()
    record = (
        '{"chapter": "01", "profile": "quick", "wall_seconds": 500, "cpu_seconds": %s, "peak_memory_bytes": 1, '
        '"metrics": {"error": {"value": 0.5}}}'
    )
    for seconds, slower, together, ok in (
        (119, 1, 1, True), (121, 1, 1, False), (239, 2, 1, True), (241, 2, 1, False),
        (167, 1, 2, True), (169, 1, 2, False),
    ):  # fmt: skip
        (folder / "01.quick.json").write_text(record % seconds, encoding="utf-8")
        (outcome,) = testing.check_results(load_manifest().chapters, folder, slower, together)
        assert outcome.ok is ok, outcome.problems


def test_memory_is_judged(tiny):
    tiny.add("01", band=[0, 1])
    folder = tiny.root / "results"
    folder.mkdir()
    for memory, ok in ((testing.parallel.MEMORY, True), (testing.parallel.MEMORY + 10**7, False)):
        (folder / "01.quick.json").write_text(
            f'{{"chapter": "01", "profile": "quick", "wall_seconds": 5, "cpu_seconds": 5, '
            f'"peak_memory_bytes": {memory}, "metrics": {{"error": {{"value": 0.5}}}}}}',
            encoding="utf-8",
        )
        (outcome,) = testing.check_results(load_manifest().chapters, folder)
        assert outcome.ok is ok and (ok or "3.01 GB of memory; 3 GB are allowed" in outcome.problems[0])


def test_bands_state_the_pace_that_they_judge_by(tiny, call):
    tiny.add("01", band=[0, 1])
    result = call("--only", "bands")
    assert result.exit_code == 1, "nothing ran, so nothing can be judged"
    folder = testing._results()
    folder.mkdir(parents=True)
    (folder / "conditions.json").write_text('{"rate": 95e9, "together": 1}', encoding="utf-8")
    (folder / "01.quick.json").write_text(
        '{"chapter": "01", "profile": "quick", "wall_seconds": 5, "cpu_seconds": 200, "peak_memory_bytes": 1, '
        '"metrics": {"error": {"value": 0.5}}}',
        encoding="utf-8",
    )
    result = call("--only", "bands")
    assert result.exit_code == 0 and "95 here, 190 on the machine" in result.output
    assert "2.00 times as long" in result.output
