"""The README shows the numbers of the committed results, and no others."""

import pytest
from common import record, table

from diffusion_course.course.paths import course_root


def test_readme_shows_the_committed_results():
    text = (course_root() / "README.md").read_text(encoding="utf-8")
    assert table.filled(text) == text, "run `python benchmarks/common/table.py`"


def test_tables_are_those_of_the_results_and_nothing_else_changes(tmp_path):
    (speed_begin, speed_end), (quality_begin, quality_end) = map(table.marks, ("speed", "quality"))
    text = f"before\n{speed_begin}{speed_end}between\n{quality_begin}{quality_end}after\n"
    empty = table.filled(text, tmp_path)
    assert empty.count("no results yet") == 2 and empty.startswith("before\n") and empty.endswith("after\n")
    row = {"what": "a", "tutorial": 61.2, "course": 2.04, "unit": "s", "ratio": 29.9}
    record.write("b", {"rows": [row]}, tmp_path)
    record.write(
        "c",
        {"quality": [{"what": "q", "floor": 0.1481, "training": 1.0, "generated": 1.4567, "guided": 1.2}]},
        tmp_path,
    )
    record.write("models.tensorflow.cpu", {"results": {}}, tmp_path)
    full = table.filled(empty, tmp_path)
    assert full.splitlines() == [
        *(
            "before",
            speed_begin.strip(),
            *table.HEADS["speed"],
            "| a | 61 s | 2.0 s | 30 x |",
            speed_end.strip(),
        ),
        *("between", quality_begin.strip(), *table.HEADS["quality"], "| q | 0.148 | 1.00 | 1.46 | 1.20 |"),
        *(quality_end.strip(), "after"),
    ]
    assert table.filled(full, tmp_path) == full
    assert table.filled(full.replace("30 x", "31 x").replace("1.46", "1.00"), tmp_path) == full
    with pytest.raises(ValueError, match="must have each of"):
        table.filled("no marks", tmp_path)


def test_rows_of_speed():
    row = {"what": "a", "tutorial": 61.234, "course": 2.0449, "unit": "s", "ratio": 29.94}
    missed = {"what": "b", "tutorial": 240.0, "course": None, "unit": "s", "ratio": None}
    assert table.speed([{"rows": [row]}, {"rows": [missed]}, {}]) == [
        "| a | 61 s | 2.0 s | 30 x |",
        "| b | 240 s | not reached | - |",
    ]
