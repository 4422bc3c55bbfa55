"""Pages that the book has beside the notebooks: table of contents, cover, and the line at a chapter's head."""

import html
from itertools import groupby
from pathlib import Path

from diffusion_course.course.manifest import PROFILES, Chapter, Manifest


def page_of(chapter: Chapter) -> str:
    """File name of the chapter's page in the book."""
    return Path(chapter.notebook).with_suffix(".html").name


def _markdown(text: str) -> str:
    """Escapes what Markdown or HTML would read."""
    return "".join(f"\\{c}" if c in "[]\\<*_`$&" else c for c in text)


def _times(chapter: Chapter) -> str:
    return ", ".join(f"{chapter.minutes[p]:g} min {p}" for p in PROFILES if p in chapter.minutes)


def summary_markdown(manifest: Manifest) -> str:
    """mdBook's table of contents.

    Args:
        manifest: the course.

    Returns:
        What ``notebooks/SUMMARY.md`` must be, with a final newline.
    """
    lines = ["# Summary"]
    for part, chapters in groupby(manifest.notebooks, key=lambda c: c.part):
        lines += ["", f"# {_markdown(part)}", ""]
        lines += [f"- [{_markdown(c.name)}]({c.notebook})" for c in chapters]
    return "\n".join(lines) + "\n"


def cover_markdown(manifest: Manifest, description: str) -> str:
    """The book's first page: every chapter with its promise and its minutes.

    Args:
        manifest: the course.
        description: what the course is, in one sentence without the full stop.

    Returns:
        Markdown, with links to pages.
    """
    lines = [
        f"# {_markdown(manifest.title)}",
        "",
        f"{_markdown(description)}." if description else "",
        "",
        "These pages show the notebooks with their results. To run them, to move the sliders and to try the "
        "exercises, open them in JupyterLab: `diffusion-course lab`.",
    ]
    for part, chapters in groupby(manifest.notebooks, key=lambda c: c.part):
        lines += ["", f"## {_markdown(part)}", ""]
        for chapter in chapters:
            # A list, not a table: four columns and a sentence do not fit on a phone.
            link = f"**[{_markdown(chapter.name)}]({page_of(chapter)})**"
            lines += [f"- {link}  ", f"  {_markdown(chapter.promise)}  ", f"  *{_times(chapter)}*"]
    lines += ["", "Times: `quick` and `standard` on two CPU cores, `full` on one GPU."]
    return "\n".join(lines) + "\n"


def head_html(chapter: Chapter, manifest: Manifest, profile: str | None) -> str:
    """The line under a chapter's title: part, minutes, what it builds on, the notebook itself.

    Args:
        chapter: the chapter.
        manifest: the course, for the names of the chapters that it needs.
        profile: with which the outputs shown were made; None where the notebook does not say.

    Returns:
        A block of HTML.
    """
    needs = [manifest.chapter(i) for i in chapter.needs]
    links = ", ".join(f'<a href="{page_of(c)}">{html.escape(c.name)}</a>' for c in needs)
    parts = [
        html.escape(chapter.part),
        f"Time: {_times(chapter)}",
        f"Builds on: {links}" if links else "",
        f'Notebook: <a href="{chapter.notebook}" download>{chapter.notebook}</a>',
        f"Results shown: profile {html.escape(profile)}" if profile else "",
    ]
    return (
        '<p class="course-head">'
        + "".join(f"<span>{part}</span> " for part in parts if part).strip()
        + "</p>"
    )
