"""Checksums of everything under ``data/``: read a file only if it is whole, and keep ``data/SHA256SUMS``."""

import hashlib
import re
import time
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path, PurePosixPath

from diffusion_course.course.lock import locked
from diffusion_course.course.paths import build_dir, data_dir
from diffusion_course.course.writing import write_together, write_whole

SUMS_NAME = "SHA256SUMS"
# The folders that `data/build.py` can make again; other files (weights) come back from git only.
BUILT_SETS = ("fashion_mnist", "mnist", "ecg5000", "clip_vocabulary")
PUBLISHING = 0.1  # seconds, more than the renaming of a few files takes

_ROW = re.compile(r"([0-9a-f]{64}) [ *](.+)")


class MissingFile(FileNotFoundError):
    """A file that the course ships, or was told to read, is not there."""


class DamagedFile(ValueError):
    """A file that the course ships, or was told to read, is there, but its content is not what it must be."""


def remedy(relative_path: str) -> str:
    """One sentence that tells how to get a file below ``data/`` back."""
    text = f"Restore it with `git checkout -- data/{relative_path}`"
    made_by = PurePosixPath(relative_path).parts[0]
    return f"{text} or `python data/build.py {made_by}`." if made_by in BUILT_SETS else f"{text}."


def _checked(relative_path: str) -> str:
    parts = PurePosixPath(relative_path).parts
    if not parts or "\\" in relative_path or ":" in relative_path or ".." in parts or parts[0] == "/":
        raise ValueError(
            f"A path must be relative to data/, with forward slashes and no `..`. Received: {relative_path!r}"
        )
    return "/".join(parts)


def read_sums() -> dict[str, str]:
    """The table of checksums.

    Returns:
        Path relative to ``data/`` (forward slashes) -> sha256 in lower-case hexadecimal.

    Raises:
        MissingFile: there is no ``data/SHA256SUMS``.
        DamagedFile: a line of it is not what ``sha256sum`` writes.
    """
    try:
        text = (data_dir() / SUMS_NAME).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise MissingFile(
            f"data/{SUMS_NAME} must be there. Received: no such file. {remedy(SUMS_NAME)}"
        ) from error
    except UnicodeDecodeError as error:
        raise DamagedFile(
            f"data/{SUMS_NAME} must be UTF-8 text. Received: {error}. {remedy(SUMS_NAME)}"
        ) from error
    sums = {}
    for number, line in enumerate(text.splitlines(), start=1):
        row = _ROW.fullmatch(line)
        if not row:
            raise DamagedFile(
                f"data/{SUMS_NAME}, line {number}, must be a sha256, two spaces and a path. "
                f"Received: {line!r}. {remedy(SUMS_NAME)}"
            )
        sums[_checked(row[2])] = row[1]
    return sums


def sha256_of(path: Path) -> str:
    """The sha256 of a file of any size, in lower-case hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _mismatch(name: str, expected: str, received: str, size: int) -> str:
    return (
        f"data/{name} must have sha256 {expected}. Received: {received}, {size} bytes "
        f"(cut short or changed). {remedy(name)}"
    )


def _missing(name: str) -> str:
    return f"data/{name} must be there. Received: no such file. {remedy(name)}"


def read_verified(relative_path: str) -> bytes:
    """Reads a shipped file and refuses it unless its sha256 is the one in ``data/SHA256SUMS``.

    Args:
        relative_path: path relative to ``data/``, with forward slashes.

    Returns:
        The whole content.

    Raises:
        MissingFile: the file, or the table of checksums, is not there.
        DamagedFile: the content is not what was shipped, or the table does not list the file.
        ValueError: the path leads out of ``data/``.
    """
    name = _checked(relative_path)
    try:
        return _read_verified(name)
    except DamagedFile:
        time.sleep(PUBLISHING)  # a moment in which new weights and a new table take the old ones' places?
        return _read_verified(name)


def _read_verified(name: str) -> bytes:
    sums = read_sums()
    try:
        content = (data_dir() / name).read_bytes()
    except FileNotFoundError as error:
        raise MissingFile(_missing(name)) from error
    if name not in sums:
        raise DamagedFile(
            f"data/{SUMS_NAME} must list every shipped file. Received: no line for {name}. {remedy(SUMS_NAME)}"
        )
    received = hashlib.sha256(content).hexdigest()
    if received != sums[name]:
        raise DamagedFile(_mismatch(name, sums[name], received, len(content)))
    return content


def verify_all() -> list[tuple[str, str | None]]:
    """Compares every file in ``data/SHA256SUMS`` with its checksum.

    Returns:
        (path relative to ``data/``, None or what is wrong with it and how to get it back), sorted by path.

    Raises:
        MissingFile, DamagedFile: the table itself is absent or unreadable.
    """
    report = []
    for name, expected in sorted(read_sums().items()):
        path = data_dir() / name
        if not path.is_file():
            report.append((name, _missing(name)))
            continue
        received = sha256_of(path)
        problem = None if received == expected else _mismatch(name, expected, received, path.stat().st_size)
        report.append((name, problem))
    return report


def update_sums(paths: Iterable[Path | str]) -> None:
    """Brings the rows of some files in ``data/SHA256SUMS`` up to date; all other rows stay, sorted by path.

    A file that is listed but no longer on disk loses its row.

    Args:
        paths: files below ``data/``, each absolute or relative to ``data/``.

    Raises:
        MissingFile: a file is neither on disk nor listed.
        ValueError: a file is not below ``data/``.
    """
    root = data_dir()
    with _table_locked():
        sums = _sums_so_far()
        for path in paths:
            path = Path(path)
            if path.is_absolute():
                if not path.resolve().is_relative_to(root):
                    raise ValueError(f"A listed file must lie below {root}. Received: {path}")
                path = path.resolve().relative_to(root)
            name = _checked(path.as_posix())
            if (root / name).is_file():
                sums[name] = sha256_of(root / name)
            elif name in sums:
                del sums[name]
            else:
                raise MissingFile(_missing(name))
        write_whole(root / SUMS_NAME, _table_of(sums))


def publish(contents: Mapping[str, bytes]) -> None:
    """Replaces files below ``data/`` and their rows in ``data/SHA256SUMS``: all of it or nothing.

    The table comes last. A reader that comes in between finds a checksum that does not fit, never wrong data.

    Args:
        contents: path relative to ``data/``, with forward slashes -> bytes. Text about a file (``.md``) has no row.

    Raises:
        ValueError: a path leads out of ``data/``.
    """
    named = {_checked(name): content for name, content in contents.items()}
    rows = {name: hashlib.sha256(c).hexdigest() for name, c in named.items() if not name.endswith(".md")}
    root = data_dir()
    with _table_locked():
        table = _table_of({**_sums_so_far(), **rows})
        write_together({**{root / name: c for name, c in named.items()}, root / SUMS_NAME: table})


def _table_locked() -> AbstractContextManager[None]:
    # Read, changed and written again: of two trainings that end at once, one would lose its row.
    return locked(build_dir() / f"{SUMS_NAME}.lock")


def _sums_so_far() -> dict[str, str]:
    return read_sums() if (data_dir() / SUMS_NAME).is_file() else {}


def _table_of(sums: dict[str, str]) -> bytes:
    # Bytes, not text: Windows would write other line ends, and the table would differ in git.
    return "".join(f"{sums[name]}  {name}\n" for name in sorted(sums)).encode()
