"""Writes the README's tables of speed and quality from the committed results: `python benchmarks/common/table.py`."""

import json
import math
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NONE = "There are no results yet: `make bench` makes them."
HEADS = {
    "speed": ["| what | the tutorials' way | the course | faster |", "|---|---|---|---|"],
    "quality": [
        "| data and ruler | floor (FID of real pictures) | training pictures | generated | with a guide |",
        "|---|---|---|---|---|",
    ],
}


def marks(name: str) -> tuple[str, str]:
    """The two lines of the README between which a table stands."""
    return f"<!-- {name}: written by benchmarks/common/table.py -->\n", f"<!-- end of {name} -->\n"


def _short(value: float) -> str:
    """Two significant digits, without an exponent: the third changes from run to run."""
    digits = 1 - math.floor(math.log10(value))
    return f"{round(value, digits):.{max(0, digits)}f}"


def speed(contents: list[dict]) -> list[str]:
    """The rows of the table of speed, of all results that have some, in their order."""
    found = []
    for content in contents:
        for row in content.get("rows", []):
            course = "not reached" if row["course"] is None else f"{_short(row['course'])} {row['unit']}"
            ratio = "-" if row["ratio"] is None else f"{_short(row['ratio'])} x"
            found.append(f"| {row['what']} | {_short(row['tutorial'])} {row['unit']} | {course} | {ratio} |")
    return found


def quality(contents: list[dict]) -> list[str]:
    """The rows of the table of quality."""
    return [
        f"| {row['what']} | {row['floor']:.3g} | "
        + " | ".join(f"{row[kind]:.2f}" for kind in ("training", "generated", "guided"))
        + " |"
        for content in contents
        for row in content.get("quality", [])
    ]


ROWS = {"speed": speed, "quality": quality}


def filled(text: str, folder: Path = ROOT / "benchmarks" / "results") -> str:
    """The README's text with the tables of the results in a folder.

    Raises:
        ValueError: the text lacks the two marks between which a table stands.
    """
    contents = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    for name, head in HEADS.items():
        begin, end = marks(name)
        if text.count(begin) != 1 or text.count(end) != 1:
            raise ValueError(f"`text` must have each of {begin!r} and {end!r} once.")
        before, rest = text.split(begin)
        _, after = rest.split(end)
        rows = ROWS[name](contents)
        text = before + begin + "\n".join([*head, *rows] if rows else [NONE]) + "\n" + end + after
    return text


if __name__ == "__main__":
    readme = ROOT / "README.md"
    readme.write_text(filled(readme.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
