"""The README shows the numbers of the committed results, and no others."""

import pytest
from common import record, table

from diffusion_course.paths import course_root


def test_readme_shows_the_committed_results():
    text = (course_root() / "README.md").read_text(encoding="utf-8")
    assert table.filled(text) == text, "run `python benchmarks/common/table.py`"


def test_table_is_that_of_the_results_and_nothing_else_changes(tmp_path):
    text = f"before\n{table.BEGIN}{table.END}after\n"
    empty = table.filled(text, tmp_path)
    assert "no results yet" in empty and empty.startswith("before\n") and empty.endswith("after\n")
    row = {"what": "a", "tutorial": 61.2, "course": 2.04, "unit": "s", "ratio": 29.9}
    record.write("b", {"rows": [row]}, tmp_path)
    record.write("models.tensorflow.cpu", {"results": {}}, tmp_path)
    full = table.filled(empty, tmp_path)
    assert (
        full.splitlines()[2:5] == [*table.HEAD, "| a | 61 s | 2.0 s | 30 x |"] and len(full.splitlines()) == 7
    )
    assert table.filled(full, tmp_path) == full
    assert table.filled(full.replace("30 x", "31 x"), tmp_path) == full
    with pytest.raises(ValueError, match="must have each of"):
        table.filled("no marks", tmp_path)


def test_lines():
    row = {"what": "a", "tutorial": 61.234, "course": 2.0449, "unit": "s", "ratio": 29.94}
    missed = {"what": "b", "tutorial": 240.0, "course": None, "unit": "s", "ratio": None}
    assert table.lines([{"rows": [row]}, {"rows": [missed]}, {}]) == [
        "| a | 61 s | 2.0 s | 30 x |",
        "| b | 240 s | not reached | - |",
    ]
