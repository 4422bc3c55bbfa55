"""The user's Keras settings and relative paths do not change what the course computes and where it writes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from diffusion_course import startup

_SHOW = """
import json, os
{first}
import diffusion_course
from diffusion_course import startup
import keras
print(json.dumps([keras.config.image_data_format(), keras.config.floatx(), keras.config.epsilon(),
                  keras.config.backend(), keras.config.max_epochs(), startup.overridden]))
"""
WANTED = ["channels_last", "float32", 1e-7, "tensorflow", None]


def show(home: Path, first: str = "", **variables: str) -> list:
    plain = {k: v for k, v in os.environ.items() if not k.startswith("KERAS_")}
    environment = plain | {"HOME": str(home), "USERPROFILE": str(home), "PYTHONPATH": ""} | variables
    code = _SHOW.format(first=first)
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def write(folder: Path, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "keras.json").write_text(text, encoding="utf-8")


FOREIGN = json.dumps(
    {"image_data_format": "channels_first", "floatx": "float16", "epsilon": 0.1, "backend": "jax"}
)


def test_the_users_keras_json_changes_nothing_and_is_named(tmp_path):
    write(tmp_path / ".keras", FOREIGN)
    *found, overridden = show(tmp_path, KERAS_MAX_EPOCHS="1")
    assert found == WANTED
    assert [text.partition(" in ")[0] for text in overridden] == [
        "KERAS_MAX_EPOCHS=1", "image_data_format = channels_first", "floatx = float16", "epsilon = 0.1",
    ]  # fmt: skip
    assert (tmp_path / ".keras" / "keras.json").read_text(encoding="utf-8") == FOREIGN


def test_nor_does_the_one_in_keras_home_nor_one_that_was_read_before(tmp_path):
    write(tmp_path / "elsewhere", FOREIGN)
    home = str(tmp_path / "elsewhere")
    assert show(tmp_path, KERAS_HOME=home)[:-1] == WANTED
    assert show(tmp_path, first="import keras", KERAS_HOME=home, KERAS_BACKEND="tensorflow")[:-1] == WANTED


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"floatx": "float8"}', '{"epsilon": 0}', '{"image_data_format": 3}']
)
def test_settings_that_keras_itself_would_stumble_over_are_foreign(tmp_path, text):
    write(tmp_path, text)
    assert len(startup._foreign_settings(tmp_path / "keras.json")) == 1


def test_settings_as_keras_writes_them_stay_in_force(tmp_path, monkeypatch):
    write(tmp_path, (startup.KERAS_HOME / "keras.json").read_text(encoding="utf-8"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(startup, "overridden", [])
    startup.settle()
    assert startup.overridden == [] and os.environ["KERAS_HOME"] == str(tmp_path)


def test_the_courses_own_settings_are_those_it_checks_for():
    own = json.loads((startup.KERAS_HOME / "keras.json").read_text(encoding="utf-8"))
    assert own == {**startup.KERAS_SETTINGS, "backend": "tensorflow"}


@pytest.mark.parametrize("name", startup.PATH_VARIABLES)
def test_a_relative_path_is_resolved_once_against_the_callers_folder(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_HOME", os.environ.get("KERAS_HOME", ""))
    for given, meant in (
        ("here", tmp_path / "here"),
        (".", tmp_path),
        ("~/there", Path("~/there").expanduser()),
    ):
        monkeypatch.setenv(name, given)
        startup.settle()
        assert os.environ[name] == str(meant)
    (tmp_path / "below").mkdir()
    monkeypatch.setenv(name, "here")
    startup.settle()
    monkeypatch.chdir(tmp_path / "below")
    startup.settle()
    assert os.environ[name] == str(tmp_path / "here")
