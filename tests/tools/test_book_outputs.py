"""Outputs and code cells in the book."""

import re
from pathlib import Path

import nbformat
from book_sample import FIRST, SECOND, display, make_course, stream
from nbformat.v4 import new_markdown_cell, new_notebook, new_output

from diffusion_course.course.manifest import load_manifest
from diffusion_course.tools import book_outputs
from diffusion_course.tools.book_markdown import Place
from diffusion_course.tools.book_notebook import notebook_markdown

PLACE = Place("00_first.ipynb", Path("course"), frozenset())


def rendered(*outputs, heading="The map", place=PLACE):
    return "\n\n".join(book_outputs.render(list(outputs), book_outputs.Context(place, heading)))


def test_text_is_shown_as_a_terminal_leaves_it():
    text = rendered(stream("\x1b[1;31mred\x1b[0m <b>\n"), stream("\n10%\r99%\r\nab\b\bcd\n"))
    assert text == '<pre class="course-stdout">red &lt;b&gt;\n\n99%\ncd</pre>'
    assert rendered(stream("careful\n", "stderr")).startswith('<details class="course-fold course-messages">')
    assert rendered(stream("\n")) == ""


def test_a_figure_has_alternative_text_from_the_best_source():
    data = {"image/png": "QUJD"}
    assert 'alt="A &quot;b&quot;"' in rendered(
        display(data, {"image/png": {"alt": 'A\n"b"', "caption": "C"}})
    )
    assert 'alt="C &lt; 1"' in rendered(display(data, {"image/png": {"caption": "C < 1"}}))
    html = {**data, "text/html": "<figure><img><figcaption>From <b>HTML</b></figcaption></figure>"}
    assert 'alt="From HTML"' in rendered(display(html))
    assert 'alt="Figure in the section “The map”"' in rendered(display(data))


def test_a_caption_comes_from_the_metadata_or_from_the_line_in_italics_below():
    data = {"image/png": "QUJD"}
    expected = '<figcaption>\n\nLoss <span class="math math-inline">L</span> and **bold**\n\n</figcaption>'
    assert expected in rendered(display(data, {"image/png": {"caption": "Loss $L$ and **bold**"}}))
    below = display({"text/markdown": "*Loss $L$ and **bold***", "text/plain": "<Markdown object>"})
    joined = rendered(display(data, {"image/png": {"alt": "a"}}), below)
    assert expected in joined and joined.count("Loss") == 1 and 'alt="a"' in joined
    # Other Markdown after a picture is no caption.
    for text in ("**Bold** text", "* a list", "*first*\n\n*second*"):
        other = rendered(display(data), display({"text/markdown": text}))
        assert "figcaption" not in other and other.endswith(text)


def test_html_output_is_harmless_and_one_block():
    dirty = (
        "<div><style>p{}</style><script>alert(1)</script><p onclick='x()' style='color: red; position: fixed'>a</p>\n"
        " \n\n<a href='javascript:x()'>l</a><a href='data:text/html,x'>m</a><img src='https://example.org/x.png'>"
        "<img src='data:image/png;base64,QUJD' onerror='x()'><iframe src='x'></iframe><input value='3'></div>"
    )
    clean = rendered(display({"text/html": dirty}))
    for forbidden in (
        "script",
        "alert",
        "onclick",
        "onerror",
        "position",
        "javascript",
        "data:text",
        "iframe",
    ):
        assert forbidden not in clean
    assert "<input" not in clean and "example.org" not in clean and "p{}" not in clean
    assert "color: red" in clean and "data:image/png;base64,QUJD" in clean
    assert not re.search(r"\n[ \t]*\n", clean)


def test_widgets_become_a_still_or_a_note():
    widget = {book_outputs.WIDGET: {"model_id": "1"}, "text/plain": "IntSlider(value=1)"}
    assert "Interactive: run the notebook" in rendered(display(widget))
    assert "IntSlider" not in rendered(display(widget))
    still = rendered(display({**widget, "image/png": "QUJD"}))
    assert "<figure" in still and "run the notebook" in still
    assert "<table>" in rendered(display({**widget, "text/html": "<table><tr><td>1</td></tr></table>"}))
    assert rendered(display({book_outputs.WIDGET: {}, "text/plain": "100%|###| 10/10"})) == ""


def test_an_svg_cannot_run_scripts_and_an_error_is_visible():
    svg = rendered(
        display({"image/svg+xml": "<svg xmlns='http://www.w3.org/2000/svg'><script>x()</script></svg>"})
    )
    assert 'src="data:image/svg+xml;base64,' in svg and "<script" not in svg
    error = rendered(new_output("error", ename="ValueError", evalue="a <b>", traceback=["\x1b[31mline 1"]))
    assert (
        "<strong>ValueError</strong>: a &lt;b&gt;" in error and "\x1b" not in error and "Traceback" in error
    )


def test_tags_decide_how_a_cell_is_shown(tmp_path):
    course = make_course(tmp_path)
    manifest = load_manifest(course / "book.toml")
    page = notebook_markdown(nbformat.writes(SECOND), manifest.chapter("01"), manifest, course.resolve())
    assert page.startswith('# Second page\n\n<p class="course-head"><span>Part I: pages</span>')
    solution = page.split('course-solution">')[1].split("</details>")[0]
    assert "<summary>Solution</summary>" in solution and "answer = 42" in solution and "forty-two" in solution
    exercise = page.split('class="course-exercise">')[1].split("</div>")[0]
    assert '<p class="course-label">Exercise</p>' in exercise and "raise NotImplementedError" in exercise
    first = notebook_markdown(nbformat.writes(FIRST), manifest.chapter("00"), manifest, course.resolve())
    assert "````python\nfigure.show()" in first
    assert "Parameters of this run" in first and "secret_plot" not in first and "injected" not in first


def test_a_notice_of_papermill_leaves_the_title_and_its_line_together(tmp_path):
    course = make_course(tmp_path)
    manifest = load_manifest(course / "book.toml")
    notice = '<span>An Exception was encountered at <a href="#papermill-error-cell">In [2]</a></span>'
    mark = '<span id="papermill-error-cell">here</span>'
    cells = [new_markdown_cell(notice), new_markdown_cell("# Title\nText."), new_markdown_cell(mark)]
    page = notebook_markdown(
        nbformat.writes(new_notebook(cells=cells)), manifest.chapter("01"), manifest, course.resolve()
    )
    assert page.startswith(f'{notice}\n\n# Title\n\n<p class="course-head">') and page.count("\n# ") == 1
    untitled = nbformat.writes(new_notebook(cells=[new_markdown_cell("Text.")]))
    page = notebook_markdown(untitled, manifest.chapter("01"), manifest, course.resolve())
    assert page.startswith('# Second\n\n<p class="course-head">') and page.endswith("\n\nText.\n")
