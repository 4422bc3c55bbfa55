"""A course in a temporary folder, with notebooks that take no time and leave their result by themselves."""

import json
from pathlib import Path

import nbformat

REPORT = """\
import json, os, pathlib
folder = pathlib.Path(os.environ.get("COURSE_RESULTS_DIR") or {folder!r})
folder.mkdir(parents=True, exist_ok=True)
metrics = {{name: {{"label": name, "value": value}} for name, value in {metrics!r}.items()}}
record = {{"chapter": {chapter!r}, "profile": profile, "ok": True, "wall_seconds": {seconds}, "cpu_seconds": {seconds},
          "peak_memory_bytes": 2**20, "metrics": metrics, "missing": []}}
(folder / f"{chapter}.{{profile}}.json").write_text(json.dumps(record), encoding="utf-8")
"""
PARAMETERS = 'import os\nprofile = os.environ.get("COURSE_PROFILE", "standard")'


class TinyCourse:
    """Writes ``book.toml`` and ``notebooks/`` below a root that ``DIFFUSION_COURSE_HOME`` names."""

    def __init__(self, root: Path):
        self.root, self.entries = root, []
        (root / "notebooks").mkdir()

    def add(self, chapter: str, *sources: str, band=None, write: bool = True, exercises=()) -> Path:
        """Adds a chapter: a parameters cell, then ``sources``; ``band`` is that of its metric ``error``, in quick.

        ``exercises`` are the positions of those sources that are exercise cells.
        """
        name = f"{chapter}_tiny.ipynb"
        expect = f'expect.error = {{ label = "error", quick = {json.dumps(band)} }}\n' if band else ""
        self.entries.append(
            f'[[preprocessor.course.chapter]]\nid = "{chapter}"\nnotebook = "{name}"\ntitle = "Tiny"\n'
            f'part = "P"\npromise = "p"\nminutes = {{ quick = 1, standard = 1 }}\n{expect}'
        )
        (self.root / "book.toml").write_text(
            '[book]\ntitle = "T"\n' + "\n".join(self.entries), encoding="utf-8"
        )
        notebook = nbformat.v4.new_notebook()
        parameters = nbformat.v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})
        heading = nbformat.v4.new_markdown_cell("# Tiny")
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        for number in exercises:
            cells[number].metadata["tags"] = ["exercise"]
        notebook.cells = [heading, parameters, *cells]
        path = self.root / "notebooks" / name
        if write:
            nbformat.write(notebook, path)
        return path

    def minutes(self, chapter: str, standard: float) -> None:
        """Says how long a chapter takes in the standard profile; 1 minute otherwise."""
        path = self.root / "book.toml"
        before, entry, after = path.read_text(encoding="utf-8").partition(f'id = "{chapter}"')
        after = after.replace("standard = 1 ", f"standard = {standard} ", 1)
        path.write_text(before + entry + after, encoding="utf-8")

    def report(self, chapter: str, seconds: float = 1.0, **metrics: float) -> str:
        """The source of a cell that leaves a result."""
        folder = str(self.root / "build" / "results")
        return REPORT.format(folder=folder, metrics=metrics, chapter=chapter, seconds=seconds)
