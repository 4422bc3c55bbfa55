"""Exercises that check themselves: what an exercise is, and the one judge of all answers.

An exercise is data: a reference solution, cases to try an answer on, and the usual wrong answers by name, with a
hint for each. Nothing else is written per exercise. A chapter's module fills the table ``EXERCISES`` with them:

    >>> def mean_square(x, y):
    ...     return ((x - y) ** 2).mean()
    >>> exercise = Exercise(
    ...     "99.1",
    ...     mean_square,
    ...     cases=[(np.array([1.0, 2.0]), np.array([0.0, 4.0])), (np.ones(3), np.zeros(3))],
    ...     wrong={
    ...         "sum": lambda x, y: ((x - y) ** 2).sum(),
    ...         "not squared": lambda x, y: (x - y).mean(),
    ...     },
    ...     hints={
    ...         "sum": "divide by the number of values.",
    ...         "not squared": "square the differences: a mean of squares is never negative.",
    ...     },
    ...     kinds={"not squared": lambda got, want, x, y: got < 0},
    ... )
    >>> exercise.hint_for(lambda x, y: np.mean(np.square(y - x))) is None  # right
    True
    >>> exercise.hint_for(lambda x, y: np.sum((y - x) ** 2))
    'divide by the number of values. Expected 2.5. Got 5.'
    >>> exercise.hint_for(lambda x, y: -1)  # by its kind
    'square the differences: a mean of squares is never negative. Expected 2.5. Got -1.'
    >>> exercise.hint_for(lambda x, y: (x - y) ** 2)
    'the result must be one number. Got shape (2,).'
    >>> exercise.hint_for(lambda x, y: 2.25)
    'x=[1., 2.], y=[0., 4.]: expected 2.5. Got 2.25.'

The judge calls the answer on a fresh copy of each case and stops at the first case whose result is not the
reference's. There it gives the hint of the wrong answer that has the same result: of several, the one that agrees
with the answer on most cases, and of these the first. A wrong answer in ``kinds`` is the example of a whole kind:
its hint goes to every result of the right shape that the test in ``kinds`` holds for.
"""

import inspect
import os
import textwrap
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import islice
from numbers import Number
from typing import Any

import numpy as np
from rich.console import Console
from rich.text import Text

LONGEST = 100_000  # items that the judge reads from an iterator, which may have no end
NOT_REPEATABLE = "the same arguments give another result each time: use what is given; do not draw your own."


class ExerciseFailed(AssertionError):
    """In strict mode (``COURSE_STRICT=1``): an exercise was not attempted or its answer is wrong."""


@dataclass(frozen=True)
class Exercise:
    """One exercise with its reference solution, its cases and the wrong answers that we have met.

    Calling it with the learner's answer gives back what the notebook goes on with: the answer if it is right,
    the reference if it is wrong or was not attempted.

    Attributes:
        number: e.g. ``"01.2"``.
        reference: the solution, a function; its name is the name that the exercise cell defines.
        cases: tuples of arguments, or a function that makes them.
        wrong: name -> a wrong answer.
        hints: name -> what its author is told.
        kinds: name -> a test ``(got, want, *args) -> bool`` of wrong results, in place of equality with those of the
            wrong answer. ``got`` and ``want`` are arrays of one shape.
        shape: what the result consists of, for results of another shape, e.g. ``"one number per row"``.
        dtype: the type that the result must have, where that matters.
        rtol, atol: as in `numpy.allclose`. Where the reference gives integers, only equal values are right.
    """

    number: str
    reference: Callable
    cases: Sequence[tuple] | Callable[[], Sequence[tuple]]
    wrong: dict[str, Callable]
    hints: dict[str, str]
    kinds: dict[str, Callable[..., bool]] = field(default_factory=dict)
    shape: str = ""
    dtype: str | None = None
    rtol: float = 1e-5
    atol: float = 1e-8

    def __post_init__(self):
        if list(self.wrong) != list(self.hints) or not self.kinds.keys() <= self.wrong.keys():
            raise ValueError(
                "`wrong` and `hints` must have the same names in the same order, and `kinds` no others. "
                f"Received: {list(self.wrong)}, {list(self.hints)} and {list(self.kinds)}"
            )

    def hint_for(self, answer: Callable) -> str | None:
        """The hint that ``answer`` earns, or None if it is right.

        Raises:
            NotImplementedError: the answer is still the empty one.
        """
        cases = self.cases() if callable(self.cases) else self.cases
        with np.errstate(all="ignore"):  # who divides by 0 gets a hint for it, and no warning beside it
            tried = [(case, _result(answer, case)) for case in cases]
            for case, got in tried:
                want = _result(self.reference, case)
                if isinstance(got, str):
                    return self._place(case) + got
                if _same(got, want, self.rtol, self.atol) and self.dtype in (None, got.dtype):
                    continue
                if not self._alike(got, _result(answer, case)):
                    return NOT_REPEATABLE
                explained = {name: self._explained(name, case, got, want, tried) for name in self.wrong}
                name = max(explained, key=explained.__getitem__, default=None)  # the first of equals
                if name is not None and explained[name]:
                    return " ".join([self._place(case) + self.hints[name], *_numbers(got, want)])
                return self._difference(case, got, want)
        return None

    def _explained(self, name: str, case: tuple, got, want, tried: list) -> int:
        """How many results of an answer a named wrong answer explains; 0 if not that of this case."""
        if name in self.kinds:
            return int(got.shape == want.shape and bool(self.kinds[name](got, want, *deepcopy(case))))
        if not self._alike(got, _result(self.wrong[name], case)):
            return 0
        return sum(self._alike(result, _result(self.wrong[name], other)) for other, result in tried)

    def _alike(self, got, wrong) -> bool:
        """Whether a result is that of a wrong answer; nearly will do, however exact the right one must be."""
        return _same(got, wrong, max(self.rtol, 1e-5), max(self.atol, 1e-8))

    def _place(self, case: tuple) -> str:
        """The case in words, where a few words are enough."""
        return f"{self._case(case)}: " if all(map(_is_plain, case)) else ""

    def _case(self, case: tuple) -> str:
        names = inspect.signature(self.reference).parameters
        return ", ".join(f"{name}={_words(value)}" for name, value in zip(names, case, strict=False))

    def _difference(self, case: tuple, got, want) -> str:
        """What to say of a wrong result that no entry of ``wrong`` explains."""
        if got.shape != want.shape:
            words = self.shape or ("an array" if want.shape else "one number")
            words += f", shape {want.shape}" if want.shape else ""
            return f"{self._place(case)}the result must be {words}. Got shape {got.shape}."
        if _same(got, want, self.rtol, self.atol):
            return f"right values, but their type must be {self.dtype}. Got {got.dtype}."
        index, at = (), ""
        if want.size > 8:
            index = np.unravel_index(np.argmin(np.isclose(got, want, self.rtol, self.atol)), want.shape)
            at = f"at index {tuple(int(i) for i in index)} "
        expected, received = _both(want[index], got[index])
        return f"{self._case(case)}: {at}expected {expected}. Got {received}."

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


