"""The course's manifest: chapters, their order, budgets and expected results, read from ``book.toml``."""

import math
import sys
from dataclasses import dataclass, field
from pathlib import Path

from diffusion_course.course.paths import course_root

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROFILES = ("quick", "standard", "full")


class UnknownChapter(ValueError):
    """A chapter was asked for that ``book.toml`` does not name."""


@dataclass(frozen=True)
class Expectation:
    """What a chapter promises about one metric.

    Attributes:
        metric: keyword under which the chapter reports it, e.g. ``test_mse``.
        label: the same in words.
        unit: unit or scale of the value, e.g. ``"pixel² in [0, 1]"``; may be empty.
        bands: profile -> (low, high), both inclusive; a profile without a band is reported but not judged.
        untrained: what a model that was never trained scores (in a chapter without one, what a wrong process
            scores); NaN if it gives no number, None if it was not measured. No band contains it.
    """

    metric: str
    label: str
    unit: str
    bands: dict[str, tuple[float, float]]
    untrained: float | None = None

    def verdict(self, value: float, profile: str) -> str:
        """``"ok"``, ``"outside"`` or, where the profile has no band, ``"not judged"``. NaN is outside."""
        if profile not in self.bands:
            return "not judged"
        low, high = self.bands[profile]
        return "ok" if low <= value <= high else "outside"


@dataclass(frozen=True)
class Chapter:
    """One notebook of the course: a chapter, or an appendix, which promises no result.

    Attributes:
        id: two digits, the notebook's prefix; of an appendix its name without ".ipynb".
        notebook: file name below ``notebooks/``.
        title, part, promise: words for tables and the book.
        minutes: profile -> minutes on two CPU cores, rounded up.
        needs: ids of the chapters that this one builds on.
        expect: metric -> Expectation, in reporting order.
    """

    id: str
    notebook: str
    title: str
    part: str
    promise: str
    minutes: dict[str, float]
    needs: tuple[str, ...] = ()
    expect: dict[str, Expectation] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """How lists and links name it: ``"01 Autoencoder"``; an appendix has no number."""
        return f"{self.id} {self.title}" if self.id.isdigit() else self.title


@dataclass(frozen=True)
class Manifest:
    """Title, and in reading order chapters and the appendices behind them."""

    title: str
    chapters: tuple[Chapter, ...]
    appendices: tuple[Chapter, ...] = ()

    @property
    def notebooks(self) -> tuple[Chapter, ...]:
        """Chapters and appendices."""
        return self.chapters + self.appendices

    def chapter(self, chapter_id: str) -> Chapter:
        """The chapter or appendix with that id.

        Raises:
            UnknownChapter: there is none; the message lists the ids.
        """
        for chapter in self.notebooks:
            if chapter.id == chapter_id:
                return chapter
        known = ", ".join(c.id for c in self.notebooks)
        raise UnknownChapter(f"A chapter must be one of {known}. Received: {chapter_id!r}")


def check_profile(profile: str) -> str:
    """Returns ``profile`` if it is one of ``PROFILES``.

    Raises:
        ValueError: it is not.
    """
    if profile not in PROFILES:
        raise ValueError(f"A profile must be one of {', '.join(PROFILES)}. Received: {profile!r}")
    return profile


def _expectation(where: str, metric: str, entry: dict) -> Expectation:
    bands = {}
    for profile in PROFILES:
        if profile not in entry:
            continue
        band = entry[profile]
        if len(band) != 2 or not all(math.isfinite(edge) for edge in band) or band[0] > band[1]:
            raise ValueError(
                f"{where}: a band must be [low, high], finite, low <= high. Received: {profile} = {band}"
            )
        bands[profile] = (float(band[0]), float(band[1]))
    untrained = None if "untrained" not in entry else float(entry["untrained"])
    expectation = Expectation(metric, entry["label"], entry.get("unit", ""), bands, untrained)
    if untrained is not None:
        for profile, (low, high) in bands.items():
            if expectation.verdict(untrained, profile) == "ok":
                raise ValueError(
                    f"{where}: a band must exclude what an untrained model scores, {untrained:g}. "
                    f"Received: {profile} = [{low:g}, {high:g}]"
                )
    return expectation


def load_manifest(path: Path | None = None) -> Manifest:
    """Reads the manifest.

    Args:
        path: a ``book.toml``; the course's own by default.

    Returns:
        The Manifest.

    Raises:
        ValueError: an entry breaks a rule; the message names the chapter.
    """
    path = path or course_root() / "book.toml"
    with open(path, "rb") as file:
        book = tomllib.load(file)
    course = book["preprocessor"]["course"]
    chapters = _read(course["chapter"], f"{path.name}, chapter")
    appendices = _read(course.get("appendix", []), f"{path.name}, appendix")
    ids = [c.id for c in chapters]
    if ids != sorted(set(ids)):
        raise ValueError(f"{path.name}: chapter ids must be unique and in order. Received: {ids}")
    for appendix in appendices:
        if appendix.notebook != f"{appendix.id}.ipynb" or appendix.id[:1].isdigit() or appendix.expect:
            raise ValueError(
                f"{path.name}: an appendix must have an id that begins with a letter, the notebook of that name, "
                f"and no `expect`. Received: {appendix.id}, {appendix.notebook}"
            )
    return Manifest(book["book"]["title"], chapters, appendices)


def _read(entries: list[dict], kind: str) -> tuple[Chapter, ...]:
    chapters = []
    for entry in entries:
        where = f"{kind} {entry.get('id')}"
        missing = {"id", "notebook", "title", "part", "promise", "minutes"} - set(entry)
        if missing:
            raise ValueError(f"{where}: a chapter must have {sorted(missing)}. Received: {sorted(entry)}")
        if entry["id"].isdigit() and not entry["notebook"].startswith(entry["id"] + "_"):
            raise ValueError(
                f"{where}: a notebook's name must start with its id. Received: {entry['notebook']}"
            )
        for profile in entry["minutes"]:
            check_profile(profile)
        expect = {m: _expectation(f"{where}, {m}", m, e) for m, e in entry.get("expect", {}).items()}
        chapters.append(
            Chapter(
                entry["id"], entry["notebook"], entry["title"], entry["part"], entry["promise"],
                entry["minutes"], tuple(entry.get("needs", ())), expect,
            )
        )  # fmt: skip
    return tuple(chapters)
