"""One notebook per chapter for the tests: the cells as shipped, and behind them every exercise solved and checked."""

import ast
import copy
import importlib.util
import re
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from diffusion_course.tools.notebooks import read, tags, write

STRICT = (
    'import os\n\nos.environ["COURSE_STRICT"] = "1"  # from here on a check that refuses its answer raises'
)


def exercises_of(notebook: Path) -> dict:
    """The exercises of a chapter, from ``exercises.chNN``, NN being the first digits of the file's name.

    A chapter whose notebook has no exercise cell needs no such module; the result is then empty.
    """
    digits = re.match(r"\d+", notebook.name)
    if digits is None:
        raise ValueError(f"A chapter's file name must begin with its number. Received: {notebook.name}")
    module = f"diffusion_course.exercises.ch{digits.group()}"
    if importlib.util.find_spec(module) is None:
        return {}
    return importlib.import_module(module).EXERCISES


def defined_name(source: str) -> str | None:
    """The name that the first ``def NAME(``, ``class NAME`` or ``NAME =`` at the top of a cell defines."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            return node.name
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            return node.targets[0].id
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            return node.target.id
    return None


def check_of(source: str, name: str) -> str | None:
    """The statement at the top of a cell that calls ``...EXERCISES["name"]`` with an answer; None without one.

    Args:
        source: of a code cell.
        name: of the exercise.
    """
    for statement in ast.parse(source).body:
        for node in ast.walk(statement):
            if (
                isinstance(node, ast.Call)
                and node.args
                and isinstance(node.func, ast.Subscript)
                and ast.unparse(node.func.value).split(".")[-1] == "EXERCISES"
                and isinstance(node.func.slice, ast.Constant)
                and node.func.slice.value == name
            ):
                return ast.get_source_segment(source, statement)
    return None


def solutions_and_checks(notebook: NotebookNode, exercises: dict) -> list[tuple[str, str]]:
    """The solution and the check of every exercise of a notebook, in its order.

    Args:
        notebook: left as it is.
        exercises: name that an exercise cell defines -> an object with ``solution_source()``.

    Returns:
        Pairs of sources: the reference solution, and the statement that the notebook checks it with.

    Raises:
        ValueError: an exercise cell defines no name, or one that is no exercise; its check does not stand in the
            code cell behind it; or an exercise has no cell.
    """
    cells = [(number, cell) for number, cell in enumerate(notebook.cells, 1) if cell.cell_type == "code"]
    pairs = {}
    for k, (number, cell) in enumerate(cells):
        if "exercise" not in tags(cell):
            continue
        name = defined_name(cell.source)
        if name not in exercises:
            known = ", ".join(exercises) or "none"
            raise ValueError(
                f"An exercise cell must define one of: {known}. Received: cell {number} defines {name}"
            )
        check = check_of(cells[k + 1][1].source, name) if k + 1 < len(cells) else None
        if check is None:
            raise ValueError(
                f'The code cell behind an exercise must call EXERCISES["{name}"] with the answer. Received: cell '
                f"{number} without its check"
            )
        pairs[name] = (exercises[name].solution_source().rstrip("\n"), check)
    missing = [name for name in exercises if name not in pairs]
    if missing:
        raise ValueError(f"Every exercise must have a cell in its chapter. Received: none for {missing}")
    return list(pairs.values())


def with_solutions(notebook: NotebookNode, exercises: dict) -> NotebookNode:
    """A notebook that proves both: it runs as shipped, and its checks take its solutions.

    The cells as shipped come first and end in the chapter's report, so that what they measure is what a learner who
    solves nothing gets. Behind them the same kernel turns strict and gets each solution and its check.

    Args:
        notebook: left as it is.
        exercises: as in `solutions_and_checks`.

    Returns:
        A new notebook.

    Raises:
        ValueError: see `solutions_and_checks`.
    """
    pairs = solutions_and_checks(notebook, exercises)
    notebook = copy.deepcopy(notebook)
    added = [STRICT, *(source for pair in pairs for source in pair)] if pairs else []
    for number, source in enumerate(added):
        notebook.cells.append(new_code_cell(source, id=f"solved-{number}"))
    return notebook


def write_with_solutions(source: Path, target: Path) -> None:
    """Writes a notebook for the tests, see `with_solutions`; an appendix, whose name has no number, has no exercises.

    Raises:
        ValueError: an exercise breaks a rule; the message begins with the file's name.
        FileNotFoundError: there is no such notebook.
    """
    try:
        exercises = exercises_of(source) if source.name[:1].isdigit() else {}
        write(with_solutions(read(source), exercises), target)
    except FileNotFoundError:
        raise
    except ValueError as error:
        raise ValueError(f"{source.name}: {error}") from error
