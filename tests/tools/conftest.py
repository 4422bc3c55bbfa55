import pytest
from tiny_course import TinyCourse


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    monkeypatch.setenv("DIFFUSION_COURSE_HOME", str(tmp_path))
    monkeypatch.delenv("COURSE_RESULTS_DIR", raising=False)
    monkeypatch.delenv("COURSE_PROFILE", raising=False)
    return TinyCourse(tmp_path)
