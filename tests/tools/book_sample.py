"""A small course with two executed notebooks, for the tests of the book."""

import base64
import io
import shutil
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

import diffusion_course
from diffusion_course.tools import book_outputs

REPOSITORY = Path(diffusion_course.__file__).resolve().parents[2]
CHAPTERS = """
[[preprocessor.course.chapter]]
id = "00"
notebook = "00_first.ipynb"
title = "First"
part = "Before"
promise = "You look at [one] page | and more."
minutes = { quick = 1, standard = 2, full = 3 }

[[preprocessor.course.chapter]]
id = "01"
notebook = "01_second.ipynb"
title = "Second"
part = "Part I: pages"
promise = "You look at another."
minutes = { quick = 1, standard = 10 }
needs = ["00"]
"""


def png(colour: str = "navy") -> str:
    buffer = io.BytesIO()
    Image.new("RGB", (240, 80), colour).save(buffer, "png")
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def code(source, *outputs, tags=()):
    return new_code_cell(source, outputs=list(outputs), metadata={"tags": list(tags)}, execution_count=1)


def stream(text, name="stdout"):
    return new_output("stream", name=name, text=text)


def display(data, metadata=None):
    return new_output("display_data", data=data, metadata=metadata or {})


FIRST = new_notebook(
    cells=[
        new_markdown_cell(
            "# First page\n\nSee [the second](01_second.ipynb) and [its part](01_second.ipynb#The-Loss,-L), "
            "[below](#Look-at-it), the [source](../lib/made_up.py) and ![a blue square](picture.png)."
        ),
        new_markdown_cell(
            "## Look at it\n\nInline $a_1 * b_2 < c^*$ and $\\mathcal{N}(0, I)$; a price of \\$5. Code: "
            "`cost = '$x_1$'` stays.\n\n$$\n\\begin{aligned}\nx_t &= \\sqrt{\\bar\\alpha_t}\\,x_0 % comment $ no\n"
            "\\\\\n&\\quad + \\sqrt{1-\\bar\\alpha_t}\\,\\epsilon\n\\end{aligned}\n$$\n\n"
            "| symbol | meaning |\n|---|---|\n| $|x|$ | size |\n\n```python\nprice = '$a$ and $b$'\n```\n"
        ),
        code("profile = 'quick'", tags=["parameters"]),
        code("profile = 'injected'", tags=["injected-parameters"]),
        code("secret_plot()", display({"text/plain": "<Figure>"}), tags=["hide-input"]),
        code(
            "figure.show()  # ``` a fence in a comment",
            display(
                {"image/png": png(), "text/plain": "<Figure size 240x80>"},
                {
                    "image/png": {
                        "alt": 'A "blue" <band>',
                        "caption": "Every $z_1$ is blue & flat.",
                        "width": 240,
                    }
                },
            ),
        ),
        code(
            "print('a')", stream("\x1b[31mred\x1b[0m <b>\n\n10%\r100% done\n"), stream("low fuel\n", "stderr")
        ),
    ]
)
SECOND = new_notebook(
    cells=[
        new_markdown_cell("# Second page\n\n## The Loss $L$\n\nText."),
        code(
            "table",
            new_output(
                "execute_result",
                data={
                    "text/html": "<style scoped>td {color: red}</style><table><tr><td onclick='x()'>0.5</td></tr>\n\n"
                    "<tr><td><script>alert(1)</script>b</td></tr></table><button>go</button>",
                    "text/plain": "0.5",
                },
                execution_count=1,
            ),
        ),
        code("slider", display({book_outputs.WIDGET: {"model_id": "1"}, "text/plain": "IntSlider(value=1)"})),
        code(
            "widget with a still",
            display(
                {book_outputs.WIDGET: {"model_id": "2"}, "image/png": png("teal"), "text/plain": "Map()"}
            ),
        ),
        code("bar", display({book_outputs.WIDGET: {"model_id": "3"}, "text/plain": "  0%|          | 0/10"})),
        code("raise NotImplementedError", tags=["exercise"]),
        code("answer = 42", stream("forty-two\n"), tags=["solution"]),
        code(
            "1 / 0",
            new_output(
                "error", ename="ZeroDivisionError", evalue="division by zero", traceback=["\x1b[0;31mline 1"]
            ),
        ),
        code(
            "svg",
            display({"image/svg+xml": "<svg xmlns='http://www.w3.org/2000/svg'><script>x()</script></svg>"}),
        ),
    ]
)


def make_course(folder: Path) -> Path:
    """A small course with the real configuration of the book and its own two chapters."""
    real = (REPOSITORY / "book.toml").read_text(encoding="utf-8")
    (folder / "book.toml").write_text(
        real.split("[[preprocessor.course.chapter]]")[0] + CHAPTERS, encoding="utf-8"
    )
    shutil.copytree(REPOSITORY / "book", folder / "book")
    notebooks = folder / "notebooks"
    notebooks.mkdir()
    (notebooks / "left_by_a_learner.bin").write_bytes(b"0")
    (notebooks / "picture.png").write_bytes(base64.b64decode(png()))
    (folder / "lib").mkdir()
    (folder / "lib" / "made_up.py").write_text("x = 1\n", encoding="utf-8")
    nbformat.write(FIRST, notebooks / "00_first.ipynb")
    nbformat.write(SECOND, notebooks / "01_second.ipynb")
    return folder
