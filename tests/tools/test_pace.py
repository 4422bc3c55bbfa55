"""A machine's pace against the one for which times are stated."""

import json

import pytest

from diffusion_course.paths import course_root
from diffusion_course.tools import pace


def test_reference_is_the_committed_measurement():
    path = course_root() / "benchmarks" / "results" / "models.tensorflow.cpu.json"
    measured = json.loads(path.read_text(encoding="utf-8"))
    assert (measured["batch_size"], measured["steps"]) == (pace.BATCH, pace.STEPS)
    assert pace.REFERENCE_MS == pytest.approx(
        measured["results"][f"{pace.PRESET}, plain"]["use"]["ms_per_step"], rel=0.05
    )


def test_a_fast_machine_is_not_held_to_less(monkeypatch):
    found = pace.slowness()
    assert 1 <= found < 100
    monkeypatch.setattr(pace, "REFERENCE_MS", found * pace.REFERENCE_MS / 4)
    assert (
        2 < pace.slowness() < 8
    )  # it follows what is measured, here with a reference 4 times faster than this
    monkeypatch.setattr(pace, "REFERENCE_MS", 1e6)
    assert pace.slowness() == 1
