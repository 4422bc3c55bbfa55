"""What the user's environment sets that the course puts aside or cannot use: one line each, with what to do."""

import importlib.util
import os
import platform
import site
import sys
import sysconfig
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from diffusion_course import startup
from diffusion_course.course import paths
from diffusion_course.tools.child_environment import LOOPBACK

# pip's and uv's variables that send packages elsewhere or change which are installed; `make` takes them away, too.
INSTALLERS = (
    *(
        "PIP_USER",
        "PIP_TARGET",
        "PIP_PREFIX",
        "PIP_ROOT",
        "PIP_PYTHON",
        "PIP_REQUIRE_VIRTUALENV",
        "PIP_DRY_RUN",
    ),
    *("PIP_REQUIRE_HASHES", "PIP_CONSTRAINT", "PIP_NO_BINARY", "PIP_PLATFORM", "PIP_PYTHON_VERSION"),
    *(
        "UV_PYTHON",
        "UV_SYSTEM_PYTHON",
        "UV_TARGET",
        "UV_PREFIX",
        "UV_CONSTRAINT",
        "UV_OVERRIDE",
        "UV_EXCLUDE_NEWER",
    ),
    *("UV_REQUIRE_HASHES", "UV_NO_BINARY"),
)
INTERPRETER = ("PYTHONHOME", "PYTHONPATH", "PYTHONOPTIMIZE", "PYTHONWARNINGS", "PYTHONPLATLIBDIR")
PACKAGES = ("keras", "tensorflow", "numpy", "matplotlib", "ipykernel")
# The longest path that installing makes below the course's folder on Windows, and what Windows allows without a switch.
LONGEST, ALLOWED = 175, 259


class Check(NamedTuple):
    """One line of the report: ``ok`` is False for a fault; ``remedy`` says what to do, or explains, or is empty."""

    name: str
    ok: bool
    value: str
    remedy: str = ""


def _keras() -> Iterator[Check]:
    for found in startup.overridden:
        yield Check("Keras settings", True, found, "The course computes without it; other programs keep it.")


def _variables(names: Iterable[str]) -> Iterator[str]:
    return (f"{name}={os.environ[name]}" for name in names if os.environ.get(name))


def _installers() -> Iterator[Check]:
    for found in _variables(INSTALLERS):
        name = found.partition("=")[0]
        yield Check(
            "Installer", True, found, f"`make` installs without it. Before pip or uv by hand: unset {name}."
        )


def _interpreter() -> Iterator[Check]:
    for found in _variables(INTERPRETER):
        name = found.partition("=")[0]
        yield Check(
            "Python", True, found, f"`make` runs without it. If anything fails elsewhere: unset {name}."
        )


def _packages() -> Iterator[Check]:
    own = [Path(sysconfig.get_path(kind)).resolve() for kind in ("purelib", "platlib")]
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is None or not spec.origin:
            continue
        where = Path(spec.origin).resolve()
        if not any(where.is_relative_to(folder) for folder in own):
            cause = "PYTHONPATH"
            if site.ENABLE_USER_SITE and where.is_relative_to(Path(site.getusersitepackages()).resolve()):
                cause = "your user packages"
            remedy = (
                f"It comes from {cause}, not from this environment: unset PYTHONPATH, set PYTHONNOUSERSITE=1."
            )
            yield Check("Packages", False, f"{name} in {where.parent}", remedy)


def _kernel() -> Iterator[Check]:
    from jupyter_client.kernelspec import KernelSpecManager

    found = KernelSpecManager().find_kernel_specs().get("python3")
    if found and not Path(found).resolve().is_relative_to(Path(sys.prefix).resolve()):
        remedy = "`diffusion-course` starts its own. In another Jupyter choose the kernel of this environment"
        if os.environ.get("JUPYTER_PATH"):
            remedy += ", or unset JUPYTER_PATH"
        yield Check("Kernel", True, f"a foreign python3 in {found}", f"{remedy}.")


def _matplotlib() -> Iterator[Check]:
    import matplotlib

    used = Path(matplotlib.matplotlib_fname()).resolve()
    if not used.is_relative_to(Path(matplotlib.get_data_path()).resolve()):
        yield Check("Matplotlib", True, str(used), "The course draws without it; other programs keep it.")
    for found in _variables(["MPLBACKEND"]):
        remedy = (
            "`diffusion-course` draws into the notebook all the same. In another Jupyter: unset MPLBACKEND."
        )
        yield Check("Matplotlib", True, found, remedy)


