"""Committed results are read as they lie in the repository, and a name without one is told what there is."""

import json

import pytest

from diffusion_course.course.committed import committed_result
from diffusion_course.course.paths import course_root


def test_a_result_is_what_the_benchmark_wrote():
    file = course_root() / "benchmarks" / "results" / "guidance.json"
    assert committed_result("guidance") == json.loads(file.read_text(encoding="utf-8"))


def test_an_unknown_one_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="guidance.*sampling.*Received: 'none'"):
        committed_result("none")
