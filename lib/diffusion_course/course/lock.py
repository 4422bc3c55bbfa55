"""A lock between processes, for files that are read, changed and written again."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POLL = 0.05  # seconds between two tries


@contextmanager
def locked(path: Path, patience: float = 60.0) -> Iterator[None]:
    """Holds a lock while the block runs; whoever else asks for it waits.

    The operating system keeps the lock, not the file's existence: it ends with the process that holds it, however
    that ends, and no lock is left behind. The empty file stays.

    Args:
        path: the lock's file; its folder is made if needed.
        patience: seconds to wait for another holder.

    Raises:
        TimeoutError: another process held the lock all the time.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + patience
    with open(path, "a+b") as file:
        while not _try(file.fileno()):
            if time.monotonic() > end:
                raise TimeoutError(
                    f"The lock {path} must become free within {patience:g} s. Received: another process still "
                    "holds it; wait for that process, or end it"
                )
            time.sleep(POLL)
        try:
            yield
        finally:
            _release(file.fileno())


if os.name == "nt":
    import msvcrt

    def _try(number: int) -> bool:
        os.lseek(number, 0, os.SEEK_SET)
        try:
            msvcrt.locking(number, msvcrt.LK_NBLCK, 1)
        except OSError:  # held by another
            return False
        return True

    def _release(number: int) -> None:
        os.lseek(number, 0, os.SEEK_SET)
        msvcrt.locking(number, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try(number: int) -> bool:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # held by another
            return False
        return True

    def _release(number: int) -> None:
        fcntl.flock(number, fcntl.LOCK_UN)
