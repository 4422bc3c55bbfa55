"""The README shows the numbers of the committed results, and no others."""

from common import table

from diffusion_course.paths import course_root


def test_readme_shows_the_committed_results():
    text = (course_root() / "README.md").read_text(encoding="utf-8")
    assert table.filled(text) == text, "run `python benchmarks/common/table.py`"


def test_a_changed_number_is_noticed():
    text = (course_root() / "README.md").read_text(encoding="utf-8")
    begin = text.index(table.BEGIN)
    row = text.index(" x |", begin)
    changed = text[: row - 1] + ("1" if text[row - 1] != "1" else "2") + text[row:]
    assert table.filled(changed) == text


def test_lines():
    row = {"what": "a", "tutorial": 61.234, "course": 2.0449, "unit": "s", "ratio": 29.94}
    missed = {"what": "b", "tutorial": 240.0, "course": None, "unit": "s", "ratio": None}
    assert table.lines([{"rows": [row]}, {"rows": [missed]}, {}]) == [
        "| a | 61 s | 2.0 s | 30 x |",
        "| b | 240 s | not reached | - |",
    ]
