"""``diffusion-course test``: unit tests, widgets, the library on JAX, notebooks as shipped and solved, promises."""

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from diffusion_course.course.manifest import Chapter, load_manifest
from diffusion_course.course.paths import build_dir, course_root, notebooks_dir
from diffusion_course.tools import notebooks
from diffusion_course.tools.pace import slowness
from diffusion_course.tools.results import Outcome, judge, table
from diffusion_course.tools.runner import make_console

STAGES = {
    "unit": "unit tests",
    "browser": "widgets in a real browser",
    "jax": "the library on its other engine",
    "shipped": "notebooks as shipped",
    "solved": "notebooks with every exercise solved",
    "bands": "promised results and times",
}
PROFILE = "quick"
CELL_TIMEOUT = 300  # seconds
BUDGET = 60  # seconds per chapter in the quick profile, on
CORES = 2  # processor cores of the machine of `pace.REFERENCE_MS`
# Two workers, because much of the time goes into compiling, which keeps one core busy
TWO_WORKERS = ("-n", "2", "--dist", "worksteal")
IN_BROWSER = "tests/browser"
# What must hold on every backend: the parts that networks are made of, the networks, and what trains and samples them.
ON_JAX = (
    "tests/test_backend.py",
    "tests/test_variance.py",
    "tests/layers",
    "tests/models/test_presets_any_backend.py",
    "tests/models/test_unet.py",
    "tests/samplers",
    "tests/training/test_callbacks.py",
    "tests/training/test_diffusion_trainer.py",
    "tests/training/test_optimizers.py",
)


def _pytest(arguments: list[str], **variables: str) -> bool:
    """Runs pytest in a process of its own, in the course's folder."""
    command = [sys.executable, "-m", "pytest", *arguments]
    environment = {**os.environ, **variables}
    return subprocess.run(command, cwd=course_root(), env=environment, check=False).returncode == 0


def _jax() -> bool:
    """The tests of `ON_JAX` in a process whose Keras runs on JAX, on the CPU."""
    if importlib.util.find_spec("jax") is None:
        print(
            "JAX is not installed. It belongs to what development needs: python -m pip install -e '.[dev]'",
            flush=True,
        )
        return False
    return _pytest(
        [*TWO_WORKERS, "-p", "no:cacheprovider", *ON_JAX], KERAS_BACKEND="jax", JAX_PLATFORMS="cpu"
    )


def _browser() -> bool:
    """Alone: JupyterLab, its kernel and the browser share the cores already, and the widgets must answer in time."""
    return _pytest([IN_BROWSER])


def _results(kind: str) -> Path:
    return build_dir() / "test-results" / kind


