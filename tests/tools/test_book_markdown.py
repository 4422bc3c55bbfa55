"""Markdown cells in the book: mathematics, links, pictures."""

import html
import re

import pytest
from book_sample import make_course

from diffusion_course.tools.book_markdown import BookError, Place, convert


@pytest.fixture
def place(tmp_path):
    course = make_course(tmp_path)
    return Place("00_first.ipynb", course.resolve(), frozenset({"00_first.ipynb", "01_second.ipynb"}))


def tex_of(markdown):
    """TeX of the spans, decoded as a browser does."""
    spans = re.findall(r'<span class="math math-(\w+)">(.*?)</span>', markdown)
    return [(kind, html.unescape(tex)) for kind, tex in spans]


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("$x_1*y$ and $z$", [("inline", "x_1*y"), ("inline", "z")]),
        ("$$a\n\\\\ b$$", [("display", "a \\\\ b")]),
        ("\\begin{align*}\na &= b\n\\end{align*}", [("display", "a &= b")]),
        ("> $$a\n> + b$$", [("display", "a + b")]),
        ("5 \\$ and \\$6", []),
        ("a $ alone", []),
        ("one $x\n\ny$ two paragraphs", []),
        ("`$x$` ``a ` $y$``", []),
        ("```\n$x$\n```\n$y$", [("inline", "y")]),
        ("~~~\n$x$\n```\n$z$\n~~~", []),
        ("text\n\n    indented = '$x$'\n", []),
        ("- item\n\n  ```\n  $x$\n  ```\n- $y$", [("inline", "y")]),
        ("50 \\% is $50\\%$", [("inline", "50\\%")]),
    ],
)
def test_tex_is_found_outside_code_only(place, markdown, expected):
    converted = convert(markdown, place)
    found = tex_of(converted)
    if "align*" in markdown:
        assert [(k, re.sub(r"\\(begin|end)\{align\*\}", "", t).strip()) for k, t in found] == expected
    else:
        assert found == expected
    if not expected:
        assert converted == markdown


def test_a_tex_span_holds_nothing_that_markdown_reads(place):
    span = convert(r"$a_b^* \{|x|\} <y> [z](w) `q` & \\ ~ ! # 'p' -- ...$", place)
    inner = re.fullmatch(r'<span class="math math-inline">(.*)</span>', span)[1]
    assert re.fullmatch(r"(?:[A-Za-z0-9 ]|&#\d+;)*", inner)


def test_links_in_code_stay_and_attachments_are_embedded(place):
    assert convert("`[x](nowhere.ipynb)`", place) == "`[x](nowhere.ipynb)`"
    assert convert("[`code` $x$](00_first.ipynb 'title')", place).endswith("](00_first.html 'title')")
    assert convert("[x]: 01_second.ipynb", place) == "[x]: 01_second.html"
    assert convert('<a href="01_second.ipynb">x</a>', place) == '<a href="01_second.html">x</a>'
    assert convert("[w](https://example.org/a.ipynb)", place) == "[w](https://example.org/a.ipynb)"
    attached = Place(place.notebook, place.root, place.chapters, {"a.png": {"image/png": "QUJD"}})
    assert convert("![a](attachment:a.png)", attached) == "![a](data:image/png;base64,QUJD)"
    with pytest.raises(BookError, match="attached"):
        convert("![b](attachment:b.png)", attached)
