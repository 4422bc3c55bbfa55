"""Notebooks for handing out hold the exercises and no answer to them."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from typer.testing import CliRunner

from diffusion_course.cli import app
from diffusion_course.course.manifest import load_manifest
from diffusion_course.course.paths import notebooks_dir
from diffusion_course.tools.handout import blank, hand_out
from diffusion_course.tools.notebooks import read, tags

EMPTY = "def double(x):\n    raise NotImplementedError  # your answer"


def test_results_and_answers_go_and_questions_and_exercises_stay():
    shown = new_code_cell("1 + 1", execution_count=3, outputs=[new_output("stream", text="2")])
    asked = new_markdown_cell(
        "What is it?\n\n<details><summary>What you should have seen</summary>\n\n1\\. Two.\n\n</details>\n\nNext."
    )
    bracket = new_markdown_cell(
        "Without an answer ours is used (`ch01.EXERCISES['double'].reveal()` prints it)."
    )
    how = new_markdown_cell(
        'Replace the line. To see a solution, run for example `ch01.EXERCISES["double"].reveal()`.'
    )
    alone = new_markdown_cell("<details><summary>Solution</summary>\n\nTwo.\n\n</details>")
    exercise = new_code_cell(EMPTY, metadata={"tags": ["exercise"]}, execution_count=4)
    original = new_notebook(cells=[shown, asked, bracket, how, alone, exercise])
    before = nbformat.writes(original)
    handed = blank(original)
    assert nbformat.writes(original) == before
    assert [cell.source for cell in handed.cells] == [
        "1 + 1",
        "What is it?\n\nNext.",
        "Without an answer ours is used.",
        "Replace the line.",
        EMPTY,
    ]
    assert (handed.cells[0].outputs, handed.cells[0].execution_count) == ([], None)


def test_every_chapter_keeps_its_exercises_and_nothing_that_answers_them(tmp_path):
    written = hand_out(tmp_path / "new" / "folder", [])
    assert [path.name for path in written] == [chapter.notebook for chapter in load_manifest().notebooks]
    for path in written:
        handed, original = read(path), read(notebooks_dir() / path.name)
        assert [c.source for c in handed.cells if "exercise" in tags(c)] == [
            c.source for c in original.cells if "exercise" in tags(c)
        ]
        words = "\n".join(c.source for c in handed.cells if c.cell_type == "markdown")
        assert "<details" not in words and ".reveal()" not in words, path.name
        assert not any(c.outputs or c.execution_count for c in handed.cells if c.cell_type == "code")


def test_refuses_the_folder_of_the_course_itself(tmp_path):
    with pytest.raises(ValueError, match="another than that"):
        hand_out(notebooks_dir(), ["05"])


def test_command_writes_the_chapters_that_were_asked_for(tmp_path):
    result = CliRunner().invoke(app, ["handout", "05", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert [path.name for path in tmp_path.iterdir()] == [load_manifest().chapter("05").notebook]
    refused = CliRunner().invoke(app, ["handout", "99", "--out", str(tmp_path)])
    assert refused.exit_code == 2 and "99" in refused.output
    refused = CliRunner().invoke(app, ["handout", "--out", str(notebooks_dir())])
    assert refused.exit_code == 2 and "another than that" in refused.output
