"""Writing files so that a reader finds the old content or the new, never half of it."""

import os
import shutil
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replace_when_whole(path: Path) -> Iterator[Path]:
    """Lends a path beside a file to write to, and renames it when the block ends without an error.

    A reader sees the old content or the new, never half of it; after an error the old file stands as it was.

    Args:
        path: the file; its folder is made if needed.

    Yields:
        The path to write to; it need not exist yet.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = _beside(path, "part")
    try:
        yield aside
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file aside, then renames it: a reader sees the old content or the new, never half of it.

    Args:
        path: the file; its folder is made if needed.
        content: the bytes.
    """
    with replace_when_whole(path) as aside:
        aside.write_bytes(content)


def write_together(contents: Mapping[Path, bytes]) -> None:
    """Replaces several files, all of them or none.

    All new files are whole before the first old one goes. If a renaming fails, those before it are undone; Ctrl-C
    takes effect before or after all of them.

    Args:
        contents: path -> bytes, in the order in which they are renamed; folders are made if needed.
    """
    paths = [Path(path) for path in contents]
    asides, backups = ({path: _beside(path, end) for path in paths} for end in ("part", "old"))
    replaced = []
    try:
        for path, content in zip(paths, contents.values(), strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            asides[path].write_bytes(content)
            if path.exists():
                shutil.copy2(path, backups[path])
        with _undisturbed():
            try:
                for path in paths:
                    replaced.append(path)
                    os.replace(asides[path], path)
            except BaseException:
                for path in reversed(replaced):
                    if backups[path].exists():
                        os.replace(backups[path], path)
                    elif not asides[path].exists():  # it was renamed, and there was no file before
                        path.unlink(missing_ok=True)
                raise
    finally:
        for path in (*asides.values(), *backups.values()):
            path.unlink(missing_ok=True)


def _beside(path: Path, end: str) -> Path:
    return path.with_name(f"{path.name}.{os.getpid()}.{end}")


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Delays Ctrl-C and a request to end until the block is done; only a main thread gets them at all."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    seen = []
    kinds = (signal.SIGINT, signal.SIGTERM)
    before = {kind: signal.signal(kind, lambda number, frame: seen.append(number)) for kind in kinds}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, signal.SIG_DFL if handler is None else handler)
        if seen:
            signal.raise_signal(seen[0])
