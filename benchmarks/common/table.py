"""Writes the README's table of speed from the committed results: `python benchmarks/common/table.py`."""

import json
import math
from pathlib import Path

BEGIN, END = "<!-- speed: written by benchmarks/common/table.py -->\n", "<!-- end of speed -->\n"
ROOT = Path(__file__).resolve().parents[2]
NONE = "There are no results yet: `make bench` makes them."
HEAD = ["| what | the tutorials' way | the course | faster |", "|---|---|---|---|"]


def _short(value: float) -> str:
    """Two significant digits, without an exponent: the third changes from run to run."""
    digits = 1 - math.floor(math.log10(value))
    return f"{round(value, digits):.{max(0, digits)}f}"


def lines(contents: list[dict]) -> list[str]:
    """The table's rows, of all results that have some, in their order."""
    found = []
    for content in contents:
        for row in content.get("rows", []):
            course = "not reached" if row["course"] is None else f"{_short(row['course'])} {row['unit']}"
            ratio = "-" if row["ratio"] is None else f"{_short(row['ratio'])} x"
            found.append(f"| {row['what']} | {_short(row['tutorial'])} {row['unit']} | {course} | {ratio} |")
    return found


def filled(text: str, folder: Path = ROOT / "benchmarks" / "results") -> str:
    """The README's text with the table of the results in a folder.

    Raises:
        ValueError: the text lacks the two marks between which the table stands.
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"`text` must have each of {BEGIN!r} and {END!r} once.")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    contents = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    rows = lines(contents)
    return before + BEGIN + "\n".join([*HEAD, *rows] if rows else [NONE]) + "\n" + END + after


if __name__ == "__main__":
    readme = ROOT / "README.md"
    readme.write_text(filled(readme.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
