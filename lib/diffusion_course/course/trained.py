"""Which trained files count: those that ship with the course, or those that a longer training has made so far."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path, PurePosixPath

from diffusion_course.course.files import MissingFile, read_verified

_RUN: ContextVar[tuple[Path, frozenset[str]] | None] = ContextVar("run", default=None)


@contextmanager
def trained_in(folder: Path, awaited: Collection[str] = ()) -> Iterator[None]:
    """Inside, what was trained into a folder takes the place of the shipped file of that name; all others stay.

    Args:
        folder: with e.g. ``clip-scenes.safetensors`` and ``tokenizer-scenes.json``, as `recipes.train` writes them.
        awaited: names of presets whose shipped weights must not be used, because the run that fills the folder makes
            them too. To ask for one before it is there is a mistake in the order, and no reason to take an older one.
    """
    token = _RUN.set((Path(folder), frozenset(awaited)))
    try:
        yield
    finally:
        _RUN.reset(token)


def training_folder() -> Path | None:
    """The folder of `trained_in`; None outside of it. For caches: what was loaded in one is wrong in another."""
    run = _RUN.get()
    return None if run is None else run[0]


def read_trained(relative_path: str) -> bytes:
    """Reads a file that a training made: of the run of `trained_in` if it is there, else as it ships.

    Args:
        relative_path: path relative to ``data/``, with forward slashes.

    Returns:
        The whole content.

    Raises:
        MissingFile: it is not there, or it is awaited of a run that has not made it yet.
        DamagedFile, ValueError: as `course.files.read_verified`.
    """
    if (run := _RUN.get()) is None:
        return read_verified(relative_path)
    folder, awaited = run
    name = PurePosixPath(relative_path).name
    if (folder / name).is_file():
        return (folder / name).read_bytes()
    if PurePosixPath(name).stem in awaited:
        raise MissingFile(
            f"{folder / name} must be trained before what goes on from it: list it in the `needs` of that recipe. "
            "Received: no such file"
        )
    return read_verified(relative_path)
