"""A machine's pace against the one for which times are stated."""

import json

import pytest

from diffusion_course.course.paths import course_root
from diffusion_course.tools import pace


def test_reference_is_the_committed_measurement():
    path = course_root() / "benchmarks" / "results" / "models.tensorflow.cpu.json"
    measured = json.loads(path.read_text(encoding="utf-8"))
    assert (measured["batch_size"], measured["steps"]) == (pace.BATCH, pace.STEPS)
    found = measured["results"][f"{pace.PRESET}, plain"]
    both = found["training"]["ms_per_step"] + found["use"]["ms_per_step"]
    assert pace.REFERENCE_MS == pytest.approx(both, rel=0.01)


def test_a_machine_is_held_to_its_own_pace_but_never_to_less_than_promised(monkeypatch):
    assert pace.against_reference(3 * pace.REFERENCE_MS) == pytest.approx(3)
    assert pace.against_reference(pace.REFERENCE_MS / 3) == 1
    monkeypatch.setattr(pace, "REFERENCE_MS", 1e-3)  # nobody's step takes less than 0.1 ms
    assert 100 < pace.slowness() < float("inf")
