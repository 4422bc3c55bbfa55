"""The widgets of the real chapters, run from the top in JupyterLab as a learner would: one always, all with `--all`.

`test_browser_widgets` drives every widget on a little data; here the chapters' own models and pictures are behind it.
"""

import ast

import nbformat
import pytest

from diffusion_course.course.manifest import load_manifest
from diffusion_course.course.paths import notebooks_dir


def up_to_widget(notebook):
    """The notebook without the cells after its first widget: they run in other tests, and would keep the kernel busy.

    Raises:
        ValueError: nothing that it imports from `diffusion_course.widgets` is called.
    """
    widgets = set()
    for k, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
                "diffusion_course.widgets"
            ):
                widgets |= {alias.asname or alias.name for alias in node.names}
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in widgets:
                notebook.cells = notebook.cells[: k + 1]
                return notebook
    raise ValueError("The notebook calls no widget.")


@pytest.fixture
def chapter(lab, tmp_path):
    """A function id -> page of the chapter, every cell up to its widget run in the quick profile."""
    pages = []

    def run(chapter_id: str):
        name = load_manifest().chapter(chapter_id).notebook
        nbformat.write(up_to_widget(nbformat.read(notebooks_dir() / name, as_version=4)), tmp_path / name)
        page = lab.open(tmp_path / name)
        pages.append(page)
        lab.run_all(page, timeout=600)
        return page

    yield run
    for page in pages:
        lab.close(page)


OTHERS = [
    pytest.param(chapter_id, marks=pytest.mark.slow)
    for chapter_id in ("03", "04", "05", "06", "07", "08", "11")
]


@pytest.mark.parametrize("chapter_id", ["00", *OTHERS])
def test_moving_the_first_slider_changes_the_picture(chapter, chapter_id):
    page = chapter(chapter_id)
    # All pictures: chapter 07's first one is the clean digit, which no slider changes.
    source = "() => [...document.querySelectorAll('.widget-html-content img')].map(img => img.src).join()"
    page.wait_for_function(source)
    page.locator(".widget-html-content img").first.scroll_into_view_if_needed()
    before = page.evaluate(source)
    page.locator(".noUi-handle").first.focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    page.wait_for_function(f"before => ({source})() !== before", arg=before)
    assert page.problems == []


@pytest.mark.slow
def test_chapter_01_decodes_where_the_learner_goes(chapter):
    page = chapter("01")
    stage = page.locator(".latent-explorer-stage")
    stage.scroll_into_view_if_needed()
    pixels = """() => {
        const picture = document.querySelector(".latent-explorer-picture");
        const data = picture.getContext("2d").getImageData(0, 0, picture.width, picture.height).data;
        return Array.from(data).join();
    }"""
    before, words = page.evaluate(pixels), page.locator(".latent-explorer-words").inner_text()
    page.evaluate("""() => {
        window.painted = 0;
        document.addEventListener("latent-explorer:painted", () => { window.painted += 1; });
    }""")
    box = stage.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.3, steps=5)
    page.mouse.up()
    page.wait_for_function("() => window.painted > 0")
    assert page.evaluate(pixels) != before
    assert page.locator(".latent-explorer-words").inner_text() != words
    assert page.problems == []
