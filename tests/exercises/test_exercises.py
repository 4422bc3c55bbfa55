"""Every exercise accepts its reference and answers each named wrong answer with the hint meant for it."""

import importlib
import pkgutil

import pytest

from diffusion_course import exercises
from diffusion_course.exercises.base import Exercise, ExerciseFailed, Wrong, expect

MODULES = [m.name for m in pkgutil.iter_modules(exercises.__path__) if m.name.startswith("ch")]
EXERCISES = [
    e
    for name in MODULES
    for e in importlib.import_module(f"diffusion_course.exercises.{name}").EXERCISES.values()
]
WRONG = [(e, name) for e in EXERCISES for name in e.wrong]


def label(value):
    return value.number if isinstance(value, Exercise) else value.replace(" ", "-")


@pytest.mark.parametrize("exercise", EXERCISES, ids=label)
def test_reference_is_accepted(exercise):
    assert exercise.hint_for(exercise.reference) is None


@pytest.mark.parametrize(("exercise", "name"), WRONG, ids=label)
def test_wrong_answer_gets_its_hint(exercise, name):
    answer, words = exercise.wrong[name]
    hint = exercise.hint_for(answer)
    assert hint is not None and words in hint, hint


@pytest.mark.parametrize("exercise", EXERCISES, ids=label)
def test_each_exercise_names_wrong_answers_and_numbers_match(exercise):
    assert len(exercise.wrong) >= 2
    module = importlib.import_module(exercise.reference.__module__)
    assert module.__name__.endswith("ch" + exercise.number[:2])
    assert module.EXERCISES[exercise.reference.__name__] is exercise


def _double(x):
    return 2 * x


def _test_double(answer):
    expect(answer(3) == 6, "twice as much, please.")


DOUBLE = Exercise("99.1", _double, _test_double)


def unanswered(x):
    raise NotImplementedError


def test_right_answer_is_handed_back(capsys):
    answer = lambda x: x + x  # noqa: E731
    assert DOUBLE(answer) is answer
    assert "right" in capsys.readouterr().out


@pytest.mark.parametrize("answer", [unanswered, lambda x: x, lambda x: x / 0])
def test_reference_replaces_wrong_or_missing_answer(answer, capsys):
    assert DOUBLE(answer) is _double
    assert "reference" in capsys.readouterr().out


def test_error_in_an_answer_is_named():
    assert "ZeroDivisionError" in DOUBLE.hint_for(lambda x: x / 0)


@pytest.mark.parametrize("answer", [unanswered, lambda x: x])
def test_strict_mode_raises(answer, monkeypatch):
    monkeypatch.setenv("COURSE_STRICT", "1")
    with pytest.raises(ExerciseFailed, match="99.1"):
        DOUBLE(answer)


def test_solution_source_defines_the_same_function():
    namespace = {}
    exec(DOUBLE.solution_source(), namespace)
    assert namespace["_double"](4) == 8


def test_reveal_prints_the_solution(capsys):
    DOUBLE.reveal()
    assert "return 2 * x" in capsys.readouterr().out


def test_expect_raises_the_hint():
    with pytest.raises(Wrong, match="look closer"):
        expect(False, "look closer")
