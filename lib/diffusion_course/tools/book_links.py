"""Checks a finished book: every link to a page, a heading or a file leads somewhere, and nothing needs a network."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_LOADED = {("link", "href"), ("script", "src"), ("img", "src"), ("source", "src"), ("iframe", "src")}
# The page for servers refers to the server's root, not to its own folder.
_SKIPPED = {"404.html"}


class _Page(HTMLParser):
    """The ids and the references of one page."""

    def __init__(self):
        super().__init__()
        self.ids: set[str] = set()
        self.references: list[tuple[str, str, str]] = []

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name == "id" and value:
                self.ids.add(value)
            elif name in ("href", "src") and value:
                self.references.append((tag, name, value))


def read_pages(folder: Path) -> dict[Path, "_Page"]:
    """Parses all pages of a book.

    Args:
        folder: the book's folder.

    Returns:
        Absolute path -> parsed page.
    """
    pages = {}
    for path in sorted(folder.resolve().rglob("*.html")):
        if path.name in _SKIPPED:
            continue
        pages[path] = _Page()
        pages[path].feed(path.read_text(encoding="utf-8"))
    return pages


def linked_files(folder: Path, prefix: str) -> list[str]:
    """The files below ``prefix/`` that some page links to, relative to ``prefix``, sorted.

    A link that leads out of ``prefix/`` by way of ``..`` names none of its files; `problems` reports it.
    """
    found, home = set(), (folder / prefix).resolve()
    for path, page in read_pages(folder).items():
        for _, _, value in page.references:
            parts = urlsplit(value)
            if not parts.scheme and not parts.netloc and parts.path:
                target = (path.parent / unquote(parts.path)).resolve()
                if target != home and target.is_relative_to(home):
                    found.add(target.relative_to(home).as_posix())
    return sorted(found)


def problems(folder: Path) -> list[str]:
    """What is wrong with the references in a book.

    Args:
        folder: the book's folder.

    Returns:
        One sentence each; empty if all is well.
    """
    pages, home = read_pages(folder), folder.resolve()
    found = []
    for path, page in pages.items():
        for tag, name, value in page.references:
            parts = urlsplit(value)
            if parts.scheme or parts.netloc:
                if (tag, name) in _LOADED and parts.scheme != "data":
                    found.append(f"{path.name} loads {value} from the network.")
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_relative_to(home):
                found.append(f"{path.name} links to {value}, which leads out of the book.")
            elif not target.is_file():
                found.append(f"{path.name} links to {value}, which is not in the book.")
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].ids:
                found.append(f"{path.name} links to {value}, but that page has no such heading.")
    return sorted(set(found))
