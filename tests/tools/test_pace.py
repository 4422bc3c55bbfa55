"""A machine's pace against the one for which times are stated."""

import subprocess
import sys

import pytest

from diffusion_course.tools import pace


def test_rate_is_that_of_the_best_product_after_the_first(monkeypatch):
    now, seconds = [0.0], iter([9.0, 2.0, 0.5, 1.0])  # the first is compiled
    times = []

    def clock():
        if len(times) % 2:  # the end of a product
            now[0] += next(seconds)
        times.append(now[0])
        return now[0]

    monkeypatch.setattr(pace.time, "perf_counter", clock)
    assert pace.matrix_rate(size=64, repeats=3) == 64**3 / 0.5


def test_a_machine_is_held_to_its_own_pace_but_never_to_less_than_promised():
    assert pace.slowness(pace.REFERENCE_RATE / 3) == pytest.approx(3)
    assert pace.slowness(pace.REFERENCE_RATE) == 1 == pace.slowness(3 * pace.REFERENCE_RATE)


def test_rate_is_measured_in_a_process_of_its_own(monkeypatch):
    def run(command, **options):
        assert command == [sys.executable, "-m", "diffusion_course.tools.pace"] and options["check"]
        return subprocess.CompletedProcess(command, 0, stdout="1.5e11\n")

    monkeypatch.setattr(pace.subprocess, "run", run)
    assert pace.measured_rate() == 1.5e11
