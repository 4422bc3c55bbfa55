"""One notebook as the Markdown of one chapter of the book."""

import re
from pathlib import Path

import nbformat

from diffusion_course.course.manifest import Chapter, Manifest
from diffusion_course.tools.book_markdown import BookError, Place, convert, headings
from diffusion_course.tools.book_outputs import Context, folded, render
from diffusion_course.tools.book_pages import head_html

# papermill's own cell, which only repeats what the chapter's head says.
_HIDDEN = "injected-parameters"


def read_notebook(content: str, name: str) -> nbformat.NotebookNode:
    """Reads a notebook of format 4 or older.

    Args:
        content: text of the file.
        name: of the file, for the message.

    Returns:
        The notebook, valid.

    Raises:
        BookError: the text is no notebook.
    """
    try:
        notebook = nbformat.reads(content, as_version=4)
        nbformat.validate(notebook)
    except (nbformat.reader.NotJSONError, nbformat.ValidationError, KeyError, AttributeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise BookError(f"{name} must be a valid Jupyter notebook. Received: {reason}") from error
    return notebook


def notebook_markdown(content: str, chapter: Chapter, manifest: Manifest, root: Path) -> str:
    """The page of a chapter.

    Args:
        content: text of the executed notebook.
        chapter: which chapter it is.
        manifest: the course.
        root: the course's folder, for links to files.

    Returns:
        Markdown for mdBook.

    Raises:
        BookError: the notebook is damaged, or a link in it has no target.
    """
    notebook = read_notebook(content, chapter.notebook)
    chapters = frozenset(c.notebook for c in manifest.notebooks)
    heading_at = headings(c.source if c.cell_type == "markdown" else "" for c in notebook.cells)
    profile = notebook.metadata.get("papermill", {}).get("parameters", {}).get("profile")
    head = head_html(chapter, manifest, profile)
    headed = False
    blocks = []
    for index, cell in enumerate(notebook.cells):
        place = Place(chapter.notebook, root, chapters, cell.get("attachments", {}))
        tags = cell.metadata.get("tags", [])
        if cell.cell_type == "markdown":
            body = [convert(cell.source, place)]
            # The title is not always first: papermill puts a notice before it where a cell has failed.
            title = None if headed else re.match(r"\s*(# [^\n]+)\n?", body[0])
            if title:
                headed = True
                body = [title[1], head, body[0][title.end() :].strip()]
        elif cell.cell_type == "code" and _HIDDEN not in tags:
            body = _code(cell, Context(place, heading_at(index)))
        else:
            continue
        blocks += _framed([b for b in body if b.strip()], tags)
    if not headed:
        blocks = [f"# {chapter.title}", head, *blocks]
    return "\n\n".join(blocks) + "\n"


def _code(cell: nbformat.NotebookNode, context: Context) -> list[str]:
    source = cell.source.rstrip()
    show = source and "hide-input" not in cell.metadata.get("tags", [])
    # The course's language is Python; a cell with another one names it in its magic.
    language = re.match(r"%%(bash|sh|html|javascript|latex)\b", source)
    code = [fence(source, language[1] if language else "python")] if show else []
    return code + render(cell.outputs, context)


def fence(source: str, language: str) -> str:
    """A fenced block that is longer than any fence in the source."""
    longest = max((len(run) for run in re.findall(r"`+", source)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}{language}\n{source}\n{ticks}"


def _framed(body: list[str], tags: list[str]) -> list[str]:
    if not body:
        return []
    joined = "\n\n".join(body)
    if "solution" in tags:
        return [folded("Solution", joined, "solution")]
    if "parameters" in tags:
        return [folded("Parameters of this run", joined, "parameters")]
    if "exercise" in tags:
        label = '<p class="course-label">Exercise</p>'
        return [f'<div class="course-exercise">\n{label}\n\n{joined}\n\n</div>']
    return body
