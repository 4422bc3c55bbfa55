"""Each thing that the user's environment may set has its line, with what to do; a clean one has one line."""

import importlib.util
import platform
import site
import sys
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import matplotlib
import pytest

from diffusion_course import startup
from diffusion_course.tools import doctor, surroundings


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    names = (
        *surroundings.INSTALLERS,
        *surroundings.INTERPRETER,
        "MPLBACKEND",
        "JUPYTER_PATH",
        "COURSE_RESULTS_DIR",
    )
    for name in (*names, "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "DIFFUSION_COURSE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(startup, "overridden", [])
    monkeypatch.setattr(
        sys, "stdout", SimpleNamespace(encoding="utf-8", write=sys.stdout.write, flush=lambda: None)
    )


def the(finder) -> surroundings.Check:
    (check,) = finder()
    assert check.remedy
    return check


def test_nothing_found_is_one_line():
    assert [(check.ok, check.value) for check in surroundings.findings()] == [(True, "nothing in the way")]


def test_doctor_shows_every_finding_and_a_broken_finder_as_a_fault(monkeypatch):
    def broken():
        raise OSError("no registry")
        yield

    monkeypatch.setenv("PIP_USER", "1")
    monkeypatch.setenv("PYTHONPATH", "/x")
    monkeypatch.setattr(surroundings, "FINDERS", (broken, *surroundings.FINDERS[1:]))
    monkeypatch.setattr(doctor, "CHECKS", [check for check in doctor.CHECKS if check[0] == "Surroundings"])
    found = doctor.run_checks()
    assert [check.value for check in found] == ["broken: OSError: no registry", "PYTHONPATH=/x", "PIP_USER=1"]
    assert [check.ok for check in found] == [False, True, True]


def test_keras_settings(monkeypatch):
    monkeypatch.setattr(startup, "overridden", ["floatx = float16 in /home/me/.keras/keras.json"])
    check = the(surroundings._keras)
    assert check.ok and "keras.json" in check.value and "without it" in check.remedy


@pytest.mark.parametrize("name", surroundings.INSTALLERS)
def test_variables_of_installers(monkeypatch, name):
    monkeypatch.setenv(name, "here")
    check = the(surroundings._installers)
    assert check.ok and check.value == f"{name}=here" and f"unset {name}" in check.remedy


def test_packages_from_elsewhere_are_a_fault(monkeypatch, tmp_path):
    for cause, folder in (("PYTHONPATH", tmp_path / "a"), ("user packages", tmp_path / "b")):
        (folder / "keras").mkdir(parents=True)
        (folder / "keras" / "__init__.py").write_text("", encoding="utf-8")
        monkeypatch.setattr(site, "ENABLE_USER_SITE", True)
        monkeypatch.setattr(site, "getusersitepackages", lambda: str(tmp_path / "b"))
        origin = SimpleNamespace(origin=str(folder / "keras" / "__init__.py"))
        real = importlib.util.find_spec
        with monkeypatch.context() as patch:
            patch.setattr(
                importlib.util, "find_spec", lambda n, o=origin, r=real: o if n == "keras" else r(n)
            )
            check = the(surroundings._packages)
        assert not check.ok and str(folder) in check.value and cause in check.remedy


def test_foreign_kernel(monkeypatch, tmp_path):
    folder = tmp_path / "kernels" / "python3"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text("{}", encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    check = the(surroundings._kernel)
    assert check.ok and str(folder) in check.value and "unset JUPYTER_PATH" in check.remedy


def test_matplotlib_settings(monkeypatch, tmp_path):
    rc = tmp_path / "matplotlibrc"
    rc.write_text("", encoding="utf-8")
    monkeypatch.setenv("MATPLOTLIBRC", str(rc))
    assert (
        the(surroundings._matplotlib).value == str(Path(matplotlib.matplotlib_fname()).resolve()) == str(rc)
    )
    monkeypatch.delenv("MATPLOTLIBRC")
    monkeypatch.chdir(tmp_path.parent)
    monkeypatch.setenv("MPLBACKEND", "TkAgg")
    assert the(surroundings._matplotlib).value == "MPLBACKEND=TkAgg"


def test_proxy_that_would_take_this_machines_own_calls(monkeypatch):
    monkeypatch.setattr(urllib.request, "getproxies", lambda: {"http": "http://proxy.invalid:1"})
    monkeypatch.setattr(urllib.request, "proxy_bypass", lambda host: False)
    check = the(surroundings._proxy)
    assert check.ok and "http" in check.value and "no_proxy=127.0.0.1" in check.remedy
    monkeypatch.setattr(urllib.request, "proxy_bypass", lambda host: True)
    assert list(surroundings._proxy()) == []


@pytest.mark.parametrize("encoding", ["cp1251", "cp932", "ascii", None])
def test_console_that_lacks_characters(monkeypatch, encoding):
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(encoding=encoding))
    check = the(surroundings._encoding)
    assert check.ok and (encoding or "ascii") in check.value and "PYTHONUTF8=1" in check.remedy


def test_course_that_may_not_be_written(tiny, tmp_path_factory, monkeypatch):
    cache = tmp_path_factory.mktemp("cache")
    monkeypatch.setattr(surroundings.paths.platformdirs, "user_cache_path", lambda name="": cache)
    tiny.add("01")
    (tiny.root / "build").write_text("", encoding="utf-8")
    check = the(surroundings._folders)
    assert check.ok and "may not be written" in check.value and str(cache) in check.value
    assert "copy the course" in check.remedy

    def nowhere():
        raise surroundings.paths.NotWritable("none")

    monkeypatch.setattr(surroundings.paths, "spare_dir", nowhere)
    assert not the(surroundings._folders).ok


def test_results_folder(tiny, monkeypatch):
    tiny.add("01")
    monkeypatch.setenv("COURSE_RESULTS_DIR", str(tiny.root / "results"))
    (check,) = surroundings._folders()
    assert check.ok and check.value == f"COURSE_RESULTS_DIR={tiny.root / 'results'}"
    # What `run` sets for its chapters is where results go anyway: nothing to tell, least of all in a notebook.
    monkeypatch.setenv("COURSE_RESULTS_DIR", str(tiny.root / "build" / "results"))
    assert not list(surroundings._folders())
    (tiny.root / "blocked").write_text("", encoding="utf-8")
    monkeypatch.setenv("COURSE_RESULTS_DIR", str(tiny.root / "blocked"))
    assert not the(surroundings._folders).ok


@pytest.mark.parametrize(
    "system, machine, libc, words",
    [
        ("darwin", "x86_64", "", "Intel Macs"),
        ("linux", "x86_64", "", "glibc"),
        ("win32", "ARM64", "", "Python for ARM"),
    ],
)
def test_systems_without_tensorflow(monkeypatch, system, machine, libc, words):
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(platform, "libc_ver", lambda: (libc, ""))
    monkeypatch.setattr(surroundings, "long_paths", lambda: True)
    check = the(surroundings._platform)
    assert not check.ok and words in check.value


@pytest.mark.parametrize("system, machine", [("darwin", "arm64"), ("win32", "AMD64"), ("linux", "aarch64")])
def test_systems_with_tensorflow(monkeypatch, system, machine):
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.36"))
    monkeypatch.setattr(surroundings.paths, "course_root", lambda: Path("C:/course"))
    monkeypatch.setattr(surroundings, "long_paths", lambda: False)
    assert list(surroundings._platform()) == []


@pytest.mark.parametrize("length, long_paths, faults", [(83, False, 0), (84, False, 1), (84, True, 0)])
def test_long_folder_on_windows(monkeypatch, length, long_paths, faults):
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(platform, "machine", lambda: "AMD64")
    monkeypatch.setattr(surroundings.paths, "course_root", lambda: Path("/" + "x" * (length - 1)))
    monkeypatch.setattr(surroundings, "long_paths", lambda: long_paths)
    found = list(surroundings._platform())
    assert len(found) == faults
    assert all(f"{length} characters" in check.value and "83 characters" in check.remedy for check in found)
