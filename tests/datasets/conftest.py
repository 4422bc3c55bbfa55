"""Fixtures: an empty course folder to break things in, and `data/build.py` as a module."""

import importlib.util
import sys

import pytest

from diffusion_course.course.paths import data_dir


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A course folder of its own, with an empty ``data/``; returns that ``data/``."""
    (tmp_path / "book.toml").write_text("", encoding="utf-8")
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("DIFFUSION_COURSE_HOME", str(tmp_path))
    return (tmp_path / "data").resolve()


@pytest.fixture(scope="session")
def build():
    """The script ``data/build.py``, imported without leaving compiled files in ``data/``."""
    spec = importlib.util.spec_from_file_location("data_build", data_dir() / "build.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["data_build"] = module  # dataclasses look their module up there
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module