def _proxy() -> Iterator[Check]:
    through = sorted(urllib.request.getproxies())
    if any(kind in through for kind in ("http", "all")) and not urllib.request.proxy_bypass(LOOPBACK[0]):
        remedy = f"The course goes around it. For other programs: export no_proxy={','.join(LOOPBACK)}"
        yield Check("Proxy", True, f"{', '.join(through)}; also for {LOOPBACK[0]}", remedy)


def _encoding() -> Iterator[Check]:
    encoding = sys.stdout.encoding or "ascii"
    try:
        "─✓é".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        remedy = (
            "Some characters appear as question marks. For all of them: set PYTHONUTF8=1 and a UTF-8 locale."
        )
        yield Check("Console", True, f"encoding {encoding}", remedy)


def _folders() -> Iterator[Check]:
    root = paths.course_root()
    if not paths.can_write(root / "build"):
        try:
            spare, ok = f"results go to {paths.spare_dir()}", True
        except paths.NotWritable:
            spare, ok = "and there is no other folder for results", False
        remedy = "To save notebooks, too: copy the course to a folder of your own."
        yield Check("Folder", ok, f"{root / 'build'} may not be written, {spare}", remedy)
    folder = paths.results_dir() if os.environ.get("COURSE_RESULTS_DIR") else None
    if folder not in (None, root / "build" / "results"):  # `run` sets the usual folder for its chapters
        ok = paths.can_write(folder)
        remedy = "" if ok else "It may not be written: name another folder, or unset COURSE_RESULTS_DIR."
        yield Check("Folder", ok, f"COURSE_RESULTS_DIR={folder}", remedy)


def _platform() -> Iterator[Check]:
    machine, libc = platform.machine(), platform.libc_ver()[0]
    if sys.platform == "darwin" and machine == "x86_64":
        remedy = (
            "Use Linux, Windows, or a Mac with an Apple chip; there take an arm64 Python, not one for Intel."
        )
        yield Check(
            "System", False, "Python for Intel Macs, for which there is no TensorFlow package", remedy
        )
    if sys.platform == "linux" and libc != "glibc":
        yield Check(
            "System", False, "no glibc (Alpine?), and so no TensorFlow package", "Use Debian or the like."
        )
    if sys.platform == "win32":
        if machine.lower() == "arm64":
            remedy = "Install Python for x86-64, which Windows translates."
            yield Check("System", False, "Python for ARM, for which there is no TensorFlow package", remedy)
        length = len(str(paths.course_root()))
        if length + 1 + LONGEST > ALLOWED and not long_paths():
            remedy = (
                f"Move the course to a folder of at most {ALLOWED - LONGEST - 1} characters, or allow long paths: as "
                r"administrator, set LongPathsEnabled to 1 in HKLM\SYSTEM\CurrentControlSet\Control\FileSystem."
            )
            yield Check("System", False, f"a course folder of {length} characters", remedy)


def long_paths() -> bool:
    """Whether this Windows allows paths of more than 259 characters."""
    import winreg

    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"SYSTEM\CurrentControlSet\Control\FileSystem") as key:
            return winreg.QueryValueEx(key, "LongPathsEnabled")[0] == 1
    except OSError:  # no such value: an older Windows
        return False


FINDERS: tuple[Callable[[], Iterator[Check]], ...] = (
    *(
        _platform,
        _interpreter,
        _packages,
        _installers,
        _keras,
        _kernel,
        _matplotlib,
        _proxy,
        _encoding,
        _folders,
    ),
)


def findings() -> list[Check]:
    """Everything that was found, or one line that says that there is nothing."""
    found = []
    for finder in FINDERS:
        try:
            found.extend(finder())
        except Exception as error:  # what is broken here may break in any way, and must not hide the rest
            text = f"{finder.__name__.strip('_')}: {type(error).__name__}: {error}"
            found.append(Check("Surroundings", False, text, "See the message on the left."))
    return found or [Check("Surroundings", True, "nothing in the way")]
