"""The file with the times of stages and tests."""

import json

from diffusion_course.tools import stage_times

REPORT = """<?xml version="1.0" encoding="utf-8"?><testsuites><testsuite name="pytest">
<testcase classname="tests.a" name="test_x[1]" time="{}" /><testcase classname="tests.a" name="test_y" time="2" />
</testsuite></testsuites>"""


def test_slowest_tests_of_all_stages_are_kept(tmp_path, monkeypatch):
    for stage, seconds in (("unit", "0.5"), ("jax", "3.25")):
        (tmp_path / f"{stage}.xml").write_text(REPORT.format(seconds), encoding="utf-8")
    tests = [t for stage in ("unit", "jax") for t in stage_times.of_tests(tmp_path / f"{stage}.xml", stage)]
    assert stage_times.of_tests(tmp_path / "none.xml", "none") == []
    monkeypatch.setattr(stage_times, "SLOWEST", 3)
    stages = [{"stage": "unit", "seconds": 3, "passed": True}]
    stage_times.write(tmp_path / "build" / "times.json", stages, tests, 1.5)
    content = json.loads((tmp_path / "build" / "times.json").read_text(encoding="utf-8"))
    assert content["stages"] == stages and content["slowness"] == 1.5 and content["tests"] == 4
    assert content["slowest"][0] == {"seconds": 3.25, "stage": "jax", "test": "tests.a::test_x[1]"}
    assert [test["seconds"] for test in content["slowest"]] == [3.25, 2, 2]
    assert [path.name for path in (tmp_path / "build").iterdir()] == ["times.json"]
