"""``diffusion-course test``: unit tests, widgets, the library on JAX, notebooks as shipped and solved, promises."""

import importlib.util
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from diffusion_course.course.manifest import Chapter, load_manifest
from diffusion_course.course.paths import build_dir, course_root, notebooks_dir
from diffusion_course.tools import pace, parallel, solved, stage_times
from diffusion_course.tools.child_environment import run_environment
from diffusion_course.tools.results import Outcome, judge, table
from diffusion_course.tools.runner import make_console

STAGES = {
    "unit": "unit tests",
    "browser": "widgets in a real browser",
    "jax": "the library on its other engine",
    "notebooks": "notebooks, as shipped and then solved",
    "bands": "promised results and times",
}
PROFILE = "quick"
CELL_TIMEOUT = 300  # seconds
BUDGET = 60  # seconds per chapter in the quick profile, on
CORES = 2  # processor cores of the machine of `pace.REFERENCE_RATE`
# Two workers, because much of the time goes into compiling, which keeps one core busy
TWO_WORKERS = ("-n", "2", "--dist", "worksteal")
IN_BROWSER = "tests/browser"
# What must hold on every backend: each layer, one network of each kind, the samplers, a training that is resumed.
ON_JAX = (
    "tests/test_backend.py",
    "tests/test_variance.py",
    "tests/layers",
    "tests/benchmarks/test_presets_any_backend.py",
    "tests/models/test_denoiser.py",
    "tests/samplers",
    "tests/training/test_optimizers.py",
)
RESUMED_ON_JAX = ("tests/training/test_checkpoints.py::test_interrupted_training_goes_on_bit_by_bit[adam]",)
# With the slow tests the rest of what is written for every backend runs there too.
ALSO_ON_JAX = (
    "tests/models/test_stable_diffusion.py",
    "tests/models/test_unet.py",
    "tests/training/test_callbacks.py",
    "tests/training/test_checkpoints.py",
    "tests/training/test_diffusion_trainer.py",
)


def _pytest(stage: str, arguments: list[str], **variables: str) -> bool:
    """Runs pytest in a process of its own, in the course's folder; the times of its tests stay in a report."""
    command = [sys.executable, "-m", "pytest", f"--junitxml={_report(stage)}", *arguments]
    done = subprocess.run(command, cwd=course_root(), env=run_environment(**variables), check=False)
    return done.returncode == 0


def _report(stage: str) -> Path:
    return build_dir() / "test-results" / f"{stage}.xml"


def _marks(every: bool) -> list[str]:
    return ["-m", "" if every else "not slow"]


def _unit(every: bool) -> bool:
    return _pytest("unit", [*TWO_WORKERS, *_marks(every), "tests", f"--ignore={IN_BROWSER}"])


def _browser(every: bool) -> bool:
    """Alone: JupyterLab, its kernel and the browser share the cores already, and the widgets must answer in time."""
    return _pytest("browser", [*_marks(every), IN_BROWSER])


def _jax(every: bool) -> bool:
    """Tests in a process whose Keras runs on JAX, on the CPU."""
    if importlib.util.find_spec("jax") is None:
        print(
            "JAX is not installed. It belongs to what development needs: python -m pip install -e '.[dev]'",
            flush=True,
        )
        return False
    tests = ON_JAX + (ALSO_ON_JAX if every else RESUMED_ON_JAX)
    return _pytest(
        "jax",
        [*TWO_WORKERS, *_marks(every), "-p", "no:cacheprovider", *tests],
        KERAS_BACKEND="jax",
        JAX_PLATFORMS="cpu",
    )


def _results() -> Path:
    """Where the notebooks leave what they measured, and `_notebooks` how they ran."""
    return build_dir() / "test-results" / "notebooks"


