"""The command ``diffusion-course``; ``make`` calls nothing else."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer

from diffusion_course.course.manifest import UnknownChapter, check_profile, load_manifest
from diffusion_course.course.paths import NotWritable, build_dir, course_root, notebooks_dir

app = typer.Typer(
    help="From Autoencoders to Stable Diffusion: run, read and test the course.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _before_every_command() -> None:
    """From Autoencoders to Stable Diffusion: run, read and test the course."""
    for stream in (sys.stdout, sys.stderr):
        # A console in another encoding than UTF-8 lacks some characters; none of them is worth the run that it ends.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _end)


def _end(number: int, frame: object) -> None:
    """Ends with all programs that this one started: Python alone would leave chapters and tests running."""
    import psutil

    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # it has ended by itself
            child.terminate()
    sys.exit(128 + number)


Chapters = Annotated[
    list[str] | None, typer.Argument(help="Chapters such as 01 03; all of them if none is given.")
]
Profile = Annotated[str, typer.Option(envvar="COURSE_PROFILE", help="quick, standard or full.")]


@contextmanager
def _usage_errors() -> Iterator[None]:
    """Turns a refused argument into its message and exit code 2, as for any other wrong use of the command."""
    try:
        yield
    except (UnknownChapter, NotWritable, _Refused) as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(2) from error


class _Refused(ValueError):
    """An argument breaks a rule; the message states it."""


def _checked_profile(profile: str) -> str:
    try:
        return check_profile(profile)
    except ValueError as error:
        raise _Refused(str(error)) from error


def _exit(ok: bool) -> None:
    raise typer.Exit(0 if ok else 1)


@app.command()
def run(
    chapters: Chapters = None,
    profile: Profile = "standard",
    book: Annotated[bool, typer.Option(help="Build the book from the executed notebooks.")] = True,
) -> None:
    """Execute chapters in book order, compare their results with what they promise, and build the book."""
    from diffusion_course.tools import runner

    with _usage_errors():
        _checked_profile(profile)
        runner.select(load_manifest(), chapters or [])
        runner.results_dir()
    _exit(runner.run_course(chapters or [], profile, book=book))


@app.command()
def lab(
    port: Annotated[int, typer.Option(min=1, max=65535, help="The first port to try.")] = 8888,
    profile: Profile = "standard",
    browser: Annotated[bool, typer.Option(help="Open a browser window.")] = True,
) -> None:
    """Open the course in JupyterLab, on this machine only."""
    from diffusion_course.tools.lab import lab_command, run_lab

    with _usage_errors():
        _checked_profile(profile)
    first = notebooks_dir() / load_manifest().chapters[0].notebook
    command = lab_command(course_root(), first, port=port, browser=browser)
    raise typer.Exit(run_lab(command, course_root(), profile))


@app.command()
def test(
    only: Annotated[
        list[str] | None,
        typer.Option(help="Run one stage (repeatable): unit, browser, jax, notebooks or bands."),
    ] = None,
    every: Annotated[
        bool,
        typer.Option("--all", help="Also the slow tests: cards, untrained values, all presets, benchmarks."),
    ] = False,
) -> None:
    """Run unit tests, widgets in a browser, the library on JAX, and all notebooks; judge their results."""
    from diffusion_course.tools import testing

    with _usage_errors():
        unknown = [name for name in only or [] if name not in testing.STAGES]
        if unknown:
            raise _Refused(f"A stage must be one of {', '.join(testing.STAGES)}. Received: {unknown[0]!r}")
    _exit(testing.run_tests(only, every))


@app.command()
def book() -> None:
    """Build the book: from the executed notebooks where there are any, else from the committed ones."""
    from diffusion_course.tools.book import BookError, build_book

    executed = build_dir() / "notebooks"
    try:
        path = build_book(executed if executed.is_dir() else None)
    except BookError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"The book is ready. Open this file in a browser:\n{path}")


@app.command()
def doctor() -> None:
    """Check Python, TensorFlow, devices, memory, data and tools; say what to do where something is wrong."""
    from diffusion_course.tools.doctor import report
    from diffusion_course.tools.runner import make_console

    _exit(report(make_console()))


@app.command()
def clean_notebooks(
    chapters: Chapters = None,
    source: Annotated[
        Path | None,
        typer.Option("--from", help="Folder with executed copies that replace the committed notebooks."),
    ] = None,
    profile: Annotated[str, typer.Option(help="The profile that the copies must have run in.")] = "standard",
) -> None:
    """Normalise committed notebooks for git, or replace them by executed copies, normalised."""
    from diffusion_course.tools import notebooks, runner

    with _usage_errors():
        _checked_profile(profile)
        selected = runner.select(load_manifest(), chapters or [])
    ok = True
    for chapter in selected:
        target = notebooks_dir() / chapter.notebook
        try:
            changed = notebooks.clean_file(target, source / chapter.notebook if source else None, profile)
        except (OSError, ValueError) as error:
            typer.echo(f"{chapter.notebook}: {error}", err=True)
            ok = False
        else:
            size = target.stat().st_size
            typer.echo(f"{chapter.notebook}: {'written' if changed else 'unchanged'}, {size / 1000:.0f} kB")
    _exit(ok)


@app.command()
def handout(
    chapters: Chapters = None,
    out: Annotated[Path, typer.Option(help="Folder to write to; made if it is missing.")] = Path("handout"),
) -> None:
    """Write the notebooks for a class: the exercises, without results, answers and the way to the solutions."""
    from diffusion_course.tools.handout import hand_out

    try:
        written = hand_out(out, chapters or [])
    except (ValueError, OSError) as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(2 if isinstance(error, ValueError) else 1) from error
    typer.echo(f"{len(written)} notebooks in {out}")


@app.command()
def train(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Recipes, one per weight file; or scenes, all of text to image from nothing."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Train every recipe.")] = False,
    # Not from COURSE_PROFILE: set for a notebook, it would decide how the shipped weights are made.
    profile: Annotated[str, typer.Option(help="quick (with --folder only), standard or full.")] = "standard",
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1)] = 0,
    folder: Annotated[  # text: an empty one would be the current folder as a path
        str | None, typer.Option(help="Write weights and cards there; into data/weights without it.")
    ] = None,
    devices: Annotated[int, typer.Option(help="How many GPUs share each batch.")] = 1,
    dtype: Annotated[
        str | None,
        typer.Option(help="float32, mixed_float16 or mixed_bfloat16; full takes what suits the GPU."),
    ] = None,
) -> None:
    """Train weights, and publish them with model card and checksum once they are measured."""
    from diffusion_course.backend import load_quietly

    load_quietly()
    from diffusion_course import recipes
    from diffusion_course.recipes.groups import GROUPS, members_of, train_group

    known = (*recipes.names(every=True), *GROUPS)
    with _usage_errors():
        _checked_profile(profile)
        unknown = [name for name in names or [] if name not in known]
        if unknown or bool(names) == every:
            received = unknown[0] if unknown else ("names and --all" if every else "no name")
            raise _Refused(f"A recipe must be one of {', '.join(known)}, or --all. Received: {received}")
        asked = recipes.names() if every else [part for name in names for part in members_of(name)]
        how = {"devices": devices, "dtype": dtype}
        try:
            recipes.check_training(profile, seed, folder, asked, **how)
        except ValueError as error:
            raise _Refused(str(error)) from error
    for name in recipes.names() if every else names:
        if name in GROUPS:
            found = train_group(name, profile, seed, folder, say=typer.echo, **how)
        else:
            typer.echo(f"{name}: training, profile {profile}, seed {seed}")
            found = {name: recipes.train(name, profile, seed, folder, **how)}
        for made, metrics in found.items():
            typer.echo(f"{made}: " + ", ".join(f"{metric} {value:.5g}" for metric, value in metrics.items()))


@app.command()
def paint(
    prompt: Annotated[str | None, typer.Argument(help="What to paint.")] = None,
    out: Annotated[Path, typer.Option(help="PNG file to write; with --prompts the folder.")] = Path(
        "painting.png"
    ),
    prompts: Annotated[
        Path | None, typer.Option(help="Text file with a prompt on each line; writes 0000.png and so on.")
    ] = None,
    negative: Annotated[str | None, typer.Option(help="What to lead away from.")] = None,
    guidance: Annotated[float | None, typer.Option(help="Guidance scale; 1 is off.")] = None,
    steps: Annotated[int | None, typer.Option(help="Steps of the sampler.")] = None,
    seed: Annotated[int, typer.Option(help="Another one gives other pictures.")] = 0,
    sampler: Annotated[str | None, typer.Option(help="dpm, dpm-ode, ddim or ddpm.")] = None,
    init: Annotated[Path | None, typer.Option(help="Picture to begin with.")] = None,
    strength: Annotated[
        float | None, typer.Option(help="With --init, 0 to 1: 0 gives the picture back, 1 paints anew.")
    ] = None,
    mask: Annotated[
        Path | None, typer.Option(help="With --init: white where to paint, black where the picture stays.")
    ] = None,
    film: Annotated[Path | None, typer.Option(help="Also write the steps, as animated .gif or .png.")] = None,
    size: Annotated[
        int | None, typer.Option(help="Side in pixels, a multiple of 32; of 64 with --weights.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Preset, or sd-1 or sd-2; by default the best that is there.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="With sd-1 or sd-2: folder with the published weights.")
    ] = None,
) -> None:
    """Paint pictures from words, with the course's text-to-image model, or with Stable Diffusion if you have it."""
    from diffusion_course.course.files import DamagedFile, MissingFile
    from diffusion_course.tools import paint as painting

    given = {"negative": negative, "guidance_scale": guidance, "steps": steps, "sampler": sampler}
    given = {name: value for name, value in given.items() if value is not None}
    try:
        files = {"film": film, "init": init, "mask": mask}
        job = painting.order(
            *(prompt, prompts, out),
            **files,
            strength=strength,
            size=size,
            model=model,
            weights=weights,
            seed=seed,
            **given,
        )
        from diffusion_course.backend import load_quietly

        load_quietly()
        with painting.told_warnings(lambda message: typer.echo(f"Warning: {message}", err=True)):
            written = painting.paint(job, callback=_progress())
    except (ValueError, MissingFile, DamagedFile, OSError) as error:
        typer.echo(f"Error: {error}", err=True)
        refused = isinstance(error, ValueError) and not isinstance(error, DamagedFile)
        raise typer.Exit(2 if refused else 1) from error
    typer.echo(
        str(written[0]) if len(written) == 1 else f"{len(written)} files: {written[0]} to {written[-1]}"
    )


@app.command()
def studio(
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = 8899,
    model: Annotated[str | None, typer.Option(help="Preset; by default the best one there is.")] = None,
    browser: Annotated[bool, typer.Option(help="Open a browser window.")] = True,
) -> None:
    """Open the studio: a page on this machine only that paints what you type, step by step."""
    from diffusion_course.course.files import DamagedFile, MissingFile
    from diffusion_course.tools.studio import run_studio

    try:
        run_studio(port, model=model, browser=browser, say=typer.echo)
    except (ValueError, MissingFile, DamagedFile, OSError) as error:
        typer.echo(f"Error: {error}", err=True)
        refused = isinstance(error, ValueError) and not isinstance(error, DamagedFile)
        raise typer.Exit(2 if refused else 1) from error


def _progress():
    """A callback that draws a bar, where somebody looks on."""
    if not sys.stderr.isatty():
        return None

    def show(done: int, of: int) -> None:
        filled = 30 * done // of
        bar = "#" * filled + "-" * (30 - filled)
        typer.echo(f"\r{bar} {done} of {of} steps" + ("\n" if done == of else ""), err=True, nl=False)

    return show


if __name__ == "__main__":
    app()
