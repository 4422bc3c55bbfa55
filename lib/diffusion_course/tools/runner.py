"""Executes chapters in book order, collects what they measured, and says what went wrong."""

import logging
import os
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from nbformat import NotebookNode
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from diffusion_course.course import paths
from diffusion_course.course.manifest import Chapter, Manifest, check_profile, load_manifest
from diffusion_course.course.paths import build_dir, notebooks_dir
from diffusion_course.tools import notebooks, parallel
from diffusion_course.tools.child_environment import environment_of, run_environment
from diffusion_course.tools.results import Outcome, judge, result_path, table

# A busy or slow machine may take several times the minutes of the manifest; a chapter that hangs must still end.
TIME_FACTOR = 5
TIME_FLOOR = 300


def results_dir() -> Path:
    """The folder of `course.paths.results_dir`, made.

    Raises:
        paths.NotWritable: it cannot be made or written, and so no chapter could leave its result.
    """
    folder = paths.results_dir()
    if not paths.can_write(folder):
        raise paths.NotWritable(
            f"COURSE_RESULTS_DIR must be a folder that may be written. Received: {folder}"
        )
    return folder


def select(manifest: Manifest, ids: list[str]) -> list[Chapter]:
    """The chapters with these ids in book order; all of them for an empty list.

    Args:
        manifest: the course.
        ids: e.g. ``["01", "3"]``; one digit is read as ``03``.

    Raises:
        UnknownChapter: an id is not in the manifest; the message lists those that are.
    """
    wanted = {manifest.chapter(name.zfill(2)).id for name in ids}
    return [chapter for chapter in manifest.notebooks if not wanted or chapter.id in wanted]


def time_limit(chapter: Chapter, profile: str) -> float | None:
    """Seconds after which a chapter is stopped; None where the manifest gives no minutes."""
    minutes = chapter.minutes.get(profile)
    return max(TIME_FLOOR, minutes * 60 * TIME_FACTOR) if minutes else None


class _Watch:
    """Follows an execution: tells the progress bar, and remembers the cell that was running when it broke."""

    def __init__(self, tick=lambda done, total: None):
        self.tick, self.cell = tick, None

    def engine(self):
        """A papermill engine that reports to this object."""
        from papermill.engines import NBClientEngine

        watch = self

        class Engine(NBClientEngine):
            @classmethod
            def execute_managed_notebook(cls, nb_man, kernel_name, **kwargs):
                start, complete = nb_man.cell_start, nb_man.cell_complete
                total = len(nb_man.nb.cells)

                def cell_start(cell, cell_index=None, **rest):
                    watch.cell = nb_man.nb.cells[cell_index]
                    return start(cell, cell_index, **rest)

                def cell_complete(cell, cell_index=None, **rest):
                    watch.tick(cell_index + 1, total)
                    return complete(cell, cell_index, **rest)

                nb_man.cell_start, nb_man.cell_complete = cell_start, cell_complete
                return super().execute_managed_notebook(nb_man, kernel_name, **kwargs)

        return Engine


def _detail(source: NotebookNode | None, cell: NotebookNode | None, error: Exception) -> str:
    """The failing cell with its number in the shipped notebook, its source, and the traceback without colours."""
    from papermill.exceptions import PapermillExecutionError, strip_color

    if isinstance(error, PapermillExecutionError):
        trace = "\n".join(error.traceback) or f"{error.ename}: {error.evalue}"
    else:
        trace = f"{type(error).__name__}: {error}"
    if cell is None:
        return strip_color(trace)
    ids = [c.get("id") for c in source.cells]
    where = f"cell {ids.index(cell.id) + 1} of {len(ids)}" if cell.get("id") in ids else "the parameters cell"
    return f"{where}:\n\n{cell.source.rstrip()}\n\n{strip_color(trace)}"


