import io
import sys

import pytest
from rich.console import Console

from diffusion_course import backend
from diffusion_course.tools import doctor


def named(name):
    return next(check for key, check in doctor.CHECKS if key == name)()


def test_machine_that_runs_these_tests_is_healthy():
    for name in ("Python", "TensorFlow", "Keras", "Devices", "XLA", "Disk", "Kernel"):
        check = named(name)
        assert check.ok, check


def test_broken_check_is_a_fault_and_does_not_stop_the_others(monkeypatch):
    def broken():
        raise OSError("no such device [x]")

    good = doctor.Check("Good", True, "fine")
    monkeypatch.setattr(doctor, "CHECKS", (("Bad", broken), ("Good", lambda: good)))
    results = doctor.run_checks()
    assert [check.ok for check in results] == [False, True]
    text = io.StringIO()
    assert doctor.report(Console(file=text, width=120)) is False
    assert "FAIL" in text.getvalue() and "no such device [x]" in text.getvalue()


@pytest.mark.parametrize("platform, words", [("win32", "WSL 2"), ("darwin", "no GPU build for macOS")])
def test_devices_explain_where_there_is_no_gpu_build(monkeypatch, platform, words):
    report = {"devices": ["CPU with 4 cores"], "gpu": False}
    monkeypatch.setattr(backend, "device_report", lambda: report)
    monkeypatch.setattr(sys, "platform", platform)
    check = doctor._devices()
    assert check.ok and words in check.remedy


def test_damaged_data_is_named(monkeypatch):
    from diffusion_course.course import files

    monkeypatch.setattr(files, "verify_all", lambda: [("a.npz", None), ("b.npz", "wrong checksum")])
    check = doctor._data()
    assert not check.ok and "b.npz: wrong checksum" in check.value and "git checkout" in check.remedy


def test_missing_notebook_is_a_fault(tiny):
    tiny.add("01", write=False)
    check = doctor._notebooks()
    assert not check.ok and "01_tiny.ipynb" in check.value


def test_little_memory_is_a_fault(monkeypatch):
    monkeypatch.setattr(doctor, "MEMORY", 2**60)
    assert not doctor._memory().ok
