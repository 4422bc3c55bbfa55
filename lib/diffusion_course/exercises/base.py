"""Exercises that check themselves: the machinery. The exercises of each chapter lie beside it, one module each."""

import inspect
import os
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.text import Text


class ExerciseFailed(AssertionError):
    """In strict mode (``COURSE_STRICT=1``): an exercise was not attempted or its answer is wrong."""


class Wrong(Exception):
    """Raised inside a test to say that an answer is wrong; the message is the hint for the learner."""


def expect(condition: bool, hint: str) -> None:
    """Raises `Wrong` with that hint unless ``condition`` holds."""
    if not condition:
        raise Wrong(hint)


@dataclass(frozen=True)
class Exercise:
    """One exercise with its reference solution and its test.

    Calling it with the learner's answer gives back what the notebook goes on with: the answer if it is right,
    the reference if it is wrong or was not attempted.

    Attributes:
        number: e.g. ``"01.2"``.
        reference: the solution, a function; its name is the name that the exercise cell defines.
        test: takes an answer; raises `Wrong` with a hint when it is wrong.
        wrong: name -> (a typical wrong answer, words that its hint must hold). Used by the tests of the course.
    """

    number: str
    reference: Callable
    test: Callable[[Callable], None]
    wrong: dict[str, tuple[Callable, str]] = field(default_factory=dict)

    def hint_for(self, answer: Callable) -> str | None:
        """The hint that ``answer`` earns, or None if it is right.

        Raises:
            NotImplementedError: the answer is still the empty one.
        """
        try:
            self.test(answer)
        except NotImplementedError:
            raise
        except Wrong as wrong:
            return str(wrong)
        except Exception as error:  # an answer may fail in any way; its author gets told how
            return f"Your answer raised {type(error).__name__}: {error}"
        return None

    def __call__(self, answer: Callable) -> Any:
        """Tests ``answer``, prints the verdict, and returns what the notebook goes on with.

        Raises:
            ExerciseFailed: in strict mode, unless the answer is right.
        """
        try:
            hint = self.hint_for(answer)
        except NotImplementedError:
            hint = "not attempted yet."
            self._say("○", "cyan", f"{hint} The reference solution is used from here on.")
        else:
            if hint is None:
                self._say("✓", "green", "right.")
                return answer
            self._say("✗", "red", f"{hint} The reference solution is used from here on.")
        if os.environ.get("COURSE_STRICT") == "1":
            raise ExerciseFailed(f"Exercise {self.number} ({self.reference.__name__}): {hint}")
        return self.reference

    def reveal(self) -> None:
        """Prints the reference solution."""
        from rich.syntax import Syntax

        Console().print(
            Syntax(self.solution_source(), "python", theme="friendly", background_color="default")
        )

    def solution_source(self) -> str:
        """The reference solution's source, ready to stand in a cell."""
        return textwrap.dedent(inspect.getsource(self.reference))

    def _say(self, sign: str, colour: str, text: str) -> None:
        Console().print(Text.assemble((f"{sign} Exercise {self.number}: ", f"bold {colour}"), text))


def register(*exercises: Exercise) -> dict[str, Exercise]:
    """The ``EXERCISES`` table of a chapter: the name that the exercise cell defines -> Exercise."""
    return {exercise.reference.__name__: exercise for exercise in exercises}
