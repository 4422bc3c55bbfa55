"""Script, style and page of the studio; both faces get the same, joined from small files.

Neither needs a network nor a build: a widget's script must be one module, so the files have no imports, and each face
adds its last lines.
"""

from importlib.resources import files

from diffusion_course.widgets.mask_painter import SOURCE as MASK_PAINTER
from diffusion_course.widgets.mask_painter import STYLE as MASK_PAINTER_STYLE

_HERE = files(__package__)
SCRIPTS = ("bytes.js", "controls.js", "film.js", "studio.js")

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>The studio</title>
<link rel="stylesheet" href="studio.css">
</head>
<body>
<header><h1>The studio</h1><p>A sentence becomes a picture, step by step, on this machine.</p></header>
<main id="studio"><p>Loading …</p><noscript>The studio needs JavaScript.</noscript></main>
<script type="module" src="studio.js"></script>
</body>
</html>
"""


def page_script() -> str:
    """The page's module: it asks the server it comes from."""
    return _script("page.js")


def widget_script() -> str:
    """The widget's module: it asks the kernel."""
    return _script("widget.js")


def _script(last: str) -> str:
    return "\n".join([MASK_PAINTER, *(_read(name) for name in (*SCRIPTS, last))])


def style(page: bool = True) -> str:
    """The style sheet; with what only a page of its own needs, or without it."""
    return "\n".join([MASK_PAINTER_STYLE, _read("studio.css"), *([_read("page.css")] if page else [])])


def _read(name: str) -> str:
    return _HERE.joinpath(name).read_text(encoding="utf-8")
