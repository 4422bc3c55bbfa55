"""Notebooks for handing out: what the learner fills in, without results and without answers."""

import copy
import re
from pathlib import Path

from nbformat import NotebookNode

from diffusion_course.course.manifest import load_manifest
from diffusion_course.course.paths import notebooks_dir
from diffusion_course.tools.notebooks import read, write
from diffusion_course.tools.runner import select

# Answers to questions are folded in the notebooks: <details><summary>What you should have seen</summary> ...
ANSWER = re.compile(r"\n*<details>.*?</details>\n*", re.DOTALL)
# "To see a solution, run for example `ch05.EXERCISES["jump"].reveal()`.", or the same in brackets in a sentence
REVEAL = re.compile(
    r"[ \n]*(?:\([^()\n]*\.reveal\(\)[^()\n]*\)|To see (?:it|a solution|the solution)\b[^\n]*?\.reveal\(\)`\.?)"
)


def blank(notebook: NotebookNode) -> NotebookNode:
    """A notebook without outputs, folded answers, and the way to the solutions; its exercises stay as they are.

    Args:
        notebook: left as it is.

    Returns:
        A new notebook; a cell that held nothing but an answer is gone.
    """
    notebook, cells = copy.deepcopy(notebook), []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        else:
            cell.source = REVEAL.sub("", ANSWER.sub("\n\n", cell.source)).strip("\n")
        if cell.source.strip():
            cells.append(cell)
    notebook.cells = cells
    return notebook


def hand_out(folder: Path, chapters: list[str]) -> list[Path]:
    """Writes the chapters' notebooks for handing out.

    Args:
        folder: made if it is missing; files of the same names in it are replaced.
        chapters: their ids; all of them if none is given.

    Returns:
        The files written.

    Raises:
        UnknownChapter: there is no such chapter.
        ValueError: the folder is that of the course's own notebooks.
    """
    chosen = select(load_manifest(), chapters)
    folder, source = Path(folder), notebooks_dir()
    if folder.resolve() == source.resolve():
        raise ValueError(
            f"The folder must be another than that of the course's own notebooks. Received: {folder}"
        )
    folder.mkdir(parents=True, exist_ok=True)
    for chapter in chosen:
        write(blank(read(source / chapter.notebook)), folder / chapter.notebook)
    return [folder / chapter.notebook for chapter in chosen]
