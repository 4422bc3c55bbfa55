"""Two chapters at a time: whether, in which order, and with how many threads each.

A chapter of the quick profile spends much of its time where one core works alone: Python, compilation, small tensors.
"""

import multiprocessing
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import psutil

from diffusion_course.course.manifest import Chapter
from diffusion_course.tools.results import Outcome

AT_A_TIME = 2
MEMORY = 3 * 10**9  # bytes that a chapter may take in the quick profile
# What two processes cost each other: cores are often two threads of one, and each program then takes up to two fifths
# more processor time than alone.
CROWDED = 1.4

_queue = None  # in a worker: where its ticks go


def _has_gpu() -> bool:
    """Whether there seems to be an NVIDIA GPU that the notebooks would use."""
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return False
    return Path("/dev/nvidia0").exists() or shutil.which("nvidia-smi") is not None


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def at_a_time(profile: str, chapters: int) -> int:
    """How many chapters run at a time, 1 or 2.

    Two only in the quick profile, because longer training keeps all cores busy by itself; where there are two cores
    and memory for both; and not on a GPU, whose memory the first one takes whole.

    Args:
        profile: ``quick``, ``standard`` or ``full``.
        chapters: how many there are to run.
    """
    if profile != "quick" or chapters < 2 or _cores() < AT_A_TIME or _has_gpu():
        return 1
    return AT_A_TIME if psutil.virtual_memory().available >= AT_A_TIME * MEMORY else 1


def thread_limits(together: int) -> dict[str, str]:
    """Environment variables that give each of ``together`` processes its share of the cores; none for one process.

    What the user has set stays.
    """
    if together == 1:
        return {}
    share = str(max(1, _cores() // together))
    names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return {name: os.environ.get(name, share) for name in names}


def longest_first(chapters: Iterable[Chapter]) -> list[Chapter]:
    """The chapters by the minutes that they take in the standard profile, so that no long one is left to the end."""
    return sorted(chapters, key=lambda chapter: -chapter.minutes.get("standard", 0))


def _begin(queue, variables: dict[str, str]) -> None:
    global _queue
    _queue = queue
    os.environ.update(variables)


def _work(run: Callable, chapter: Chapter) -> Outcome:
    _queue.put((chapter, 0, None))
    return run(chapter, tick=lambda done, total: _queue.put((chapter, done, total)))


def run_together(
    run: Callable[..., Outcome],
    chapters: list[Chapter],
    together: int,
    tick: Callable[[Chapter, int, int | None], None] = lambda chapter, done, total: None,
) -> Iterator[Outcome]:
    """Runs chapters in processes of their own, the longest first, and yields their outcomes in book order.

    Args:
        run: takes a chapter and ``tick``, a function of (cells done, cells); it must be a module's function, or a
            `functools.partial` of one, because it travels to another process.
        chapters: in book order.
        together: how many at a time.
        tick: called with (chapter, cells done, cells) when a chapter begins and after each cell, in another thread.

    Yields:
        One outcome per chapter; a process that died is a problem in it.
    """
    context = multiprocessing.get_context("spawn")
    queue = context.SimpleQueue()

    def follow() -> None:
        while (message := queue.get()) is not None:
            tick(*message)

    follower = threading.Thread(target=follow, daemon=True)
    follower.start()
    pool = ProcessPoolExecutor(
        together, mp_context=context, initializer=_begin, initargs=(queue, thread_limits(together))
    )
    try:
        started = {c.id: pool.submit(_work, run, c) for c in longest_first(chapters)}
        for chapter in chapters:
            try:
                yield started[chapter.id].result()
            except BrokenProcessPool:
                problem = "a process that ran chapters was ended from outside, perhaps for want of memory"
                yield Outcome(chapter, seconds=0.0, problems=[problem])
    finally:
        pool.shutdown(cancel_futures=True)
        queue.put(None)
        follower.join()
