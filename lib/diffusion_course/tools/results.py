"""Reads the results that chapters leave as JSON and judges them by the manifest's bands."""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path

from rich.table import Table

from diffusion_course.course.manifest import Chapter


@dataclass
class Outcome:
    """How one chapter did.

    Attributes:
        chapter: its entry in the manifest.
        seconds: wall time, as far as known.
        cpu_seconds: processor time of the notebook's process, all cores together; None without a report.
        peak_memory_bytes: of the notebook's process; None without a report.
        rows: (label, value, band, verdict), one per metric, as text.
        problems: what is wrong, one sentence each; empty if the chapter did what it promises.
        detail: cell and traceback of the failure, if there was one.
    """

    chapter: Chapter
    seconds: float | None = None
    cpu_seconds: float | None = None
    peak_memory_bytes: int | None = None
    rows: list[tuple[str, str, str, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    detail: str = ""

    @property
    def ok(self) -> bool:
        """No problem was found."""
        return not self.problems


def result_path(folder: Path, chapter: Chapter, profile: str) -> Path:
    """Where a chapter leaves its result."""
    return folder / f"{chapter.id}.{profile}.json"


def _band(chapter: Chapter, metric: str, profile: str) -> str:
    promise = chapter.expect.get(metric)
    if promise is None or profile not in promise.bands:
        return "-"
    low, high = promise.bands[profile]
    return f"{low:g} to {high:g}"


def judge(outcome: Outcome, folder: Path, profile: str) -> Outcome:
    """Reads a chapter's result and judges it by the manifest, not by what the result says of itself.

    Args:
        outcome: completed in place.
        folder: where the results lie.
        profile: the profile that ran.

    Returns:
        The same outcome.
    """
    chapter, path = outcome.chapter, result_path(folder, outcome.chapter, profile)
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        metrics = {name: entry["value"] for name, entry in record["metrics"].items()}
        outcome.cpu_seconds = float(record["cpu_seconds"])
        outcome.peak_memory_bytes = int(record["peak_memory_bytes"])
        outcome.seconds = float(record["wall_seconds"]) if outcome.seconds is None else outcome.seconds
        said = (record["chapter"], record["profile"])
    except FileNotFoundError:
        outcome.problems.append("it left no report: `course.report` did not run")
        return outcome
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        outcome.problems.append(f"its report {path.name} cannot be read ({type(error).__name__}: {error})")
        return outcome
    if said != (chapter.id, profile):
        outcome.problems.append(f"its report is of chapter {said[0]} in profile {said[1]}")
    for name in [*chapter.expect, *(name for name in metrics if name not in chapter.expect)]:
        promise, band = chapter.expect.get(name), _band(chapter, name, profile)
        label = promise.label if promise else name
        if name not in metrics:
            outcome.rows.append((label, "-", band, "missing"))
            outcome.problems.append(f"it promised to report `{name}` and did not")
            continue
        value = (
            math.nan if metrics[name] is None else float(metrics[name])
        )  # JSON has no NaN: null stands for it
        verdict = promise.verdict(value, profile) if promise else "not judged"
        outcome.rows.append((label, f"{value:.4g}", band, verdict))
        if verdict == "outside":
            outcome.problems.append(f"`{name}` = {value:.4g} is outside its band, {band}")
    return outcome


def table(outcomes: list[Outcome], profile: str, title: str) -> Table:
    """The outcomes as a rich table: one row per metric."""
    result = Table(title=title, title_justify="left")
    for column, justify in (("chapter", "left"), ("seconds", "right"), ("peak memory", "right"), ("metric", "left"),
                            ("value", "right"), ("expected", "left"), ("verdict", "left")):  # fmt: skip
        result.add_column(column, justify=justify, overflow="fold")
    colours = {"ok": "green", "outside": "bold red", "missing": "bold red", "FAILED": "bold red"}
    for outcome in outcomes:
        minutes = outcome.chapter.minutes.get(profile)
        seconds = "-" if outcome.seconds is None else f"{outcome.seconds:.0f}"
        memory = "-" if outcome.peak_memory_bytes is None else f"{outcome.peak_memory_bytes / 2**30:.2f} GiB"
        head = (
            f"{outcome.chapter.id} {outcome.chapter.title}",
            f"{seconds} of {minutes * 60:.0f}" if minutes else seconds,
            memory,
        )
        whole = "ok" if outcome.ok else "FAILED"
        rows = outcome.rows or [("", "", "", whole)]
        if not outcome.ok and all(row[3] in ("ok", "not judged") for row in rows):
            rows = [*rows, ("", "", "", "FAILED")]
        for index, (label, value, band, verdict) in enumerate(rows):
            style = colours.get(verdict, "")
            last = f"[{style}]{verdict}[/{style}]" if style else verdict
            result.add_row(
                *(head if index == 0 else ("", "", "")), label.replace("[", r"\["), value, band, last
            )
        result.add_section()
    return result
