import io
from base64 import b64decode, b64encode

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from diffusion_course.tools import notebooks
from diffusion_course.tools.notebooks import WIDGET_VIEW, clean, drop_injected_parameters, shrink_png


def png_of(array):
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def chart():
    """A picture of few colours, as plots are, stored as RGBA."""
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 255, (30, 4), dtype=np.uint8)
    colours[:, 3] = 255
    return png_of(colours[rng.integers(0, 30, (80, 80))])


def executed(chart):
    injected = new_code_cell(
        "profile = 'quick'", execution_count=2, metadata={"tags": ["injected-parameters"]}
    )
    picture = new_output("display_data", {"image/png": b64encode(chart).decode(), "text/plain": "<Figure>"})
    both = new_output("display_data", {WIDGET_VIEW: {"model_id": "a"}, "text/html": "<b>static</b>"})
    bar = new_output("display_data", {WIDGET_VIEW: {"model_id": "b"}, "text/plain": "HBox()"})
    result = new_output("execute_result", {"text/plain": "3"}, execution_count=4)
    notebook = new_notebook(
        cells=[
            new_markdown_cell("# T", metadata={"papermill": {}, "tags": []}),
            new_code_cell(
                "a",
                execution_count=1,
                metadata={"tags": ["parameters"], "execution": {"iopub.status.busy": "t"}},
            ),
            injected,
            new_code_cell(
                "b", execution_count=3, outputs=[picture, both, bar], metadata={"tags": ["exercise"]}
            ),
            new_code_cell("c", execution_count=4, outputs=[result]),
        ],
        metadata={
            "kernelspec": {"name": "venv", "display_name": "mine"},
            "language_info": {"name": "python", "version": "3.11.7"},
            "papermill": {"parameters": {"profile": "standard"}, "output_path": "/somewhere"},
            "widgets": {"state": {}},
            "authors": [{"name": "A"}],
        },
    )
    return notebook


def test_clean_strips_what_a_run_leaves_and_keeps_the_rest(chart):
    before = executed(chart)
    after = clean(before)
    assert set(after.metadata) == {"kernelspec", "language_info", "authors"}
    assert after.metadata.kernelspec.name == "python3" and "version" not in after.metadata.language_info
    assert [cell.source for cell in after.cells] == ["# T", "a", "b", "c"]
    assert [dict(cell.metadata) for cell in after.cells] == [
        {},
        {"tags": ["parameters"]},
        {"tags": ["exercise"]},
        {},
    ]
    assert [cell.execution_count for cell in after.cells[1:]] == [1, 2, 3]
    assert after.cells[3].outputs[0].execution_count == 3
    picture, static = after.cells[2].outputs
    assert set(static.data) == {"text/html"}
    assert len(picture.data["image/png"]) < len(before.cells[3].outputs[0].data["image/png"])
    assert [cell.id for cell in after.cells] == [before.cells[i].id for i in (0, 1, 3, 4)]
    assert before.metadata.widgets == {"state": {}}, "the original must stay as it was"


def test_cleaning_twice_changes_nothing(chart):
    once = clean(executed(chart))
    assert nbformat.writes(clean(once)) == nbformat.writes(once)


def test_out_of_order_execution_is_not_hidden():
    notebook = new_notebook(
        cells=[
            new_code_cell("p", execution_count=5, metadata={"tags": ["injected-parameters"]}),
            new_code_cell("a", execution_count=7),
            new_code_cell("b", execution_count=3),
        ]
    )
    assert [cell.execution_count for cell in drop_injected_parameters(notebook).cells] == [6, 3]


def test_old_notebooks_get_ids_that_do_not_change():
    old = new_notebook(cells=[new_code_cell("a"), new_code_cell("a")])
    old.nbformat_minor = 4
    for cell in old.cells:
        del cell["id"]
    first, second = ([cell.id for cell in clean(old).cells] for _ in range(2))
    assert first == second and len(set(first)) == 2


