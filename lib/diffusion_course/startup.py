"""What must be settled before Keras is imported: its backend, and that no setting of the user's changes results."""

import json
import os
import sys
from pathlib import Path

# What the course's networks and weights were made for. A user's `keras.json` may say otherwise.
KERAS_SETTINGS = {"image_data_format": "channels_last", "floatx": "float32", "epsilon": 1e-7}
# Each of them makes Keras stop early or compute differently, without a word.
KERAS_VARIABLES = ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH", "KERAS_NNX_ENABLED")
PATH_VARIABLES = ("DIFFUSION_COURSE_HOME", "COURSE_RESULTS_DIR")
# Keras reads `keras.json` in this folder instead of the user's, where that would change something.
KERAS_HOME = Path(__file__).with_name("keras_home")

overridden: list[str] = []  # what `settle` found and put aside, one text each; `doctor` shows it


def settle() -> None:
    """Fixes everything that the environment decides; called once, by the package itself.

    The user's settings stay as they are on disk. They count again in every program that does not import this package.

    Raises:
        ImportError: Keras was imported before, with another backend than the course will use.
    """
    for name in PATH_VARIABLES:
        # Resolved here, against the folder of the caller: a notebook's kernel runs in another one.
        if os.environ.get(name):
            os.environ[name] = os.path.abspath(os.path.expanduser(os.environ[name]))
    keras = sys.modules.get("keras")
    backend = os.environ.get("KERAS_BACKEND") or "tensorflow"
    if keras is not None and keras.config.backend() != backend:
        raise ImportError(
            "Import `diffusion_course` before `keras`: it chooses the backend. "
            f"Received: keras already loaded with backend={keras.config.backend()}"
        )
    os.environ["KERAS_BACKEND"] = backend
    for name in KERAS_VARIABLES:
        if name in os.environ:
            overridden.append(f"{name}={os.environ.pop(name)}")
    home = _users_keras_home()
    foreign = _foreign_settings(home / "keras.json")
    overridden.extend(f"{setting} in {home / 'keras.json'}" for setting in foreign)
    if keras is not None:
        for name, value in KERAS_SETTINGS.items():
            getattr(keras.config, f"set_{name}")(value)
    if foreign:
        os.environ["KERAS_HOME"] = str(KERAS_HOME)


def _users_keras_home() -> Path:
    named = os.environ.get("KERAS_HOME")
    # A process that a course's process started has the course's folder there already.
    if named and Path(named) != KERAS_HOME:
        return Path(named).expanduser()
    base = os.path.expanduser("~")
    return Path(base if os.access(base, os.W_OK) else "/tmp", ".keras")  # as Keras itself decides


def _foreign_settings(path: Path) -> list[str]:
    """What in a ``keras.json`` differs from what the course needs, e.g. ``["floatx = float16"]``."""
    if not path.exists():
        return []
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return [f"unreadable text ({type(error).__name__})"]
    if not isinstance(found, dict):
        return ["no table of settings"]
    expected = {**KERAS_SETTINGS, "nnx_enabled": False}
    return [f"{name} = {found[name]}" for name, value in expected.items() if found.get(name, value) != value]