def not_finite(got, want, *args) -> bool:
    """A test for ``kinds``: nan or infinity among the values."""
    return not np.isfinite(got).all()


def _result(answer: Callable, case: tuple) -> np.ndarray | str:
    """What ``answer`` gives for a copy of ``case``, as an array, or words on why there is none."""
    try:
        result = answer(*deepcopy(case))  # it may change its arguments; a random generator must start anew
        if isinstance(result, Iterator | range):
            result = list(islice(result, LONGEST + 1))
            if len(result) > LONGEST:
                return f"your answer goes on after {LONGEST:,} items. Does it ever end? Return a list or an array."
    except NotImplementedError:
        raise
    except (Exception, SystemExit) as error:  # an answer may fail in any way; its author gets told how
        return f"your answer raised {type(error).__name__}: {_text(error)}"
    if result is None:
        return "your answer returned nothing. Does it end in `return`?"
    try:
        array = np.asarray(result)
    except (Exception, SystemExit):  # parts that differ in shape, or a class that cannot become an array
        array = np.asarray(None)
    if array.dtype.kind not in "biufc":
        return f"the result must be numbers, all parts of one shape. Got {type(result).__name__}: {_text(result):.60}"
    return (
        array.astype("int8") if array.dtype.kind == "b" else array
    )  # so that truth values can be subtracted


def _text(value) -> str:
    """A learner's object in words; its class may fail at that too."""
    try:
        return str(value)
    except (Exception, SystemExit) as error:
        return f"(printing it raised {type(error).__name__})"


def _same(got: np.ndarray | str, want: np.ndarray | str, rtol: float, atol: float) -> bool:
    if isinstance(got, str) or isinstance(want, str) or got.shape != want.shape:
        return False
    if want.dtype.kind in "iu":
        return np.array_equal(got, want)
    return np.allclose(got, want, rtol, atol, equal_nan=True)


def _numbers(got: np.ndarray, want: np.ndarray) -> list[str]:
    """What a hint is followed by: both shapes, if they differ, or both values, if they are single numbers."""
    if got.shape != want.shape:
        return [f"Expected shape {want.shape}. Got {got.shape}."]
    return [] if want.shape else ["Expected {}. Got {}.".format(*_both(want, got))]


def _both(want, got) -> tuple[str, str]:
    """Two values in words, with as many digits as tell them apart."""
    for digits in (6, 10, 17):
        words = _words(want, digits), _words(got, digits)
        if words[0] != words[1]:
            break
    return words


def _is_plain(value) -> bool:
    return isinstance(value, Number | str) or (
        isinstance(value, tuple | list) and all(isinstance(part, Number) for part in value)
    )


def _words(value, digits: int = 6) -> str:
    """A value, short enough for a line: an argument or a part of a result."""
    if isinstance(value, float):
        return f"{value:.{digits}g}"
    if not hasattr(value, "shape"):
        return getattr(value, "__name__", str(value))
    array = np.asarray(value)
    if array.size > 9:
        return f"an array of shape {array.shape}"
    if array.shape:
        line = np.array2string(array, precision=digits - 2, separator=", ", max_line_width=1000)
        return " ".join(line.split())
    spec = {"i": ",", "u": ",", "f": f".{digits}g"}.get(array.dtype.kind, "")
    return f"{array.item():{spec}}"
