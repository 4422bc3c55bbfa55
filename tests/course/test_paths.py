"""Where runs write: `build/`, or where that may not be written, a folder of the user's."""

import os
import tempfile

import pytest

from diffusion_course.course import paths


@pytest.fixture
def home(tmp_path, monkeypatch):
    root = tmp_path / "course"
    root.mkdir()
    (root / "book.toml").write_text("", encoding="utf-8")
    monkeypatch.setenv("DIFFUSION_COURSE_HOME", str(root))
    monkeypatch.delenv("COURSE_RESULTS_DIR", raising=False)
    monkeypatch.setattr(paths.platformdirs, "user_cache_path", lambda name="": tmp_path / "cache" / name)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    return root


def block(path):
    """A file where a folder should be: nobody can write into it, the superuser included."""
    path.write_text("in the way", encoding="utf-8")


def test_build_is_beside_the_manifest_where_it_can_be_written(home):
    assert paths.build_dir() == home / "build" and (home / "build").is_dir()
    assert paths.results_dir() == home / "build" / "results"
    assert os.listdir(home / "build") == []  # the trial leaves nothing


def test_a_course_that_may_not_be_written_builds_in_the_users_cache_always_in_the_same_place(home, tmp_path):
    block(home / "build")
    spare = paths.build_dir()
    assert spare.is_relative_to(tmp_path / "cache" / "diffusion-course") and spare.is_dir()
    assert paths.build_dir() == spare and paths.results_dir() == spare / "results"


def test_two_courses_do_not_share_their_spare_folder(home, tmp_path, monkeypatch):
    block(home / "build")
    first = paths.build_dir()
    other = tmp_path / "other" / "course"
    other.mkdir(parents=True)
    (other / "book.toml").write_text("", encoding="utf-8")
    block(other / "build")
    monkeypatch.setenv("DIFFUSION_COURSE_HOME", str(other))
    assert paths.build_dir() != first


def test_without_a_cache_it_is_the_folder_for_temporary_files_and_without_that_an_error(home, tmp_path):
    block(home / "build")
    block(tmp_path / "cache")
    assert paths.build_dir().is_relative_to(tmp_path / "temporary")
    for path in sorted((tmp_path / "temporary").rglob("*"), reverse=True):
        path.rmdir()
    (tmp_path / "temporary").rmdir()
    block(tmp_path / "temporary")
    with pytest.raises(paths.NotWritable, match="needs a folder that it may write.*Received: none of"):
        paths.build_dir()


def test_a_disk_that_refuses_is_noticed_although_the_folder_is_there(home, monkeypatch):
    def full(**arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(paths.tempfile, "TemporaryFile", full)
    assert not paths.can_write(home)


def test_relative_results_folder_is_absolute(home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COURSE_RESULTS_DIR", "results")
    assert paths.results_dir() == tmp_path / "results"
