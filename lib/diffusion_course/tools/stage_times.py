"""Where the time of the tests went: stages and the slowest tests, in a file that is kept."""

import json
from pathlib import Path
from xml.etree import ElementTree

from diffusion_course.course.writing import write_whole

SLOWEST = 50


def of_tests(report: Path, stage: str) -> list[dict]:
    """The tests of a JUnit report, as pytest writes it.

    Args:
        report: the file; one that is not there or not whole (pytest was stopped) has no tests.
        stage: the stage that wrote it.

    Returns:
        A dict per test: ``seconds`` with its fixtures, ``stage``, ``test``.
    """
    if not report.is_file():
        return []
    try:
        cases = ElementTree.parse(report).getroot().iter("testcase")
    except ElementTree.ParseError:  # pytest was ended while it wrote
        return []
    return [
        {"seconds": float(case.get("time", 0)), "stage": stage, "test": f"{case.get('classname')}::{case.get('name')}"}
        for case in cases
    ]  # fmt: skip


def write(path: Path, stages: list[dict], tests: list[dict], slower: float | None) -> None:
    """Writes the times as JSON; aside first, so that an interrupted run leaves the file of the last whole one.

    Args:
        path: the file.
        stages: a dict per stage: ``stage``, ``seconds``, ``passed``.
        tests: as `of_tests` gives them; the slowest are kept.
        slower: how many times longer than the reference this machine takes; None if it was not measured.
    """
    slowest = sorted(tests, key=lambda test: -test["seconds"])[:SLOWEST]
    content = {"slowness": slower, "tests": len(tests), "stages": stages, "slowest": slowest}
    write_whole(path, (json.dumps(content, indent=1) + "\n").encode())