def test_palette_keeps_the_picture(chart):
    small = shrink_png(chart)
    assert len(small) < len(chart)
    with Image.open(io.BytesIO(chart)) as was, Image.open(io.BytesIO(small)) as now:
        assert now.mode == "P"
        difference = np.asarray(was.convert("RGB"), int) - np.asarray(now.convert("RGB"), int)
    assert np.abs(difference).mean() <= 1.5
    assert shrink_png(small) == small


def test_the_smallest_palette_that_looks_the_same_is_taken():
    grey = np.random.default_rng(0).integers(0, 256, (64, 64, 1), dtype=np.uint8).repeat(3, axis=-1)
    for picture, most in ((grey // 32 * 32, 8), (grey, 64)):
        with Image.open(io.BytesIO(shrink_png(png_of(picture)))) as image:
            assert len(image.getcolors()) <= most
            error = np.abs(np.asarray(image.convert("RGB"), int) - picture)
        assert error.mean() <= (0 if most == 8 else 1.5)


def test_pictures_that_a_palette_would_harm_stay_as_they_are():
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    transparent = np.zeros((64, 64, 4), np.uint8)
    for picture in (png_of(noise), png_of(transparent)):
        assert shrink_png(picture) is picture


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"tags": ["hide-input"]}, {"tags": ["hide-input"], "jupyter": {"source_hidden": True}}),
        (
            {"tags": ["hide-input"], "jupyter": {"outputs_hidden": True}},
            {"tags": ["hide-input"], "jupyter": {"outputs_hidden": True, "source_hidden": True}},
        ),
        ({"tags": ["exercise"], "jupyter": {"source_hidden": True}}, {"tags": ["exercise"]}),
        ({}, {}),
    ],
)
def test_what_is_tagged_so_is_folded_in_jupyterlab_and_nothing_else(metadata, expected):
    cell = new_code_cell("a", metadata=metadata)
    assert dict(clean(new_notebook(cells=[cell])).cells[0].metadata) == expected


def test_only_a_clean_run_of_the_right_profile_is_committed(tmp_path, chart):
    source, target = tmp_path / "run" / "01_a.ipynb", tmp_path / "01_a.ipynb"
    source.parent.mkdir()
    nbformat.write(executed(chart), source)
    with pytest.raises(notebooks.NotACleanRun, match="profile 'quick'.*'standard'"):
        notebooks.clean_file(target, source, "quick")
    assert notebooks.clean_file(target, source)
    assert not notebooks.clean_file(target), "cleaning a clean file must not change it"
    assert target.read_text(encoding="utf-8").startswith('{\n "cells"')
    assert target.read_bytes().endswith(b"}\n")
    broken = executed(chart)
    broken.cells[1].outputs = [new_output("error", ename="E", evalue="v", traceback=[])]
    nbformat.write(broken, source)
    before = target.read_bytes()
    with pytest.raises(notebooks.NotACleanRun, match="error in cell 2"):
        notebooks.clean_file(target, source)
    assert target.read_bytes() == before


def test_outputs_that_name_a_folder_of_this_machine_are_not_committed(tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks.paths, "course_root", lambda: tmp_path / "course")
    told = f"results in {tmp_path / 'course' / 'build'}"
    for output in (
        new_output("stream", name="stdout", text=told),
        new_output("display_data", {"text/html": f"<b>{told}</b>", "text/plain": "table"}),
    ):
        executed = new_notebook(
            cells=[new_code_cell("a", execution_count=1, outputs=[output])],
            metadata={"papermill": {"parameters": {"profile": "standard"}}},
        )
        source, target = tmp_path / "run.ipynb", tmp_path / "01.ipynb"
        nbformat.write(executed, source)
        with pytest.raises(notebooks.NotACleanRun, match="folder of the course.*cell 1"):
            notebooks.clean_file(target, source)
        assert not target.exists()


def test_png_in_a_clean_notebook_is_a_png(chart):
    data = clean(executed(chart)).cells[2].outputs[0].data["image/png"]
    with Image.open(io.BytesIO(b64decode(data))) as picture:
        picture.verify()
