"""Two chapters at a time: when, in which order, and with the same results as one after the other."""

import io
import os
import time
from dataclasses import replace

import pytest
from rich.console import Console

from diffusion_course.course.manifest import load_manifest
from diffusion_course.tools import parallel, runner
from diffusion_course.tools.results import Outcome

GIB = 2**30


@pytest.fixture
def machine(monkeypatch):
    """Two cores, memory enough, no GPU."""

    def have(cores=2, memory=16 * GIB, gpu=False):
        monkeypatch.setattr(parallel, "_cores", lambda: cores)
        monkeypatch.setattr(parallel, "_has_gpu", lambda: gpu)
        available = type("Memory", (), {"available": memory})
        monkeypatch.setattr(parallel.psutil, "virtual_memory", lambda: available)

    have()
    return have


def test_two_at_a_time_only_where_that_is_faster_and_safe(machine):
    assert parallel.at_a_time("quick", 9) == 2
    assert parallel.at_a_time("quick", 1) == 1 == parallel.at_a_time("standard", 9)
    for lacking in ({"cores": 1}, {"memory": 4 * GIB}, {"gpu": True}):
        machine(**lacking)
        assert parallel.at_a_time("quick", 9) == 1


def test_gpu_that_is_hidden_does_not_count(monkeypatch):
    monkeypatch.setattr(parallel.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert parallel._has_gpu()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert not parallel._has_gpu()


def test_each_process_gets_its_share_of_the_cores_unless_the_user_says_otherwise(machine, monkeypatch):
    machine(cores=8)
    for name in parallel.thread_limits(2):
        monkeypatch.delenv(name, raising=False)
    assert set(parallel.thread_limits(2).values()) == {"4"} and parallel.thread_limits(1) == {}
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert parallel.thread_limits(2)["OMP_NUM_THREADS"] == "3"


def test_longest_chapters_begin_first():
    (chapter, *_) = load_manifest().chapters
    chapters = [replace(chapter, id=str(m), minutes={"standard": m}) for m in (1, 9, 2, 9)]
    assert [c.minutes["standard"] for c in parallel.longest_first(chapters)] == [9, 9, 2, 1]


def slow_first(chapter, tick):
    """The first chapter waits for the second one to be done."""
    folder, other = os.environ["MEETING"], {"01": "02"}.get(chapter.id)
    tick(1, 2)
    while other and not os.path.exists(os.path.join(folder, other)):
        time.sleep(0.01)
    open(os.path.join(folder, chapter.id), "w").close()
    return Outcome(chapter, seconds=float(chapter.id), rows=[(os.environ["OMP_NUM_THREADS"],) * 4])


def dies(chapter, tick):
    os._exit(1)


def test_outcomes_come_in_book_order_whoever_is_done_first(tiny, tmp_path, machine, monkeypatch):
    monkeypatch.setenv("MEETING", str(tmp_path))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    tiny.add("01")
    tiny.add("02")
    chapters, ticks = list(load_manifest().chapters), []
    found = list(parallel.run_together(slow_first, chapters, 2, lambda *told: ticks.append(told)))
    assert [outcome.chapter.id for outcome in found] == ["01", "02"]
    assert [outcome.rows[0][0] for outcome in found] == ["1", "1"]
    assert "OMP_NUM_THREADS" not in os.environ
    for chapter in chapters:
        assert [told[1:] for told in ticks if told[0].id == chapter.id] == [(0, None), (1, 2)]


def test_process_that_is_ended_from_outside_is_a_failure_of_its_chapters(tiny, machine):
    tiny.add("01")
    (outcome,) = parallel.run_together(dies, list(load_manifest().chapters), 2)
    assert not outcome.ok and "ended from outside" in outcome.problems[0]


def test_course_gives_the_same_results_two_at_a_time_as_one_after_the_other(tiny, machine, monkeypatch):
    tiny.add("01", tiny.report("01", error=0.5), band=[0, 1])
    tiny.add("02", "1 / 0")
    lines = []
    for together in (1, 2):
        monkeypatch.setattr(parallel, "at_a_time", lambda profile, chapters, n=together: n)
        text = io.StringIO()
        assert not runner.run_course([], "quick", book=False, console=Console(file=text, width=140))
        assert text.getvalue().index("01 Tiny: ") < text.getvalue().index("02 Tiny: ")
        assert "ZeroDivisionError" in text.getvalue()
        rows = [line.split("│") for line in text.getvalue().splitlines() if "│" in line and "error" in line]
        lines.append([row[4:] for row in rows])  # behind chapter, seconds and memory
        assert sorted(p.name for p in (tiny.root / "build" / "notebooks").iterdir()) == ["01_tiny.ipynb"]
    assert lines[0] == lines[1] and lines[0]