def _execute(chapter: Chapter, profile: str, part: Path, limit: float | None, watch: _Watch) -> None:
    """Runs one notebook through papermill into ``part``; raises whatever stops it."""
    # papermill asks for its cloud storage clients on import, and warns about what it does not find.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import papermill
        from papermill.engines import papermill_engines
    logging.getLogger("papermill").setLevel(logging.ERROR)
    papermill_engines.register("diffusion-course", watch.engine())
    deadline = None if limit is None else time.monotonic() + limit
    source = notebooks_dir() / chapter.notebook
    own = run_environment(COURSE_PROFILE=profile, COURSE_RESULTS_DIR=str(results_dir()))
    with environment_of(own):
        papermill.execute_notebook(
            source,
            part,
            parameters={"profile": profile},
            engine_name="diffusion-course",
            kernel_name="python3",
            language="python",
            cwd=source.parent,
            progress_bar=False,
            # Each cell gets what is left of the chapter's time. nbclient reads 0 as "no limit".
            timeout_func=lambda cell: None if deadline is None else max(1, int(deadline - time.monotonic())),
            extra_arguments=["--IPKernelApp.log_level=40"],
        )


def run_chapter(
    chapter: Chapter, profile: str, *, limit: float | None = None, tick=lambda done, total: None
) -> Outcome:
    """Executes one chapter and judges its result.

    The executed copy is ``build/notebooks/NAME``; one that failed is ``build/failed/NAME``, and an older executed
    copy is removed with it, so that nobody takes that for the present state.

    Args:
        chapter: what to run.
        profile: ``quick``, ``standard`` or ``full``.
        limit: seconds; by default what `time_limit` allows.
        tick: called with (cells done, cells) after each cell.

    Returns:
        The outcome; a failure is a problem in it, not an exception.
    """
    done, failed = (build_dir() / folder / chapter.notebook for folder in ("notebooks", "failed"))
    part = build_dir() / "running" / chapter.notebook
    for path in (done, failed, part):
        path.parent.mkdir(exist_ok=True)
    result_path(results_dir(), chapter, profile).unlink(missing_ok=True)  # a stale result must not count
    outcome, watch, began, source = Outcome(chapter), _Watch(tick), time.monotonic(), None
    try:
        try:
            source = notebooks.read(notebooks_dir() / chapter.notebook)
            _execute(chapter, profile, part, limit or time_limit(chapter, profile), watch)
        except (
            Exception
        ) as error:  # papermill, nbclient and the kernel each have their own; all mean "failed"
            outcome.seconds = time.monotonic() - began
            done.unlink(missing_ok=True)
            if isinstance(error, FileNotFoundError) and source is None:
                outcome.problems.append(f"there is no notebooks/{chapter.notebook}")
            else:
                late = type(error).__name__ == "CellTimeoutError"
                broke = "a cell failed"
                if source is None:
                    broke = f"notebooks/{chapter.notebook} is no notebook that can be read"
                elif watch.cell is None:
                    broke = "it could not start"
                outcome.problems.append("it ran out of time" if late else broke)
                outcome.detail = _detail(source, watch.cell, error)
            if part.exists():
                os.replace(part, failed)
            return outcome
        outcome.seconds = time.monotonic() - began
        notebooks.write(notebooks.drop_injected_parameters(notebooks.read(part)), done)
        failed.unlink(missing_ok=True)
        return judge(outcome, results_dir(), profile)
    finally:
        part.unlink(missing_ok=True)


def make_console() -> Console:
    """A console; wide where nobody watches, because a log has no width of its own."""
    console = Console()
    return console if console.is_terminal else Console(width=140)


def print_failures(outcomes: list[Outcome], console: Console) -> None:
    """Says of each chapter with a problem what it is, with cell and traceback."""
    for outcome in outcomes:
        if outcome.ok:
            continue
        console.print(
            f"\n[bold red]Chapter {outcome.chapter.id}[/bold red]: {escape('; '.join(outcome.problems))}."
        )
        if outcome.detail:
            console.print(outcome.detail, markup=False, highlight=False, soft_wrap=True)
            console.print(
                f"The notebook as far as it came: {build_dir() / 'failed' / outcome.chapter.notebook}"
            )


