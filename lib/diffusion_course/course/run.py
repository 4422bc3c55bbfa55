"""What every chapter begins and ends with: `start` fixes seed, profile and budget; `report` states the result."""

import html
import json
import math
import os
import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from diffusion_course.course.manifest import Chapter, check_profile, load_manifest
from diffusion_course.course.paths import course_root, results_dir, spare_dir
from diffusion_course.course.writing import write_whole

_current: "Run | None" = None


@dataclass
class Run:
    """One execution of one chapter.

    Attributes:
        chapter: its entry in the manifest.
        profile: ``quick``, ``standard`` or ``full``.
        seed: the number that fixes every random draw of Keras, NumPy and Python.
    """

    chapter: Chapter
    profile: str
    seed: int
    started: float = field(default_factory=time.monotonic)

    def pick(self, **by_profile: Any) -> Any:
        """The value meant for this run's profile, e.g. ``epochs = run.pick(quick=1, standard=10)``.

        Args:
            **by_profile: values for ``quick``, ``standard`` and optionally ``full`` (default: as ``standard``).

        Raises:
            ValueError: a keyword is not a profile, or this profile has no value.
        """
        for name in by_profile:
            check_profile(name)
        by_profile.setdefault("full", by_profile.get("standard"))
        if by_profile.get(self.profile) is None:
            raise ValueError(f"`pick` must get a value for profile {self.profile!r}. Received: {by_profile}")
        return by_profile[self.profile]

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(str(self))}</p>"

    def __str__(self) -> str:
        from diffusion_course.backend import device_report

        device = device_report()
        minutes = self.chapter.minutes.get(self.profile)
        budget = f", about {minutes:g} min on two CPU cores" if minutes else ""
        number = f"Chapter {self.chapter.id}, " if self.chapter.id.isdigit() else ""
        name = number + self.chapter.title
        return (
            f"{name}: profile {self.profile}{budget}, seed {self.seed}. "
            f"Keras {device['keras_version']} on {device['backend']} {device['backend_version']}, "
            f"{', '.join(device['devices'])}."
        )

    __repr__ = __str__


def start(chapter: str, profile: str | None = None, seed: int | None = None) -> Run:
    """Begins a chapter: loads the backend without its notices, seeds every generator and fixes the profile.

    Call it before anything else imports Keras, so that the first cell shows what matters.

    Args:
        chapter: the chapter's id, e.g. ``"01"``.
        profile: ``quick``, ``standard`` or ``full``; by default ``COURSE_PROFILE``, else ``standard``.
        seed: a non-negative integer; by default ``COURSE_SEED``, else 0.

    Returns:
        The Run; shown as the last line of a cell it says what runs where and for how long.

    Raises:
        ValueError: an unknown chapter or profile, or a seed that is no non-negative integer.
    """
    from diffusion_course.backend import load_quietly

    global _current
    profile = check_profile(profile or os.environ.get("COURSE_PROFILE", "standard"))
    text = os.environ.get("COURSE_SEED", "0") if seed is None else str(seed)
    if not text.isdecimal():
        raise ValueError(f"A seed must be a non-negative integer. Received: {text!r}")
    load_quietly()
    import keras

    keras.utils.set_random_seed(int(text))
    _current = Run(load_manifest().chapter(chapter), profile, int(text))
    return _current


@dataclass
class Report:
    """A chapter's result against its expectations; displays itself as a table.

    Attributes:
        record: the result as it was written.
        note: where the result is, if it could not be written where it belongs; else empty.
    """

    record: dict
    note: str = ""

    @property
    def ok(self) -> bool:
        """True when every promised metric was reported and none lies outside its band."""
        return self.record["ok"]

    def rows(self) -> list[tuple[str, str, str, str]]:
        """(label, value, band, verdict) for every metric, promised but missing ones included."""
        rows = []
        for entry in self.record["metrics"].values():
            judged = entry["low"] is not None
            band = f"{entry['low']:g} to {entry['high']:g}" if judged else "-"
            label = f"{entry['label']} [{entry['unit']}]" if entry["unit"] else entry["label"]
            value = "not finite" if entry["value"] is None else f"{entry['value']:.4g}"
            rows.append((label, value, band, entry["verdict"]))
        return rows + [(name, "-", "-", "missing") for name in self.record["missing"]]

    def _footer(self) -> str:
        r = self.record
        memory = r["peak_memory_bytes"] / 2**30
        said = f"{r['wall_seconds']:.0f} s, peak memory {memory:.2f} GiB, profile {r['profile']}, seed {r['seed']}."
        return f"{said} {self.note}".rstrip()

    def _repr_html_(self) -> str:
        # The sign repeats what the colour says, for readers who do not see the difference.
        style = {"ok": ("#0072b2", "✓"), "outside": ("#d55e00", "✗"), "missing": ("#d55e00", "✗")}
        body = ""
        for label, value, band, verdict in self.rows():
            colour, sign = style.get(verdict, ("inherit", "·"))
            cells = "".join(f"<td>{html.escape(text)}</td>" for text in (label, value, band))
            body += f'<tr>{cells}<td style="color:{colour}"><b>{sign} {verdict}</b></td></tr>'
        head = "<tr><th>metric</th><th>value</th><th>expected</th><th>verdict</th></tr>"
        return (
            f"<table><thead>{head}</thead><tbody>{body}</tbody></table><p>{html.escape(self._footer())}</p>"
        )

    def __str__(self) -> str:
        lines = [
            f"{label}: {value} (expected {band}) {verdict}" for label, value, band, verdict in self.rows()
        ]
        return "\n".join([*lines, self._footer()])

    __repr__ = __str__


