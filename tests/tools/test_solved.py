"""The notebooks that the tests run: shipped cells first, then each solution and its check, and nothing left out."""

import inspect

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from diffusion_course.tools import solved


class Exercise:
    def __init__(self, function):
        self.function = function

    def solution_source(self):
        return inspect.getsource(self.function)


def double(x):
    return 2 * x


DOUBLE = {"double": Exercise(double)}
EMPTY = "import math\n\n\ndef double(x):\n    raise NotImplementedError  # your answer"
CHECK = 'double = ch01.EXERCISES["double"](double)\n\nprint(double(3))'


def exercise(source):
    return new_code_cell(source, metadata={"tags": ["exercise"]})


def notebook_of(*cells):
    return new_notebook(cells=list(cells))


def test_solutions_and_their_checks_stand_behind_the_shipped_cells():
    shipped = notebook_of(
        new_code_cell("def double(x):\n    return x", execution_count=3),
        exercise(EMPTY),
        new_markdown_cell("Check yourself."),
        new_code_cell(CHECK),
        new_code_cell("course.report()"),
    )
    before = nbformat.writes(shipped)
    whole = solved.with_solutions(shipped, DOUBLE)
    assert nbformat.writes(shipped) == before
    assert whole.cells[: len(shipped.cells)] == shipped.cells
    strict, solution, check = (cell.source for cell in whole.cells[len(shipped.cells) :])
    assert strict == solved.STRICT
    assert solution == "def double(x):\n    return 2 * x"
    assert check == 'double = ch01.EXERCISES["double"](double)'  # what it shows afterwards ran as shipped
    nbformat.validate(whole)


def test_notebook_without_exercises_stays_as_it_is():
    notebook = notebook_of(new_code_cell("1"))
    assert solved.with_solutions(notebook, {}) == notebook


def test_exercise_without_solution_is_an_error():
    with pytest.raises(ValueError, match="double.*cell 1 defines triple"):
        solved.with_solutions(notebook_of(exercise("triple = None")), DOUBLE)


@pytest.mark.parametrize(
    "check",
    [
        "print(double(3))",
        'ch01.EXERCISES["triple"](double)',
        'ch01.EXERCISES["double"]',
        'ch01.EXERCISES["double"].reveal()',
        'ch01.SOLUTIONS["double"](double)',
        None,
    ],
)
def test_exercise_without_its_check_is_an_error(check):
    cells = [exercise(EMPTY), *([new_code_cell(check)] if check else [])]
    with pytest.raises(ValueError, match="Received: cell 1 without its check"):
        solved.with_solutions(notebook_of(*cells), DOUBLE)


def test_solution_without_an_exercise_is_an_error():
    with pytest.raises(ValueError, match=r"Received: none for \['double'\]"):
        solved.with_solutions(notebook_of(new_code_cell(CHECK)), DOUBLE)


@pytest.mark.parametrize(
    "source, name",
    [
        ("x = 1", "x"),
        ("x: int = 1", "x"),
        ("import a\ndef f(): pass", "f"),
        ("class A: pass", "A"),
        ("f(1)", None),
    ],
)
def test_name_of_an_exercise(source, name):
    assert solved.defined_name(source) == name


@pytest.mark.parametrize(
    "check", ['EXERCISES["f"](f)', 'g = h(ch01.EXERCISES["f"](f), 2)', 'a.b.EXERCISES["f"](answer=1, *[f])']
)
def test_check_is_found_however_it_is_written(check):
    assert solved.check_of(f"import x\n{check}\ny = 1", "f") == check


def test_errors_name_the_file(tmp_path):
    path = tmp_path / "01_a.ipynb"
    nbformat.write(notebook_of(exercise("triple = None")), path)
    with pytest.raises(ValueError, match="01_a.ipynb: An exercise cell must define"):
        solved.write_with_solutions(path, tmp_path / "out.ipynb")
    with pytest.raises(FileNotFoundError, match="02_b.ipynb"):
        solved.write_with_solutions(tmp_path / "02_b.ipynb", tmp_path / "out.ipynb")
    assert not (tmp_path / "out.ipynb").exists()


def test_an_appendix_runs_as_shipped(tmp_path):
    shipped, target = tmp_path / "studio.ipynb", tmp_path / "out.ipynb"
    nbformat.write(notebook_of(new_code_cell("1"), new_markdown_cell("two")), shipped)
    solved.write_with_solutions(shipped, target)
    assert nbformat.read(target, as_version=4).cells == nbformat.read(shipped, as_version=4).cells
