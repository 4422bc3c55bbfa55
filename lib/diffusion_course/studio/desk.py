"""Where wishes are handed in. One thread paints, one wish at a time, and the newest wins.

A new wish ends the one that is being painted, at its next step, and replaces one that waits; whoever asked for that
one is told so ("cancelled"). So a slider that is dragged never builds up a queue, and the machine never paints twice at
the same time. Who leaves cancels his wish, and the thread rests.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from diffusion_course.studio.engine import Engine
from diffusion_course.studio.wishes import Wish

Tell = Callable[[dict], None]


@dataclass(eq=False)
class Job:
    """A wish that was handed in.

    Attributes:
        wish: what to paint.
        tell: called with each event of `Engine.paint`, in the working thread; and at the end, if it does not come to
            "done", with one of kind "cancelled" or "failed" and a ``message``. If it raises, nobody listens any more,
            and the job is cancelled.
        done: set once nothing more will be told.
    """

    wish: Wish
    tell: Tell
    done: threading.Event = field(default_factory=threading.Event)
    _cancelled: threading.Event = field(default_factory=threading.Event)

    def cancel(self) -> None:
        """Ends it at its next step; without effect once it is done."""
        self._cancelled.set()

    def run(self, engine: Engine) -> None:
        """Paints and tells, in the calling thread."""
        try:
            if not self._cancelled.is_set():
                for event in engine.paint(self.wish):
                    if self._cancelled.is_set():
                        break
                    self.tell(event)
            if self._cancelled.is_set():
                self.tell({"kind": "cancelled", "message": "Another picture was asked for, or nobody waits."})
        except (
            Exception
        ) as error:  # what goes wrong is told where it was asked for, and the next wish is painted
            logging.getLogger(__name__).debug("Painting ended", exc_info=True)
            try:
                self.tell({"kind": "failed", "message": f"{type(error).__name__}: {error}"})
            except Exception:
                logging.getLogger(__name__).debug("Nobody listens", exc_info=True)
        finally:
            self.done.set()


class Desk:
    """Takes wishes and has them painted, one at a time; a context manager that closes it.

    Args:
        engine: what paints.
    """

    def __init__(self, engine: Engine):
        self.engine = engine
        self._changed = threading.Condition()
        self._waiting: Job | None = None
        self._running: Job | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="studio", daemon=True)
        self._thread.start()

    def __enter__(self) -> "Desk":
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def hand_in(self, asked, tell: Tell) -> Job:
        """Has a wish painted, at once; earlier ones end.

        Args:
            asked: as in `wishes.wish`.
            tell: see `Job`.

        Raises:
            Refused: it breaks a rule; what was being painted goes on.
            RuntimeError: the desk is closed.
        """
        job = Job(self.engine.check(asked), tell)
        with self._changed:
            if self._closed:
                raise RuntimeError("The studio is closed.")
            replaced, self._waiting = self._waiting, job
            if self._running is not None:
                self._running.cancel()
            self._changed.notify()
        if replaced is not None:
            replaced.cancel()
            replaced.run(self.engine)  # which tells of it, and paints nothing
        return job

    def close(self) -> None:
        """Ends what is painted, and the thread."""
        with self._changed:
            self._closed = True
            for job in (self._waiting, self._running):
                if job is not None:
                    job.cancel()
            self._changed.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout=60)

    def _work(self) -> None:
        while True:
            with self._changed:
                while self._waiting is None and not self._closed:
                    self._changed.wait()
                if self._waiting is None:
                    return
                self._running, self._waiting = self._waiting, None
            self._running.run(self.engine)
            with self._changed:
                self._running = None
