import io

import pytest
from rich.console import Console

from diffusion_course.course import paths
from diffusion_course.course.manifest import UnknownChapter, load_manifest
from diffusion_course.tools import notebooks, runner

LEAVE_A_RESULT = """
import os, json, pathlib
record = {"chapter": "01", "profile": profile, "cpu_seconds": 1, "peak_memory_bytes": 1, "metrics": {}}
pathlib.Path(os.environ["COURSE_RESULTS_DIR"], f"01.{profile}.json").write_text(json.dumps(record))
"""


def run(ids=(), profile="quick"):
    text = io.StringIO()
    ok = runner.run_course(list(ids), profile, book=False, console=Console(file=text, width=140))
    return ok, text.getvalue()


def test_chapter_inside_its_band_passes_and_its_executed_copy_has_no_injected_cell(tiny):
    path = tiny.add("01", "print(profile)", tiny.report("01", error=0.5), band=[0, 1])
    ok, text = run()
    assert ok, text
    assert "0 to 1" in text and "0.5" in text
    copy = notebooks.read(tiny.root / "build" / "notebooks" / path.name)
    assert [cell.id for cell in copy.cells] == [cell.id for cell in notebooks.read(path).cells]
    assert copy.cells[2].outputs[0].text == "quick\n"
    assert [c.execution_count for c in copy.cells if c.cell_type == "code"] == [1, 2, 3]
    assert list((tiny.root / "build" / "running").iterdir()) == []


def test_value_outside_its_band_fails(tiny):
    tiny.add("01", tiny.report("01", error=1.5), band=[0, 1])
    ok, text = run()
    assert not ok
    assert "`error` = 1.5 is outside its band, 0 to 1" in text


def test_nan_and_missing_metric_fail(tiny):
    tiny.add("01", tiny.report("01", error=1.5).replace("1.5", "None"), band=[0, 1])
    tiny.add("02", tiny.report("02", other=1.0), band=[0, 1])
    ok, text = run()
    assert not ok
    assert "`error` = nan is outside" in text and "promised to report `error`" in text


def test_failing_chapter_is_shown_with_cell_and_traceback_and_others_still_run(tiny):
    tiny.add("01", "def divide(x):\n    return 1 / x", "divide(0)")
    tiny.add("02", tiny.report("02", error=0.5), band=[0, 1])
    old = tiny.root / "build" / "notebooks" / "01_tiny.ipynb"
    old.parent.mkdir(parents=True)
    old.write_text("an executed copy of yesterday", encoding="utf-8")
    ok, text = run()
    assert not ok
    assert "cell 4 of 4:\n\ndivide(0)\n" in text
    assert "ZeroDivisionError: division by zero" in text and "\x1b" not in text
    assert "02 Tiny: " in text and (tiny.root / "build" / "notebooks" / "02_tiny.ipynb").exists()
    assert not old.exists() and (tiny.root / "build" / "failed" / "01_tiny.ipynb").exists()


def test_chapter_without_report_fails_even_if_an_old_report_lies_there(tiny):
    tiny.add("01", "print('no report')", band=[0, 1])
    results = tiny.root / "build" / "results"
    results.mkdir(parents=True)
    old = results / "01.quick.json"
    old.write_text(
        '{"chapter": "01", "profile": "quick", "wall_seconds": 1, "cpu_seconds": 1, "peak_memory_bytes": 1, '
        '"metrics": {"error": {"value": 0.5}}}',
        encoding="utf-8",
    )
    ok, text = run()
    assert not ok and "it left no report" in text
    assert not old.exists()


def test_chapter_that_hangs_is_stopped(tiny):
    tiny.add("01", "import time\ntime.sleep(60)")
    outcome = runner.run_chapter(load_manifest().chapter("01"), "quick", limit=3)
    assert outcome.problems == ["it ran out of time"]
    assert "cell 3 of 3" in outcome.detail and "time.sleep(60)" in outcome.detail
    assert outcome.seconds < 40


def test_interrupt_leaves_no_half_written_copy(tiny, monkeypatch):
    tiny.add("01", "print(1)")

    def interrupted(chapter, profile, part, limit, watch):
        part.write_text('{"half": ', encoding="utf-8")
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "_execute", interrupted)
    with pytest.raises(KeyboardInterrupt):
        runner.run_chapter(load_manifest().chapter("01"), "quick")
    assert [p for p in (tiny.root / "build").rglob("*") if p.is_file()] == []


@pytest.mark.parametrize("text", ["{", "[]", '{"cells": 1}', "\xff\xfe"])
def test_broken_notebook_is_named(tiny, text):
    tiny.add("01").write_text(text, encoding="latin-1")
    outcome = runner.run_chapter(load_manifest().chapter("01"), "quick")
    assert outcome.problems == ["notebooks/01_tiny.ipynb is no notebook that can be read"]
    assert "Error: " in outcome.detail  # of which kind, and where


def test_a_course_that_may_not_be_written_still_runs(tiny, tmp_path_factory, monkeypatch):
    cache = tmp_path_factory.mktemp("cache")
    monkeypatch.setattr(paths.platformdirs, "user_cache_path", lambda name="": cache)
    tiny.add("01", LEAVE_A_RESULT)
    (tiny.root / "build").write_text("a file where the folder should be", encoding="utf-8")
    ok, text = run()
    assert ok, text
    (result,) = cache.rglob("01.quick.json")
    assert f"{tiny.root / 'build'} may not be written. Everything is in {result.parents[1]} instead." in text
    assert [p.name for p in cache.rglob("notebooks/*.ipynb")] == ["01_tiny.ipynb"]


def test_missing_notebook_is_named(tiny):
    tiny.add("01", write=False)
    ok, text = run()
    assert not ok and "there is no notebooks/01_tiny.ipynb" in text


def test_selection_keeps_book_order_and_refuses_unknown_chapters(tiny):
    for name in ("01", "02", "03"):
        tiny.add(name)
    manifest = load_manifest()
    assert [c.id for c in runner.select(manifest, ["3", "01"])] == ["01", "03"]
    assert [c.id for c in runner.select(manifest, [])] == ["01", "02", "03"]
    with pytest.raises(UnknownChapter, match="01, 02, 03.*'09'"):
        runner.select(manifest, ["09"])