def _fresh(folder: Path) -> Path:
    """The folder, empty: what an earlier run left there must not count."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _notebooks(chapters: tuple[Chapter, ...]) -> bool:
    """Executes every chapter once through nbval, as shipped and behind that solved, see `solved.with_solutions`.

    Fails if a cell raises or differs from its checked output, if a check refuses its solution, or if a notebook, a
    check or a solution is missing.
    """
    folder, ok = _fresh(build_dir() / "solved"), True
    for chapter in chapters:
        try:
            solved.write_with_solutions(notebooks_dir() / chapter.notebook, folder / chapter.notebook)
        except (ValueError, OSError) as error:
            print(error, flush=True)
            ok = False
    there = [path for c in parallel.longest_first(chapters) if (path := folder / c.notebook).is_file()]
    results, together = _fresh(_results()), parallel.at_a_time(PROFILE, len(there))
    before = pace.measured_rate()
    # pytest does not look into a folder named build.
    options = ["--nbval-lax", "--nbval-current-env", f"--nbval-cell-timeout={CELL_TIMEOUT}"]
    options += ["-o", "norecursedirs=.*", "-p", "no:cacheprovider"]
    if together > 1:  # a notebook's cells stay with one worker, which takes the next notebook when it is done
        options += ["-n", str(together), "--dist", "loadscope", "--no-loadscope-reorder"]
    ran = bool(there) and _pytest(
        "notebooks",
        [*options, *map(str, there)],
        COURSE_PROFILE=PROFILE,
        COURSE_RESULTS_DIR=str(results),
        **parallel.thread_limits(together),
    )
    # The lower of two: a machine that was slower for a while must not make chapters look slow.
    conditions = {"rate": min(before, pace.measured_rate()), "together": together}
    (results / "conditions.json").write_text(json.dumps(conditions), encoding="utf-8")
    return ran and ok


def check_results(
    chapters: tuple[Chapter, ...], folder: Path, slower: float = 1.0, together: int = 1
) -> list[Outcome]:
    """Judges the results in a folder by the manifest's bands, and by the time and memory that a quick chapter may take.

    Args:
        chapters: the chapters that must have left a result.
        folder: where the results lie.
        slower: how many times longer than the reference this machine may take, see `pace.slowness`.
        together: how many chapters ran at a time; two may cost each other what `parallel.CROWDED` says.

    Returns:
        One outcome per chapter.
    """
    outcomes = [judge(Outcome(chapter), folder, PROFILE) for chapter in chapters]
    allowed = BUDGET * CORES * slower * (parallel.CROWDED if together > 1 else 1)
    for outcome in outcomes:
        # Processor time, because the clock also counts what other programs do meanwhile.
        if outcome.cpu_seconds is not None and outcome.cpu_seconds > allowed:
            outcome.problems.append(
                f"it used {outcome.cpu_seconds:.0f} s of processor time; {BUDGET} s on {CORES} cores of the "
                f"reference machine are {allowed:.0f} s on this one, which is {slower:.1f} times slower and ran "
                f"{together} at a time"
            )
        if outcome.peak_memory_bytes is not None and outcome.peak_memory_bytes > parallel.MEMORY:
            outcome.problems.append(
                f"it took {outcome.peak_memory_bytes / 1e9:.2f} GB of memory; {parallel.MEMORY / 1e9:g} GB are allowed"
            )
    return outcomes


def _conditions() -> tuple[float, int]:
    """(how many times slower this machine is, how many chapters ran at a time), as `_notebooks` found them."""
    conditions = json.loads((_results() / "conditions.json").read_text(encoding="utf-8"))
    return pace.slowness(conditions["rate"]), conditions["together"]


def _bands(chapters: tuple[Chapter, ...], console: Console) -> bool:
    slower, together = _conditions()
    here, reference = (rate / 1e9 for rate in (pace.REFERENCE_RATE / slower, pace.REFERENCE_RATE))
    console.print(
        f"Float32 matrix product, billion multiply-adds per second: {here:.0f} here, {reference:.0f} on the machine "
        f"for which times are stated (more is not counted). Times may be {slower:.2f} times as long."
    )
    outcomes = check_results(chapters, _results(), slower, together)
    console.print(table(outcomes, PROFILE, f"Results of the notebooks, profile {PROFILE}"))
    for outcome in outcomes:
        if outcome.problems:
            console.print(f"[bold red]{outcome.chapter.id}[/bold red]: {escape('; '.join(outcome.problems))}")
    return all(outcome.ok for outcome in outcomes)


def _attempt(run, console: Console) -> bool:
    """What a stage returns; one that raises has failed, and the others still run."""
    try:
        return run()
    except Exception:
        console.print_exception(max_frames=8)
        return False


def _summary(stages: list[dict], wanted: list[str], every: bool, console: Console) -> None:
    """Prints the stages with their times, and keeps these and the slowest tests in a file."""
    try:
        slower = _conditions()[0] if "notebooks" in wanted else None
    except (OSError, ValueError, KeyError):  # the stage that measures it has failed, and said so
        slower = None
    console.rule("summary")
    for stage in stages:
        verdict = "[green]passed[/green]" if stage["passed"] else "[bold red]FAILED[/bold red]"
        console.print(f"{stage['stage']:9} {STAGES[stage['stage']]:40} {stage['seconds']:6.0f} s  {verdict}")
    total = sum(stage["seconds"] for stage in stages)
    at_reference = f", {total / slower / 60:.1f} min at the reference's pace" if slower else ""
    console.print(f"{'':9} {'together':40} {total:6.0f} s, {total / 60:.1f} min here{at_reference}")
    tests = [test for name in wanted for test in stage_times.of_tests(_report(name), name)]
    parts = [*(["all"] if every else []), *(wanted if len(wanted) < len(STAGES) else [])]
    path = build_dir() / ".".join(["test-times", *parts, "json"])
    stage_times.write(path, stages, tests, slower)
    console.print(
        f"Times of the stages and of the slowest {stage_times.SLOWEST} tests: {path}", soft_wrap=True
    )
    passed = sum(stage["passed"] for stage in stages)
    console.print(f"stages: {passed} passed, {len(stages) - passed} failed")


def run_tests(only: list[str] | None = None, every: bool = False) -> bool:
    """Runs the stages, each whatever the others gave, and prints a summary.

    Args:
        only: names from `STAGES`; all of them by default. ``bands`` judges the notebooks that ran in this call, or
            if none did, the results that an earlier call left.
        every: also the tests marked ``slow``: measured cards and untrained values, all presets on JAX, every
            chapter's widget in the browser, the benchmarks.

    Returns:
        True if no stage failed.

    Raises:
        ValueError: an unknown stage.
    """
    wanted = [name for name in STAGES if name in (only or STAGES)]
    for name in only or ():
        if name not in STAGES:
            raise ValueError(f"A stage must be one of {', '.join(STAGES)}. Received: {name!r}")
    console, chapters, stages = make_console(), load_manifest().notebooks, []
    run = {
        "unit": lambda: _unit(every),
        "browser": lambda: _browser(every),
        "jax": lambda: _jax(every),
        "notebooks": lambda: _notebooks(chapters),
        "bands": lambda: _bands(chapters, console),
    }
    for name in wanted:
        console.rule(f"{name}: {STAGES[name]}")
        _report(name).unlink(missing_ok=True)
        began = time.monotonic()
        passed = _attempt(run[name], console)
        stages.append({"stage": name, "seconds": round(time.monotonic() - began, 1), "passed": passed})
    _summary(stages, wanted, every, console)
    return all(stage["passed"] for stage in stages)
