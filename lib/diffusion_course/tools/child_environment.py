"""The environment that the course hands to the programs it starts, so that the user's variables do not break them."""

import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from diffusion_course.course.paths import build_dir

LOOPBACK = ("127.0.0.1", "localhost", "::1")
# Settings of JupyterLab that hold where the user has chosen nothing else.
JUPYTER_CONFIG = Path(__file__).with_name("jupyter_config")


def child_environment(**variables: str) -> dict[str, str]:
    """The environment for a program that the course starts.

    - `python3` is this environment's own kernel, and JupyterLab's extensions are this environment's own, whatever
      ``JUPYTER_PATH`` and ``JUPYTER_PREFER_ENV_PATH`` say.
    - A notebook draws into the notebook, whatever ``MPLBACKEND`` says.
    - Nothing on this machine is asked for through a proxy.
    - A character that the console cannot show becomes a question mark, not an error; files are UTF-8 whatever the
      locale is.

    Args:
        **variables: set on top.

    Returns:
        A copy of ``os.environ``, changed; the paths in it are absolute (see `diffusion_course.startup`).
    """
    environment = dict(os.environ)
    environment.pop("MPLBACKEND", None)
    environment["JUPYTER_PATH"] = _first(
        Path(sys.prefix, "share", "jupyter"), environment.get("JUPYTER_PATH"), os.pathsep
    )
    for name in ("no_proxy", "NO_PROXY"):
        environment[name] = without_proxy(environment.get(name) or environment.get("no_proxy"))
    encoding = environment.get("PYTHONIOENCODING") or getattr(sys.stdout, "encoding", None) or ""
    environment["PYTHONIOENCODING"] = encoding if ":" in encoding else f"{encoding}:replace"
    environment["PYTHONUTF8"] = "1"
    return {**environment, **variables}


def run_environment(**variables: str) -> dict[str, str]:
    """`child_environment` for what runs unattended: also without the user's IPython scripts and Matplotlib settings."""
    matplotlib = Path(
        importlib.util.find_spec("matplotlib").origin
    ).parent  # found, not imported: that takes a second
    own = {
        "IPYTHONDIR": str(build_dir() / "ipython"),
        "MATPLOTLIBRC": str(matplotlib / "mpl-data" / "matplotlibrc"),
    }
    return child_environment(**own, **variables)


def lab_environment(**variables: str) -> dict[str, str]:
    """`child_environment` for JupyterLab: also with the course's settings, which offer nothing from a network."""
    environment = child_environment()
    config = _first(JUPYTER_CONFIG, environment.get("JUPYTER_CONFIG_PATH"), os.pathsep)
    return {**environment, "JUPYTER_CONFIG_PATH": config, **variables}


def without_proxy(value: str | None) -> str:
    """A value for ``no_proxy`` that also names this machine."""
    hosts = [host.strip() for host in (value or "").split(",") if host.strip()]
    return ",".join([*hosts, *(host for host in LOOPBACK if host not in hosts)])


def _first(path: Path, value: str | None, separator: str) -> str:
    others = [part for part in (value or "").split(separator) if part and part != str(path)]
    return separator.join([str(path), *others])


@contextmanager
def environment_of(variables: dict[str, str]) -> Iterator[None]:
    """Makes this process's environment equal to ``variables`` while the block runs; kernels inherit it.

    Args:
        variables: all of them, e.g. from `child_environment`.
    """
    before = dict(os.environ)
    _become(variables)
    try:
        yield
    finally:
        _become(before)


def _become(variables: dict[str, str]) -> None:
    for name in set(os.environ) - set(variables):
        del os.environ[name]
    os.environ.update(variables)
