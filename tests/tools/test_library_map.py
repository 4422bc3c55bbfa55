"""The README's map of the library is that of the library as it is."""

import ast
import re

import pytest

from diffusion_course.course.paths import course_root
from diffusion_course.tools.library_map import BEGIN, END, first_line, library_map, with_map


def test_readme_holds_the_map_of_today():
    readme = (course_root() / "README.md").read_text(encoding="utf-8")
    assert with_map(readme, library_map()) == readme, "run python -m diffusion_course.tools.library_map"


def test_map_names_modules_and_what_they_are(tmp_path):
    for name, text in {
        "__init__": "Top.",
        "schedules": "Noise.\n\nMore.",
        "layers/__init__": "Parts.",
    }.items():
        path = tmp_path / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'"""{text}"""\n', encoding="utf-8")
    for folder in ("models", "samplers", "training", "metrics", "pipelines", "datasets", "plots", "widgets"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").write_text('"""Else."""\n', encoding="utf-8")
    with pytest.raises(FileNotFoundError):
        library_map(tmp_path)  # folders that the map knows are missing
    for folder in ("studio", "exercises", "recipes", "course", "tools"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").write_text('"""Else."""\n', encoding="utf-8")
    found = library_map(tmp_path)
    assert "- `schedules.py`: Noise.\n" in found and "<code>layers/</code> Parts</summary>" in found
    (tmp_path / "gan").mkdir()
    (tmp_path / "gan" / "__init__.py").write_text('"""New."""\n', encoding="utf-8")
    with pytest.raises(ValueError, match=r"place in the map.*\['gan'\]"):
        library_map(tmp_path)
    (tmp_path / "bare.py").write_text("x = 1\n", encoding="utf-8")
    with pytest.raises(ValueError, match="begin with a docstring"):
        first_line(tmp_path / "bare.py")


def test_marks_must_be_there():
    assert with_map(f"a\n{BEGIN}\nold\n{END}\nb", "new") == f"a\n{BEGIN}\nnew\n{END}\nb"
    with pytest.raises(ValueError, match="once each"):
        with_map("nothing", "new")


def test_what_a_chapter_builds_by_hand_says_which():
    """From the library back to the chapter: every module of these folders names it in its docstring."""
    package = course_root() / "lib" / "diffusion_course"
    for folder in ("layers", "samplers"):
        for path in sorted((package / folder).glob("[!_]*.py")):
            text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
            assert re.search(r"[Cc]hapters? \d\d", text), f"{path.name} names no chapter"
