"""A map of the library for the README: every module with the first line of its docstring.

python -m diffusion_course.tools.library_map    writes it into README.md
"""

import ast
from pathlib import Path

from diffusion_course.course.paths import course_root
from diffusion_course.course.writing import write_whole

BEGIN, END = "<!-- map: written by tools/library_map.py -->", "<!-- end of map -->"
# In the order in which a reader meets them: science first, plumbing last.
FOLDERS = (
    *("", "layers", "models", "samplers", "training", "metrics", "pipelines", "datasets"),
    *("plots", "widgets", "studio", "exercises", "recipes", "course", "tools"),
)


def first_line(path: Path) -> str:
    """The first line of a module's docstring.

    Raises:
        ValueError: it has none.
    """
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    if not text:
        raise ValueError(f"Every module must begin with a docstring. Received: {path}")
    return text.splitlines()[0]


def library_map(package: Path | None = None) -> str:
    """The map as Markdown: a table of folders, each with its modules folded away.

    Args:
        package: the library's folder; its own by default.

    Raises:
        ValueError: a module without a docstring, or a folder that the map does not know.
    """
    package = package or Path(__file__).parents[1]
    unknown = {p.parent.relative_to(package).parts[0] for p in package.glob("*/__init__.py")} - set(FOLDERS)
    if unknown:
        raise ValueError(f"Every folder must have its place in the map, FOLDERS. Received: {sorted(unknown)}")
    lines = []
    for folder in FOLDERS:
        modules = sorted(p for p in (package / folder).glob("*.py") if p.name != "__init__.py")
        about = first_line(package / folder / "__init__.py") if folder else "The mathematics, and the command"
        title = f"<code>{folder}/</code>" if folder else "<code>diffusion_course/</code>"
        lines += [f"<details><summary>{title} {about.rstrip('.')}</summary>", ""]
        lines += [f"- `{path.name}`: {first_line(path)}" for path in modules]
        lines += ["", "</details>"]
    return "\n".join(lines)


def with_map(readme: str, new: str) -> str:
    """The README with the map between its two marks.

    Raises:
        ValueError: the marks are not there.
    """
    if readme.count(BEGIN) != 1 or readme.count(END) != 1:
        raise ValueError(f"README.md must hold {BEGIN} and {END} once each.")
    before, rest = readme.split(BEGIN)
    return f"{before}{BEGIN}\n{new}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    path = course_root() / "README.md"
    write_whole(path, with_map(path.read_text(encoding="utf-8"), library_map()).encode())
