"""Committed notebooks: whole, executed in order, in the chapter template, small, and free of this or that machine."""

import json
import re

import nbformat
import pytest

from diffusion_course.course.manifest import load_manifest
from diffusion_course.course.paths import notebooks_dir
from diffusion_course.tools.notebooks import clean, tags
from diffusion_course.tools.solved import exercises_of, solutions_and_checks

CHAPTERS = load_manifest().chapters
# Each group is one requirement: a heading must begin with one of its members.
HEADINGS = [
    ["Build it"], ["Check it"], ["Train it", "Run it"], ["Look at it"], ["Play with it"], ["Break it"],
    ["Exercises"], ["Expect"], ["Summary"], ["Further reading"],
]  # fmt: skip
# Chapter 00 asks its questions of the pictures in headings of its own.
EXEMPT = {"00": {"Look at it"}}
OPENING = ("You will learn", "Before you start", "Time")
MACHINE_PATH = re.compile(r"/home/\w|/Users/\w|/root/|/tmp/|/mnt/|[A-Z]:\\\\?Users|site-packages")


@pytest.fixture(params=CHAPTERS, ids=lambda chapter: chapter.id)
def chapter(request):
    return request.param


@pytest.fixture
def notebook(chapter):
    path = notebooks_dir() / chapter.notebook
    assert path.is_file(), f"book.toml names {chapter.notebook}; it is missing"
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return notebook


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


def test_executed_from_top_to_bottom_without_an_error(notebook):
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    errors = [o.ename for cell in cells for o in cell.outputs if o.output_type == "error"]
    assert errors == []


def test_one_parameters_cell_reads_the_profile_from_the_environment(notebook):
    (cell,) = [cell for cell in notebook.cells if "parameters" in tags(cell)]
    assert 'profile = os.environ.get("COURSE_PROFILE", "standard")' in cell.source


def test_follows_the_template(chapter, notebook):
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    headings = re.findall(r"^#+ +(.*)", text, re.MULTILINE)
    assert chapter.id in headings[0] and chapter.title in headings[0]
    for group in HEADINGS:
        if EXEMPT.get(chapter.id, set()).isdisjoint(group):
            assert any(h.startswith(word) for h in headings for word in group), (
                f"no heading {' or '.join(group)}"
            )
    order = [
        h for h in headings if h in ("Build it", "Play with it", "Break it", "Exercises", "Expect", "Summary")
    ]
    assert order == ["Build it", "Play with it", "Break it", "Exercises", "Expect", "Summary"]
    for words in OPENING:
        assert re.search(rf"\*\*{words}", text), f"no **{words}**"


def test_starts_and_reports_as_its_own_chapter(chapter, notebook):
    code = "\n".join(cell.source for cell in code_cells(notebook))
    assert re.findall(r'course\.start\(\s*"(\d+)"', code) == [chapter.id]
    assert code.count("course.report(") == 1
    for metric in chapter.expect:
        assert re.search(rf"\b{metric}\s*=", code), f"book.toml promises {metric}"


def test_has_three_exercises_or_more_each_with_a_solution_and_a_check(chapter, notebook):
    cells = [cell for cell in notebook.cells if "exercise" in tags(cell)]
    assert len(cells) >= 3
    assert all("NotImplementedError" in cell.source for cell in cells)
    pairs = solutions_and_checks(notebook, exercises_of(notebooks_dir() / chapter.notebook))
    assert len(pairs) == len(cells)
    assert not any("NotImplementedError" in solution for solution, _ in pairs)


def test_cells_that_only_draw_are_folded_in_the_book_and_in_jupyterlab(notebook):
    for number, cell in enumerate(notebook.cells, 1):
        folded = cell.metadata.get("jupyter", {}).get("source_hidden", False)
        assert folded == ("hide-input" in tags(cell)), (
            f"cell {number}: run `diffusion-course clean-notebooks`"
        )


def test_an_idea_and_its_check_are_not_buried_in_drawing(notebook):
    """A cell that asserts does not draw: what draws follows in a cell of its own."""
    for number, cell in enumerate(code_cells(notebook), start=1):
        checks = re.search(r"^(assert|np\.testing\.)", cell.source, re.MULTILINE)
        assert not (checks and "plots.show(" in cell.source), f"code cell {number}"


def test_every_picture_has_words_for_those_who_do_not_see_it(notebook):
    for number, cell in enumerate(notebook.cells, 1):
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                alt = output.metadata.get("image/png", {}).get("alt", "")
                assert len(alt.split()) >= 3, f"a picture of cell {number} has no alt text"
        if cell.cell_type == "markdown":
            assert not re.search(r"!\[\s*\]\(", cell.source), f"a picture in cell {number} has no alt text"


def test_names_no_machine(notebook):
    for number, cell in enumerate(notebook.cells, 1):
        outputs = [
            # Pictures are base64: letters that mean nothing.
            {key: value for key, value in output.get("data", {}).items() if not key.startswith("image/")}
            | {key: output[key] for key in ("text", "evalue", "traceback") if key in output}
            for output in cell.get("outputs", [])
        ]
        found = MACHINE_PATH.search(cell.source + json.dumps(outputs))
        assert not found, f"cell {number}: {found}"


def test_messages_of_native_code_are_not_committed(notebook):
    for number, cell in enumerate(notebook.cells, 1):
        errors = "".join(o.text for o in cell.get("outputs", []) if o.get("name") == "stderr")
        assert errors == "", f"cell {number} wrote to standard error: {errors[:200]}"


def test_is_clean_and_small(chapter, notebook):
    path = notebooks_dir() / chapter.notebook
    assert path.stat().st_size < 1_000_000
    cleaned = nbformat.writes(clean(notebook)).rstrip("\n") + "\n"
    assert path.read_text(encoding="utf-8") == cleaned, "run `diffusion-course clean-notebooks`"


def test_all_notebooks_together_stay_small():
    assert sum(path.stat().st_size for path in notebooks_dir().glob("*.ipynb")) < 12_000_000
