"""Markdown cells for mdBook: TeX kept away from the Markdown parser, links and pictures pointed into the book."""

import base64
import mimetypes
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote

from markdown_it import MarkdownIt

# Files that chapters link to (sources, licences) are copied to this folder of the book.
FILES = "files"

_MATH = re.compile(
    r"(?P<code>(?<!`)(?P<ticks>`+)(?!`)(?:(?!\n[ \t]*\n).)+?(?<!`)(?P=ticks)(?!`))"
    r"|(?P<escape>\\[\\$`])"
    r"|\$\$(?P<display>(?:(?!\n[ \t]*\n)(?:\\.|\$(?!\$)|[^$\\]))+?)\$\$"
    r"|(?P<environment>\\begin\{(?P<name>[A-Za-z]+\*?)\}.+?\\end\{(?P=name)\})"
    # As in JupyterLab: any pair of dollars in one paragraph, so that the page shows what the notebook shows.
    r"|\$(?P<inline>(?:(?!\n[ \t]*\n)(?:\\.|[^$\\]))+?)\$",
    re.DOTALL,
)
_LINK = re.compile(r"(?P<head>\]\(\s*<?)(?P<target>[^)\s>]+)(?P<tail>>?(?:\s+(?:\"[^\"]*\"|'[^']*'))?\s*\))")
_DEFINITION = re.compile(r"(?m)^(?P<head> {0,3}\[[^\]\n]+\]:\s*<?)(?P<target>[^\s>]+)(?P<tail>>?)")
_ATTRIBUTE = re.compile(r"(?P<head><[^<>]*?\b(?:href|src)=\")(?P<target>[^\"]+)(?P<tail>\")")
_ELSEWHERE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|//")


class BookError(RuntimeError):
    """The book cannot be built as the notebooks are; the message says what to change."""


@dataclass(frozen=True)
class Place:
    """Where a piece of Markdown stands, to resolve its links.

    Attributes:
        notebook: file name of the chapter, for messages.
        root: the course's folder.
        chapters: file names of all chapters.
        attachments: of the cell: name -> {MIME type: base64}.
    """

    notebook: str
    root: Path
    chapters: frozenset[str]
    attachments: dict[str, dict[str, str]] = field(default_factory=dict)


def math_span(tex: str, display: bool) -> str:
    """A ``<span>`` that carries TeX unharmed through the Markdown parser, for KaTeX to render.

    Args:
        tex: without delimiters.
        display: on a line of its own, or in the text.

    Returns:
        One line of HTML in which every character that Markdown might interpret is an entity.
    """
    tex = re.sub(r"(?<!\\)%[^\n]*", "", tex)  # a TeX comment would swallow the rest of the joined line
    tex = " ".join(tex.split())
    encoded = "".join(c if c.isalnum() or c == " " else f"&#{ord(c)};" for c in tex)
    return f'<span class="math math-{"display" if display else "inline"}">{encoded}</span>'


def anchor(fragment: str) -> str:
    """The id that mdBook gives to a heading, from the fragment that Jupyter gives to it."""
    return re.sub(r"[^\w-]", "", re.sub(r"\s", "-", unquote(fragment).strip()).lower())


def convert(markdown: str, place: Place) -> str:
    """Rewrites a Markdown cell for mdBook.

    TeX becomes spans for KaTeX, links between notebooks become links between pages, linked files are pointed to
    ``files/``, pictures are embedded. Code, fenced or inline, stays as it is.

    Args:
        markdown: source of the cell.
        place: where it stands.

    Returns:
        Markdown.

    Raises:
        BookError: a link or picture has no target; the message names notebook and target.
    """
    pieces = []
    for is_code, block in _blocks(markdown):
        if is_code:
            pieces.append(block)
            continue
        end = 0
        text: list[str] = []
        kept: list[str] = []  # code and TeX, set aside while the links are rewritten
        for match in _MATH.finditer(block):
            kept.append(_span(match, block) or match[0])
            text += [block[end : match.start()], f"\0{len(kept) - 1}\0"]
            end = match.end()
        linked = _relink("".join([*text, block[end:]]), place)
        pieces.append(re.sub(r"\0(\d+)\0", lambda m, kept=kept: kept[int(m[1])], linked))
    return "".join(pieces)