def _fresh(folder: Path) -> Path:
    """The folder, empty: what an earlier run left there must not count."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _run_notebooks(files: list[Path], kind: str, **variables: str) -> bool:
    """Executes notebooks through nbval; fails if one raises, differs in a checked cell, or does not exist."""
    missing = [path.name for path in files if not path.is_file()]
    if missing:
        print(f"missing: {', '.join(missing)}", flush=True)
    there = [str(path) for path in files if path.is_file()]
    if not there:
        return False
    # One after the other: two that share the cores (often two threads of one core) cost up to two fifths more processor
    # time each, and `BUDGET` would judge the neighbour too. pytest does not look into a folder named build.
    options = ["--nbval-lax", "--nbval-current-env", f"--nbval-cell-timeout={CELL_TIMEOUT}"]
    options += ["-o", "norecursedirs=.*", "-p", "no:cacheprovider"]
    folder = _fresh(_results(kind))
    ran = _pytest([*options, *there], COURSE_PROFILE=PROFILE, COURSE_RESULTS_DIR=str(folder), **variables)
    return ran and not missing


def _shipped(chapters: tuple[Chapter, ...]) -> bool:
    return _run_notebooks([notebooks_dir() / chapter.notebook for chapter in chapters], "shipped")


def _solved(chapters: tuple[Chapter, ...]) -> bool:
    folder, ok = _fresh(build_dir() / "solved"), True
    for chapter in chapters:
        try:
            notebooks.solve_file(notebooks_dir() / chapter.notebook, folder / chapter.notebook)
        except (ValueError, OSError) as error:
            print(error, flush=True)
            ok = False
    return (
        _run_notebooks([folder / chapter.notebook for chapter in chapters], "solved", COURSE_STRICT="1")
        and ok
    )


def check_results(chapters: tuple[Chapter, ...], folder: Path, slower: float = 1.0) -> list[Outcome]:
    """Judges the results in a folder by the manifest's bands and by the time that a quick chapter may take.

    Args:
        chapters: the chapters that must have left a result.
        folder: where the results lie.
        slower: how many times longer than the reference this machine may take, see `pace.slowness`.

    Returns:
        One outcome per chapter.
    """
    outcomes = [judge(Outcome(chapter), folder, PROFILE) for chapter in chapters]
    allowed = BUDGET * CORES * slower
    for outcome in outcomes:
        # Processor time, because the clock also counts what other programs do meanwhile.
        if outcome.cpu_seconds is not None and outcome.cpu_seconds > allowed:
            outcome.problems.append(
                f"it used {outcome.cpu_seconds:.0f} s of processor time; {BUDGET} s on {CORES} cores of the "
                f"reference machine are {allowed:.0f} s on this one, which is {slower:.1f} times slower"
            )
    return outcomes


def _bands(chapters: tuple[Chapter, ...], console: Console, kinds: list[str]) -> bool:
    ok, slower = True, slowness()
    console.print(f"This machine takes {slower:.1f} times as long as the one for which the times are stated.")
    for kind in kinds:
        outcomes = check_results(chapters, _results(kind), slower)
        console.print(table(outcomes, PROFILE, f"Results of the {STAGES[kind]}, profile {PROFILE}"))
        for outcome in outcomes:
            if outcome.problems:
                console.print(
                    f"[bold red]{outcome.chapter.id}[/bold red]: {escape('; '.join(outcome.problems))}"
                )
        ok = ok and all(outcome.ok for outcome in outcomes)
    return ok


def run_tests(only: list[str] | None = None) -> bool:
    """Runs the stages, each whatever the others gave, and prints a summary.

    Args:
        only: names from `STAGES`; all of them by default. ``bands`` judges the notebooks that ran in this call, or
            if none did, the results that an earlier call left.

    Returns:
        True if no stage failed.

    Raises:
        ValueError: an unknown stage.
    """
    wanted = list(only or STAGES)
    for name in wanted:
        if name not in STAGES:
            raise ValueError(f"A stage must be one of {', '.join(STAGES)}. Received: {name!r}")
    console, chapters, summary = make_console(), load_manifest().chapters, []
    kinds = [kind for kind in ("shipped", "solved") if kind in wanted] or ["shipped", "solved"]
    run = {
        "unit": lambda: _pytest([*TWO_WORKERS, "tests", f"--ignore={IN_BROWSER}"]),
        "browser": _browser,
        "jax": _jax,
        "shipped": lambda: _shipped(chapters),
        "solved": lambda: _solved(chapters),
        "bands": lambda: _bands(chapters, console, kinds),
    }
    for name, title in STAGES.items():
        if name not in wanted:
            continue
        console.rule(f"{name}: {title}")
        began = time.monotonic()
        ok = run[name]()
        summary.append((name, ok, time.monotonic() - began))
    console.rule("summary")
    for name, ok, seconds in summary:
        verdict = "[green]passed[/green]" if ok else "[bold red]FAILED[/bold red]"
        console.print(f"{name:8} {STAGES[name]:40} {seconds:6.0f} s  {verdict}")
    passed = sum(ok for _, ok, _ in summary)
    console.print(f"stages: {passed} passed, {len(summary) - passed} failed")
    return passed == len(summary)
