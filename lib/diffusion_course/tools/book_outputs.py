"""Outputs of code cells as Markdown with HTML blocks: text, figures, tables, errors; never a dead control."""

import base64
import html
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import bleach
from bleach.css_sanitizer import CSSSanitizer

from diffusion_course.tools.book_markdown import Place, convert, data_uri

WIDGET = "application/vnd.jupyter.widget-view+json"
_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml")

_STILL = "A still of an interactive part: run the notebook to use it."
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_PROGRESS_BAR = re.compile(r"\d+%\|")
_DROPPED = re.compile(
    r"<(script|style|button|select|textarea|iframe|object|template|noscript)\b.*?</\1\s*>|<!--.*?-->",
    re.DOTALL | re.IGNORECASE,
)
_TAGS = frozenset(
    "a abbr b blockquote br caption code col colgroup dd del details div dl dt em figcaption figure "
    "h3 h4 h5 h6 hr i img kbd li mark ol p pre s samp small span strong sub summary sup "
    "table tbody td tfoot th thead tr u ul var".split()
)
_ATTRIBUTES = {"class", "style", "title", "lang", "dir", "role", "aria-label", "scope", "colspan", "rowspan"}
_IMAGE_ATTRIBUTES = {"src", "alt", "width", "height"}
_STYLES = CSSSanitizer(
    allowed_css_properties=(
        "background background-color border border-bottom border-collapse border-color border-left border-radius "
        "border-right border-style border-top border-width color display font-family font-size font-style "
        "font-weight height line-height margin margin-bottom margin-left margin-right margin-top max-width min-width "
        "overflow-x padding padding-bottom padding-left padding-right padding-top text-align text-decoration "
        "vertical-align white-space width"
    ).split()
)


def _allowed(tag: str, name: str, value: str) -> bool:
    if tag == "img" and name in _IMAGE_ATTRIBUTES:
        return name != "src" or value.startswith("data:image/")
    if tag == "a" and name == "href":
        return not value.lower().lstrip().startswith("data:")
    return name in _ATTRIBUTES or (tag == "details" and name == "open")


_CLEANER = bleach.Cleaner(
    tags=_TAGS,
    attributes=_allowed,
    protocols={"http", "https", "mailto", "data"},
    strip=True,
    css_sanitizer=_STYLES,
)


@dataclass(frozen=True)
class Context:
    """What the outputs of one cell are rendered with.

    Attributes:
        place: to resolve links in Markdown outputs.
        heading: the section the cell stands in, for figures that bring no words of their own.
    """

    place: Place
    heading: str


def plain(text: str) -> str:
    """Text as a terminal leaves it: without colours, and without what a carriage return has overwritten."""
    lines = []
    for line in _ANSI.sub("", text).replace("\r\n", "\n").split("\n"):
        while "\b" in line:
            shorter = re.sub(r"[^\b]\x08", "", line, count=1)
            line = shorter if shorter != line else line.replace("\b", "")
        lines.append(line.rstrip("\r").rpartition("\r")[2])
    return "\n".join(lines)


def sanitized(fragment: str) -> str:
    """HTML of an output without scripts, styles of its own, controls, and files from elsewhere.

    Args:
        fragment: HTML.

    Returns:
        HTML without blank lines: one of those would end the HTML block in Markdown.
    """
    clean = _CLEANER.clean(_DROPPED.sub("", fragment)).strip()
    return re.sub(r"\n(?=[ \t]*\n)", "&#10;", clean)


def pre(text: str, kind: str) -> str:
    """Preformatted text as a block of HTML."""
    return f'<pre class="course-{kind}">{html.escape(text, quote=False)}</pre>'


def folded(summary: str, body: str, kind: str) -> str:
    """A block that the reader opens."""
    head = f'<details class="course-fold course-{kind}">\n<summary>{html.escape(summary)}</summary>'
    return f"{head}\n\n{body}\n\n</details>"


