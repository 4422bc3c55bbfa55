"""Where the course's files are: the one place that knows the repository's layout on disk."""

import hashlib
import os
import tempfile
from pathlib import Path

import platformdirs


class NotWritable(PermissionError):
    """A folder that the course must write to may not be written."""


def course_root() -> Path:
    """The folder that holds ``book.toml``, ``notebooks/`` and ``data/``.

    ``DIFFUSION_COURSE_HOME`` overrides it; without that, it is found from where this package lies (the package
    is installed in editable mode, so it lies in the repository).

    Returns:
        An absolute path.

    Raises:
        FileNotFoundError: the folder holds no ``book.toml``.
    """
    home = os.environ.get("DIFFUSION_COURSE_HOME")
    root = Path(home).expanduser().resolve() if home else Path(__file__).resolve().parents[3]
    if not (root / "book.toml").is_file():
        raise FileNotFoundError(
            "The course's folder must hold `book.toml`. Install the package from a clone with "
            "`pip install -e .`, or set DIFFUSION_COURSE_HOME to the clone. "
            f"Received: {root}"
        )
    return root


def data_dir() -> Path:
    """The folder with data sets and weights (see ``data/LICENSES.md``)."""
    return course_root() / "data"


def notebooks_dir() -> Path:
    """The folder with the chapters."""
    return course_root() / "notebooks"


def build_dir() -> Path:
    """The folder for everything that a run produces; safe to delete, and created on demand.

    It is ``build/`` in the course's folder. Where that may not be written (a course shared in a classroom, a
    read-only volume of a container), it is a folder of the user's instead: see `spare_dir`.
    """
    folder = course_root() / "build"
    return folder if can_write(folder) else spare_dir()


def spare_dir() -> Path:
    """A folder that stands in for ``build/``: in the user's cache, or in the system's folder for temporary files.

    It belongs to this one course folder, so that two of them do not mix, and every process finds the same.

    Raises:
        NotWritable: neither may be written.
    """
    root = course_root()
    name = f"{root.name or 'course'}-{hashlib.sha256(str(root).encode()).hexdigest()[:8]}"
    user = hashlib.sha256(os.path.expanduser("~").encode()).hexdigest()[
        :8
    ]  # another user's folder is closed to us
    temporary = Path(tempfile.gettempdir(), f"diffusion-course-{user}")
    for base in (platformdirs.user_cache_path("diffusion-course"), temporary):
        if can_write(base / name):
            return base / name
    raise NotWritable(
        "The course needs a folder that it may write: `build` beside book.toml, the user's cache, or the system's "
        f"folder for temporary files. Received: none of {root / 'build'}, {platformdirs.user_cache_path()}, "
        f"{temporary} may be written"
    )


def results_dir() -> Path:
    """Where chapters leave their results: the folder ``COURSE_RESULTS_DIR``, or ``build/results``; absolute."""
    named = os.environ.get("COURSE_RESULTS_DIR")
    return Path(named).expanduser().absolute() if named else build_dir() / "results"


def can_write(folder: Path) -> bool:
    """Whether files can be made in a folder, which is made if it is not there.

    Tried, not asked for: permissions do not tell of a read-only disk, and on Windows of nothing.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
