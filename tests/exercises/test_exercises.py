"""Every exercise accepts its reference, refuses all else, and gives each named wrong answer the hint meant for it."""

import ast
import importlib
import inspect
import pkgutil
import re

import nbformat
import numpy as np
import pytest

from diffusion_course import exercises
from diffusion_course.course.paths import notebooks_dir
from diffusion_course.exercises.base import Exercise

MODULES = [
    importlib.import_module(f"diffusion_course.exercises.{m.name}")
    for m in pkgutil.iter_modules(exercises.__path__)
    if m.name.startswith("ch")
]
EXERCISES = [exercise for module in MODULES for exercise in module.EXERCISES.values()]
WRONG = [(exercise, name) for exercise in EXERCISES for name in exercise.wrong]


def label(value):
    return value.number if isinstance(value, Exercise) else value.replace(" ", "-")


every_exercise = pytest.mark.parametrize("exercise", EXERCISES, ids=label)


@every_exercise
def test_reference_is_accepted(exercise):
    assert exercise.hint_for(exercise.reference) is None


@pytest.mark.parametrize(("exercise", "name"), WRONG, ids=label)
def test_wrong_answer_gets_its_own_hint(exercise, name):
    given = exercise.hint_for(exercise.wrong[name])
    assert given is not None
    assert [other for other, hint in exercise.hints.items() if hint in given] == [name], given


@every_exercise
def test_names_wrong_answers_and_stands_under_its_name_and_number(exercise):
    assert len(exercise.wrong) >= 2
    module = inspect.getmodule(exercise.reference)
    assert module.__name__.endswith("ch" + exercise.number[:2])
    assert module.EXERCISES[exercise.reference.__name__] is exercise


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__[-4:])
def test_numbers_count_up(module):
    chapter = module.__name__[-2:]
    numbers = [exercise.number for exercise in module.EXERCISES.values()]
    assert numbers == [f"{chapter}.{k}" for k in range(1, len(module.EXERCISES) + 1)]


def changed(exercise, change, only_last=False):
    """An answer that gives the reference's results, changed: all of them, or those of the last case alone."""
    cases = exercise.cases() if callable(exercise.cases) else exercise.cases

    def answer(*args):
        result = np.asarray(exercise.reference(*args))
        return change(result) if not only_last or repr(args) == repr(cases[-1]) else result

    return answer


@every_exercise
def test_a_small_error_in_one_value_of_the_last_case_is_seen(exercise):
    def change(result):
        result = np.array(result, dtype=None if result.dtype.kind == "i" else "float64")
        result.flat[-1] += (
            1 if result.dtype.kind == "i" else 100 * exercise.atol + 1e-3 * np.abs(result).max() + 1e-6
        )
        return result

    assert exercise.hint_for(changed(exercise, change, only_last=True))


ODD = {
    "another shape": lambda result: np.stack([result, result]),
    "nothing": lambda result: None,
    "words": lambda result: "the answer",
    "an object": lambda result: object(),
    "parts of two shapes": lambda result: [result, np.zeros((2, 7))],
    "no number": lambda result: result * np.nan,
    "infinite": lambda result: result * 0 + np.inf,
    "zero": lambda result: result * 0.0,
    "complex": lambda result: result + 1j,
    "truth values": lambda result: np.ones(result.shape, bool),
    "huge": lambda result: result * 1e300 * 1e300,
}


@every_exercise
def test_odd_results_earn_a_hint_and_break_nothing(exercise):
    for name, change in ODD.items():
        assert exercise.hint_for(changed(exercise, change)), name


@every_exercise
def test_another_shape_is_told_with_the_right_one(exercise):
    cases = exercise.cases() if callable(exercise.cases) else exercise.cases
    shape = np.asarray(exercise.reference(*cases[0])).shape  # it may be a tensor
    hint = exercise.hint_for(changed(exercise, ODD["another shape"]))
    assert str((2, *shape)) in hint
    assert (f"shape {shape}" if shape else "one number") in hint


NOTEBOOKS = {path.name[:2]: path for path in sorted(notebooks_dir().glob("[0-9]*.ipynb"))}


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__[-4:])
def test_notebook_asks_for_these_functions_and_speaks_of_no_others(module):
    cells = nbformat.read(NOTEBOOKS[module.__name__[-2:]], as_version=4).cells
    asked = [ast.parse(cell.source).body[0] for cell in cells if "exercise" in cell.metadata.get("tags", [])]
    ours = [ast.parse(exercise.solution_source()).body[0] for exercise in module.EXERCISES.values()]
    assert [(f.name, ast.unparse(f.args)) for f in asked] == [(f.name, ast.unparse(f.args)) for f in ours]
    for cell in cells:
        for name in re.findall(r'\.EXERCISES\["(\w+)"\]', cell.source):
            assert name in module.EXERCISES