def _span(match: re.Match, text: str) -> str | None:
    """HTML of a match of ``_MATH``; None for code and escaped characters."""
    display = match["display"] or match["environment"]
    tex = display or match["inline"]
    if tex is None:
        return None
    line = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
    if line.lstrip().startswith(">"):
        tex = re.sub(r"\n[ \t]*>[ \t]?", "\n", tex)
    return math_span(tex, display is not None)


def _blocks(markdown: str) -> Iterator[tuple[bool, str]]:
    """Splits into (is a code block, text), in order; joined, the texts are the input."""
    # A NUL would be taken for a place holder; Markdown replaces it by U+FFFD anyway.
    lines = markdown.replace("\0", "\ufffd").splitlines(keepends=True)
    start = 0
    for token in MarkdownIt().parse("".join(lines)):
        if token.type not in ("fence", "code_block") or not token.map:
            continue
        first, last = token.map
        yield False, "".join(lines[start:first])
        yield True, "".join(lines[first:last])
        start = last
    yield False, "".join(lines[start:])


def _relink(text: str, place: Place) -> str:
    def replaced(match: re.Match) -> str:
        return match["head"] + resolve(match["target"], place) + match["tail"]

    for pattern in (_LINK, _DEFINITION, _ATTRIBUTE):
        text = pattern.sub(replaced, text)
    return text


def resolve(target: str, place: Place) -> str:
    """The target of a link or picture, as the book has it.

    Args:
        target: as written in the notebook.
        place: where it is written.

    Returns:
        A page (``01_x.html#y``), a copied file (``files/...``), a data URI, or ``target`` if it leads elsewhere.

    Raises:
        BookError: there is no such chapter or file.
    """
    if target.startswith("attachment:"):
        return _attachment(target, place)
    if _ELSEWHERE.match(target):
        return target
    path, _, fragment = target.partition("#")
    tail = f"#{anchor(fragment)}" if fragment else ""
    if not path:
        return tail
    if path in place.chapters:
        return Path(path).with_suffix(".html").as_posix() + tail
    file = (place.root / "notebooks" / unquote(path)).resolve()
    if not file.is_file() or not file.is_relative_to(place.root):
        raise BookError(
            f"{place.notebook}: a link must lead to a chapter in book.toml or to a file of the course, "
            f"relative to notebooks/. Received: {target}"
        )
    kind = mimetypes.guess_type(file.name)[0] or ""
    if kind.startswith("image/"):
        return data_uri(kind, base64.b64encode(file.read_bytes()).decode("ascii"))
    return quote(f"{FILES}/{file.relative_to(place.root).as_posix()}")


def _attachment(target: str, place: Place) -> str:
    name = unquote(target.removeprefix("attachment:"))
    for kind, data in place.attachments.get(name, {}).items():
        return data_uri(kind, data)
    raise BookError(
        f"{place.notebook}: a picture must be attached to the cell that shows it. Received: {target}"
    )


def data_uri(kind: str, base64_data: str) -> str:
    """A picture as a URI, so that a page is one file."""
    return f"data:{kind};base64,{''.join(base64_data.split())}"


def headings(sources: Iterable[str]) -> Callable[[int], str]:
    """Finds, for a position in a notebook, the words of the last heading before it.

    Args:
        sources: for each cell its Markdown, or "" for a code cell.

    Returns:
        Callable, index of a cell -> heading without its marks; "" if there is none.
    """
    found, last = [], ""
    for source in sources:
        for is_code, block in _blocks(source):
            lines = [] if is_code else re.findall(r"(?m)^#{1,6}\s+(.+?)\s*#*$", block)
            last = re.sub(r"[*_`$]", "", lines[-1]) if lines else last
        found.append(last)
    return lambda index: found[index]
