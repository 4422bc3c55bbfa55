"""`course.start` and `course.report`: seeds, profiles, bands, and what is written."""

import json
import os
import textwrap

import keras
import numpy as np
import pytest

from diffusion_course import course

BOOK = """
[book]
title = "A course"
[[preprocessor.course.chapter]]
id = "07"
notebook = "07_test.ipynb"
title = "Test"
part = "Part"
promise = "Nothing."
minutes = { quick = 1, standard = 2 }
[preprocessor.course.chapter.expect.error]
label = "Error"
unit = "nats"
quick = [0.0, 0.5]
[preprocessor.course.chapter.expect.score]
label = "Score"
quick = [0.9, 1.0]
standard = [0.95, 1.0]
"""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    (tmp_path / "book.toml").write_text(textwrap.dedent(BOOK), encoding="utf-8")
    monkeypatch.setenv("DIFFUSION_COURSE_HOME", str(tmp_path))
    for name in ("COURSE_PROFILE", "COURSE_SEED", "COURSE_RESULTS_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(course.run, "_current", None)
    return tmp_path


def test_profile_comes_from_argument_then_environment_then_standard(monkeypatch):
    assert course.start("07").profile == "standard"
    monkeypatch.setenv("COURSE_PROFILE", "quick")
    assert course.start("07").profile == "quick"
    assert course.start("07", profile="full").profile == "full"


def test_same_seed_same_numbers():
    draws = []
    for seed in (3, 3, 4):
        course.start("07", seed=seed)
        draws.append((np.random.rand(), float(keras.random.normal(()))))  # noqa: NPY002
    assert draws[0] == draws[1] != draws[2]


def test_seed_from_environment(monkeypatch):
    monkeypatch.setenv("COURSE_SEED", "12")
    assert course.start("07").seed == 12


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"chapter": "08"}, "one of 07. Received: '08'"),
        ({"chapter": "07", "profile": "fast"}, "one of quick, standard, full. Received: 'fast'"),
        ({"chapter": "07", "seed": -1}, "non-negative integer. Received: '-1'"),
    ],
)
def test_start_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        course.start(**arguments)


def test_pick():
    run = course.start("07", profile="quick")
    assert run.pick(quick=1, standard=2) == 1
    assert course.start("07", profile="full").pick(quick=1, standard=2) == 2
    with pytest.raises(ValueError, match="profile"):
        run.pick(fast=1)
    with pytest.raises(ValueError, match="must get a value for profile 'quick'"):
        run.pick(standard=2)


def test_report_inside_its_bands(home):
    course.start("07", profile="quick", seed=5)
    report = course.report(error=0.5, score=1)
    assert report.ok and report.note == ""
    record = json.loads((home / "build/results/07.quick.json").read_text(encoding="utf-8"))
    assert record == report.record
    assert record["seed"] == 5 and record["ok"] and record["missing"] == []
    assert record["metrics"]["error"] == {
        "label": "Error", "unit": "nats", "value": 0.5, "low": 0.0, "high": 0.5, "verdict": "ok",
    }  # fmt: skip
    assert record["peak_memory_bytes"] > 2**20 and record["wall_seconds"] >= 0 and record["cpu_seconds"] > 0
    assert [p.name for p in (home / "build/results").iterdir()] == ["07.quick.json"]


@pytest.mark.parametrize("value", [0.51, -0.01, float("nan"), float("inf")])
def test_value_outside_its_band_fails(value):
    course.start("07", profile="quick")
    report = course.report(error=value, score=0.95)
    assert not report.ok
    assert report.record["metrics"]["error"]["verdict"] == "outside"
    assert report.record["metrics"]["score"]["verdict"] == "ok"
    assert "✗ outside" in report._repr_html_() and "outside" in str(report)


def test_promised_but_missing_metric_fails():
    course.start("07", profile="quick")
    report = course.report(score=0.95)
    assert not report.ok and report.record["missing"] == ["error"]
    assert "missing" in report._repr_html_()


def test_profile_without_a_band_and_unpromised_metric_are_not_judged():
    course.start("07", profile="standard")
    report = course.report(error=100, score=0.95, extra=1)
    assert report.ok
    assert report.record["metrics"]["error"]["verdict"] == "not judged"
    assert report.record["metrics"]["extra"]["verdict"] == "not judged"


def test_results_folder_can_be_elsewhere(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_RESULTS_DIR", str(tmp_path / "strict"))
    course.start("07", profile="quick")
    course.report(error=0, score=1)
    assert os.listdir(tmp_path / "strict") == ["07.quick.json"]


def test_report_needs_start_and_numbers():
    with pytest.raises(RuntimeError, match="after `course.start`"):
        course.report(error=1)
    course.start("07")
    with pytest.raises((TypeError, ValueError)):
        course.report(error="small")


@pytest.fixture
def cache(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setattr(
        course.run.spare_dir.__globals__["platformdirs"], "user_cache_path", lambda name="": folder
    )
    return folder


def test_a_course_that_may_not_be_written_still_shows_its_result_and_keeps_it_elsewhere(home, cache):
    (home / "build").write_text("a file where the folder should be", encoding="utf-8")
    course.start("07", profile="quick")
    report = course.report(error=0.5, score=1)
    assert report.ok and "0.5" in str(report)
    (kept,) = cache.rglob("07.quick.json")
    assert json.loads(kept.read_text(encoding="utf-8")) == report.record
    assert f"This result is in {kept}, because {home / 'build'} may not be written." in str(report)


def test_a_results_folder_that_may_not_be_written_is_named_with_the_place_of_the_result(
    home, cache, monkeypatch
):
    (home / "blocked").write_text("", encoding="utf-8")
    monkeypatch.setenv("COURSE_RESULTS_DIR", str(home / "blocked"))
    course.start("07", profile="quick")
    report = course.report(error=0.5, score=1)
    (kept,) = cache.rglob("07.quick.json")
    for text in (str(report), report._repr_html_()):
        assert f"This result is in {kept}" in text and f"{home / 'blocked'} may not be written" in text


def test_a_full_disk_does_not_cost_the_table(home, cache, monkeypatch):
    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(course.run, "write_whole", full)
    course.start("07", profile="quick")
    report = course.report(error=0.5, score=1)
    assert (
        report.ok and "This result was not kept: " in str(report) and "No space left on device" in str(report)
    )
