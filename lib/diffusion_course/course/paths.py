"""Where the course's files are: the one place that knows the repository's layout on disk."""

import os
from pathlib import Path


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
    """The folder for everything that a run produces; safe to delete, and created on demand."""
    path = course_root() / "build"
    path.mkdir(exist_ok=True)
    return path