def figure(kind: str, data: str, metadata: dict, fallback: str, caption: str) -> str:
    """A picture with its words.

    Args:
        kind: MIME type.
        data: base64, or source for SVG.
        metadata: of this MIME type: ``alt``, ``width``, ``height``, each optional.
        fallback: alternative text where the metadata have none.
        caption: Markdown for the line below; may be empty.

    Returns:
        A ``<figure>`` block.
    """
    if kind == "image/svg+xml":
        data = base64.b64encode(data.encode("utf-8")).decode("ascii")
    alt = " ".join((metadata.get("alt") or fallback).split())
    size = "".join(f' {key}="{int(metadata[key])}"' for key in ("width", "height") if key in metadata)
    # An <img> runs no script, also not one inside an SVG.
    image = f'<img src="{data_uri(kind, data)}" alt="{html.escape(alt)}"{size}>'
    words = f"<figcaption>\n\n{caption}\n\n</figcaption>\n" if caption else ""
    return f'<figure class="course-figure">\n{image}\n{words}</figure>'


def render(outputs: list, context: Context) -> list[str]:
    """The outputs of one cell, each as a block of Markdown.

    Args:
        outputs: as in the notebook (nbformat 4).
        context: where they stand.

    Returns:
        Blocks in order; consecutive pieces of one stream are joined.
    """
    blocks = []
    for output in _with_captions(_joined(outputs)):
        if output["output_type"] == "stream":
            text = plain(output["text"]).strip("\n")
            if not text.strip():
                continue
            stderr = output["name"] == "stderr"
            blocks.append(
                folded("Messages", pre(text, "stderr"), "messages") if stderr else pre(text, "stdout")
            )
        elif output["output_type"] == "error":
            blocks.append(_error(output))
        else:
            blocks += _data(output["data"], output.get("metadata", {}), context)
    return blocks


def _with_captions(outputs: list[dict]) -> Iterator[dict]:
    """Joins a picture and the line in italics that ``plots.show`` displays below it."""
    rest = deque(outputs)
    while rest:
        output = rest.popleft()
        kind = next((k for k in _PICTURES if k in output.get("data", {})), None)
        words = _text(rest[0].get("data", {}).get("text/markdown", "")).strip() if kind and rest else ""
        if re.fullmatch(r"\*(?![*\s])(?:(?!\n\s*\n).)+\*", words, re.DOTALL):
            rest.popleft()
            of_kind = {"caption": words[1:-1], **output.get("metadata", {}).get(kind, {})}
            output = {**output, "metadata": {**output.get("metadata", {}), kind: of_kind}}
        yield output


def _joined(outputs: list) -> list[dict]:
    joined: list[dict] = []
    for output in outputs:
        last = joined[-1] if joined else {}
        if output["output_type"] == "stream" and last.get("name") == output["name"]:
            last["text"] += _text(output["text"])
        else:
            joined.append({**output, "text": _text(output["text"])} if "text" in output else dict(output))
    return joined


def _text(value: str | list[str]) -> str:
    return value if isinstance(value, str) else "".join(value)


def _error(output: dict) -> str:
    name, value = plain(output["ename"]), plain(output["evalue"])
    trace = plain("\n".join(output["traceback"]))
    head = (
        f'<p class="course-error" role="note"><strong>{html.escape(name)}</strong>: {html.escape(value)}</p>'
    )
    head = " ".join(head.split())
    return head + ("\n\n" + folded("Traceback", pre(trace, "stderr"), "traceback") if trace.strip() else "")


def _data(data: dict, metadata: dict, context: Context) -> list[str]:
    text = plain(_text(data.get("text/plain", "")))
    fragment = _text(data.get("text/html", ""))
    for kind in _PICTURES:
        if kind in data:
            below = re.search(r"<figcaption[^>]*>(.*?)</figcaption>", fragment, re.DOTALL | re.IGNORECASE)
            words = html.unescape(re.sub(r"<[^>]*>", "", below[1])) if below else ""
            of_kind = metadata.get(kind, {})
            caption = convert(of_kind["caption"], context.place) if of_kind.get("caption") else ""
            if WIDGET in data:
                caption = f"{caption}\n\n{_STILL}".strip()
            section = f"Figure in the section “{context.heading}”" if context.heading else "Figure"
            return [
                figure(kind, _text(data[kind]), of_kind, of_kind.get("caption") or words or section, caption)
            ]
    if fragment:
        clean = sanitized(fragment)
        return [f'<div class="course-html">\n{clean}\n</div>'] if clean else []
    if WIDGET in data:
        if _PROGRESS_BAR.search(text):
            return []
        return ['<p class="course-interactive">Interactive: run the notebook to use this part.</p>']
    for kind in ("text/markdown", "text/latex"):
        if kind in data:
            return [convert(_text(data[kind]), context.place)]
    return [pre(text, "result")] if text.strip() else []
