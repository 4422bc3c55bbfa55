"""One finder of the browser, and what CI makes of a missing one."""

import sys

import pytest

from diffusion_course.tools import chromium, doctor


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    return tmp_path


def test_the_variable_comes_before_the_path(nowhere, monkeypatch):
    program = nowhere / "chromium"
    program.write_text("", encoding="utf-8")
    program.chmod(0o755)
    assert chromium.find_chromium() == str(program)
    monkeypatch.setenv("CHROMIUM", sys.executable)
    assert chromium.find_chromium() == sys.executable
    monkeypatch.setenv("CHROMIUM", str(nowhere / "mistyped"))
    assert chromium.find_chromium() is None


def test_doctor_uses_it_and_says_how_to_name_one(nowhere, monkeypatch):
    check = doctor._browser()
    assert check.ok and "CHROMIUM" in check.value and "Optional" in check.remedy
    monkeypatch.setenv("CHROMIUM", sys.executable)
    assert doctor._browser().value == sys.executable


@pytest.mark.parametrize(
    "value, answer",
    [("1", True), ("true", True), ("True", True), ("", False), ("0", False), ("false", False)],
)
def test_ci(monkeypatch, value, answer):
    monkeypatch.setenv("CI", value)
    assert chromium.in_ci() is answer
    monkeypatch.delenv("CI")
    assert not chromium.in_ci()