def results_path(chapter: str, profile: str) -> Path:
    """Where the report of a chapter is written: ``build/results``, or the folder ``COURSE_RESULTS_DIR``."""
    return results_dir() / f"{chapter}.{profile}.json"


def _keep(record: dict) -> str:
    """Writes a result. One that cannot be written must not cost the learner the table that she waited for.

    Returns:
        Nothing, or a sentence that says where the result is instead, and why.
    """
    content = (json.dumps(record, indent=1) + "\n").encode()
    wanted = None
    try:
        wanted = results_path(record["chapter"], record["profile"])
        write_whole(wanted, content)
        own = course_root() / "build"
        if os.environ.get("COURSE_RESULTS_DIR") or wanted.is_relative_to(own):
            return ""
        return f"This result is in {wanted}, because {own} may not be written."
    except OSError as error:
        place = f"{wanted.parent} may not be written" if wanted else "no folder may be written"
        reason = f"{place} ({error.strerror or error})"
    try:
        spare = spare_dir() / "results" / f"{record['chapter']}.{record['profile']}.json"
        write_whole(spare, content)
    except OSError:
        return f"This result was not kept: {reason}. `diffusion-course doctor` says more."
    return f"This result is in {spare}, because {reason}."


def report(**metrics: float) -> Report:
    """Ends a chapter: compares what it measured with what it promised, and writes the result as JSON.

    A value outside its band does not raise: a learner who experiments may leave the band, and the table says so.
    `make test` and `make run` fail on it. A result that cannot be written where it belongs is written elsewhere, and
    the table says where.

    Args:
        **metrics: measured values under the names that ``book.toml`` uses; other names are shown but not judged.

    Returns:
        The Report, to be shown as the last line of the cell.

    Raises:
        RuntimeError: `start` was not called.
        TypeError: a value is not a number.
    """
    from diffusion_course import __version__
    from diffusion_course.backend import device_report, peak_memory_bytes

    if _current is None:
        raise RuntimeError("`course.report` must come after `course.start`. Run the notebook from the top.")
    run, expect = _current, _current.chapter.expect
    entries = {}
    for name in [*(n for n in expect if n in metrics), *(n for n in metrics if n not in expect)]:
        value = float(metrics[name])
        promise = expect.get(name)
        low, high = promise.bands.get(run.profile, (None, None)) if promise else (None, None)
        entries[name] = {
            "label": promise.label if promise else name,
            "unit": promise.unit if promise else "",
            "value": value if math.isfinite(value) else None,  # JSON has no NaN
            "low": low,
            "high": high,
            "verdict": promise.verdict(value, run.profile) if promise else "not judged",
        }
    missing = [name for name in expect if name not in metrics]
    device = device_report()
    record = {
        "chapter": run.chapter.id,
        "profile": run.profile,
        "seed": run.seed,
        "ok": not missing and all(e["verdict"] != "outside" for e in entries.values()),
        "wall_seconds": round(time.monotonic() - run.started, 2),
        "cpu_seconds": round(time.process_time(), 2),
        "peak_memory_bytes": peak_memory_bytes(),
        "metrics": entries,
        "missing": missing,
        "device": ", ".join(device["devices"]),
        "versions": {
            "course": __version__,
            "keras": device["keras_version"],
            device["backend"]: device["backend_version"],
        },
        "finished": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    return Report(record, _keep(record))