class _Bars:
    """A progress bar for each chapter that runs, and a line for each that is done; without a terminal lines alone."""

    def __init__(self, profile: str, console: Console):
        self.profile, self.console, self.tasks = profile, console, {}
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("cells"))
        self.progress = Progress(
            *columns, TimeElapsedColumn(), console=console, transient=True, disable=not console.is_terminal
        )

    def __enter__(self):
        self.progress.start()
        return self

    def __exit__(self, *exception):
        self.progress.stop()

    def tick(self, chapter: Chapter, done: int, total: int | None) -> None:
        """Moves the bar of a chapter; its first tick starts it."""
        if chapter.id not in self.tasks:
            self.tasks[chapter.id] = self.progress.add_task(_name(chapter), total=None)
            if not self.console.is_terminal:
                self.console.print(f"{_name(chapter)} ({self.profile}) ...")
        self.progress.update(self.tasks[chapter.id], completed=done, total=total)

    def finish(self, outcome: Outcome) -> None:
        """Says how a chapter went, in place of its bar."""
        if outcome.chapter.id in self.tasks:
            self.progress.update(self.tasks[outcome.chapter.id], visible=False)
        verdict = (
            "[green]ok[/green]"
            if outcome.ok
            else f"[bold red]FAILED[/bold red]: {escape(outcome.problems[0])}"
        )
        self.console.print(f"{_name(outcome.chapter)}: {outcome.seconds:.0f} s, {verdict}")


def _name(chapter: Chapter) -> str:
    return f"{chapter.id} {chapter.title}"


def _outcomes(chapters: list[Chapter], profile: str, tick: Callable) -> Iterator[Outcome]:
    """Runs chapters, two at a time where that is faster, and yields their outcomes in book order."""
    together = parallel.at_a_time(profile, len(chapters))
    if together > 1:
        yield from parallel.run_together(partial(run_chapter, profile=profile), chapters, together, tick)
        return
    for chapter in chapters:
        tick(chapter, 0, None)
        yield run_chapter(chapter, profile, tick=partial(tick, chapter))


def run_course(ids: list[str], profile: str, *, book: bool = True, console: Console | None = None) -> bool:
    """Executes chapters with a progress bar each, prints the table of results, and builds the book.

    Args:
        ids: chapters; all for an empty list.
        profile: ``quick``, ``standard`` or ``full``.
        book: whether to build the book at the end.
        console: where to print.

    Returns:
        True if every chapter ran, reported what it promised and stayed inside its bands, and the book was built.

    Raises:
        UnknownChapter: no such chapter.
        ValueError: no such profile.
    """
    manifest, console = load_manifest(), console or make_console()
    chapters = select(manifest, ids)
    check_profile(profile)
    outcomes = []
    with _Bars(profile, console) as bars:
        for outcome in _outcomes(chapters, profile, bars.tick):
            outcomes.append(outcome)
            bars.finish(outcome)
    console.print()
    console.print(table(outcomes, profile, f"Results, profile {profile}"))
    print_failures(outcomes, console)
    own = paths.course_root() / "build"
    if build_dir() != own:
        console.print(f"{own} may not be written. Everything is in {build_dir()} instead.", soft_wrap=True)
    ok = all(outcome.ok for outcome in outcomes)
    return (_book(console) if book else True) and ok


def _book(console: Console) -> bool:
    from diffusion_course.tools.book import build_book

    try:
        path = build_book(build_dir() / "notebooks")
    except Exception as error:  # the results above stand; say why there is no book, and fail
        console.print(
            f"\n[bold red]The book was not built[/bold red]: {escape(f'{type(error).__name__}: {error}')}"
        )
        return False
    console.print("\nThe book is ready. Open this file in a browser:")
    console.print(str(path), soft_wrap=True)
    return True
