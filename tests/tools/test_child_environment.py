"""What the user's environment sets does not reach the programs that the course starts."""

import io
import json
import os
import subprocess
import sys
import urllib.request

import pytest
from rich.console import Console

from diffusion_course.tools import child_environment as child
from diffusion_course.tools import runner, testing

OWN = f"import sys; assert sys.prefix == {sys.prefix!r}, sys.prefix"


@pytest.fixture
def foreign_kernel(tmp_path, monkeypatch):
    """A `python3` that dies at once, where Jupyter looks first."""
    folder = tmp_path / "foreign" / "kernels" / "python3"
    folder.mkdir(parents=True)
    spec = {"argv": [sys.executable, "-c", "raise SystemExit('the wrong kernel')"], "display_name": "Foreign"}
    (folder / "kernel.json").write_text(json.dumps({**spec, "language": "python"}), encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "foreign"))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "0")
    return tmp_path / "foreign"


def run(console=None):
    text = io.StringIO()
    ok = runner.run_course([], "quick", book=False, console=Console(file=text, width=140))
    return ok, text.getvalue()


def test_chapters_run_on_the_courses_own_kernel(tiny, foreign_kernel):
    tiny.add("01", OWN, tiny.report("01", error=0.5), band=[0, 1])
    ok, text = run()
    assert ok, text
    assert os.environ["JUPYTER_PATH"] == str(foreign_kernel)  # put back


def test_so_do_notebooks_in_the_tests(tiny, foreign_kernel):
    path = tiny.add("01", OWN)
    (tiny.root / "build" / "test-results").mkdir(parents=True)
    assert testing._pytest(
        "kernel", ["--nbval-lax", "--nbval-current-env", "-p", "no:cacheprovider", str(path)]
    )


def test_a_chapter_draws_into_the_notebook_and_runs_none_of_the_users_scripts(tiny, tmp_path, monkeypatch):
    startup = tmp_path / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00.py").write_text("surprise = 1", encoding="utf-8")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    (tmp_path / "matplotlibrc").write_text("backend: TkAgg", encoding="utf-8")
    monkeypatch.setenv("MATPLOTLIBRC", str(tmp_path / "matplotlibrc"))
    monkeypatch.setenv("MPLBACKEND", "TkAgg")
    code = (
        "import matplotlib; assert 'inline' in matplotlib.get_backend(); assert 'surprise' not in globals()\n"
    )
    code += "assert 'mpl-data' in matplotlib.matplotlib_fname()"
    tiny.add("01", code, tiny.report("01", error=0.5), band=[0, 1])
    ok, text = run()
    assert ok, text


def test_relative_results_folder_means_the_callers_folder(tiny, tmp_path):
    tiny.add("01", tiny.report("01", error=0.5), band=[0, 1])
    caller = tmp_path / "caller"
    caller.mkdir()
    command = [sys.executable, "-m", "diffusion_course.cli", "run", "--profile", "quick", "--no-book"]
    home = os.path.relpath(tiny.root, caller)
    environment = {**os.environ, "COURSE_RESULTS_DIR": "results", "DIFFUSION_COURSE_HOME": home}
    done = subprocess.run(command, cwd=caller, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert os.listdir(caller / "results") == ["01.quick.json"]
    assert not (tiny.root / "notebooks" / "results").exists()


def run_in_console(tiny, variables: dict[str, str]) -> bytes:
    book = tiny.root / "book.toml"
    text = book.read_text(encoding="utf-8").replace('"Tiny"', '"Tiny é ─ ✓ 漢 Ж"')
    book.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "diffusion_course.cli", "run", "--profile", "quick", "--no-book"]
    done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, check=False)
    text = done.stdout + done.stderr
    assert done.returncode == 1 and b"UnicodeEncodeError" not in text and b"Tiny" in text, text
    return text


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONIOENCODING": "cp1251"},
        {"PYTHONIOENCODING": "cp932"},
        {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C", "LANG": "C"},
    ],
    ids=lambda variables: next(iter(variables.values())),
)
def test_a_console_that_lacks_characters_loses_only_those(tiny, variables):
    tiny.add("01", write=False)
    assert b"there is no notebooks/01_tiny.ipynb" in run_in_console(tiny, variables)


def test_what_a_failing_chapter_printed_is_shown_as_far_as_the_console_goes(tiny):
    tiny.add("01", "print('é ─ ✓ 漢')", "raise RuntimeError('é ─ ✓ 漢 on purpose')")
    text = run_in_console(tiny, {"PYTHONIOENCODING": "ascii"})
    assert b"? ? ? ? on purpose" in text and b"Traceback (most recent call last)" in text
    assert (tiny.root / "build" / "failed" / "01_tiny.ipynb").exists()


@pytest.mark.parametrize(
    "given, passed",
    [("", f"{sys.__stdout__.encoding}:replace"), ("cp1251", "cp1251:replace"), ("ascii:strict",) * 2],
)
def test_children_replace_characters_too_unless_told_how(monkeypatch, given, passed):
    monkeypatch.setenv("PYTHONIOENCODING", given)
    monkeypatch.setattr(sys, "stdout", sys.__stdout__)
    assert child.child_environment()["PYTHONIOENCODING"] == passed


def test_notebooks_write_utf_8_whatever_the_locale_is(tiny, tmp_path):
    write = f"open({str(tmp_path / 'written')!r}, 'w').write('é ✓')"
    tiny.add("01", write, tiny.report("01", error=0.5), band=[0, 1])
    locale = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}
    command = [sys.executable, "-m", "diffusion_course.cli", "run", "--profile", "quick", "--no-book"]
    done = subprocess.run(command, env={**os.environ, **locale}, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "written").read_text(encoding="utf-8") == "é ✓"


def test_nothing_on_this_machine_goes_through_a_proxy(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://proxy.invalid:3128")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "example.org, localhost")
    assert not urllib.request.proxy_bypass_environment("127.0.0.1")
    own = child.child_environment()
    assert own["no_proxy"] == own["NO_PROXY"] == "example.org,localhost,127.0.0.1,::1"
    with child.environment_of(own):
        assert urllib.request.proxy_bypass_environment("127.0.0.1")
        assert urllib.request.proxy_bypass_environment("example.org")
        assert not urllib.request.proxy_bypass_environment("example.com")


def test_what_the_user_set_stays_behind_the_courses_own(monkeypatch):
    monkeypatch.setenv("JUPYTER_PATH", os.pathsep.join(["/a", "/b"]))
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "/c")
    own = child.lab_environment(COURSE_PROFILE="quick")
    assert own["JUPYTER_PATH"].split(os.pathsep)[1:] == ["/a", "/b"]
    assert own["JUPYTER_CONFIG_PATH"].split(os.pathsep)[1:] == ["/c"]
    assert own["COURSE_PROFILE"] == "quick" and "COURSE_PROFILE" not in child.child_environment()
    again = child.environment_of(own)
    with again:  # a child of a child: nothing piles up
        assert child.lab_environment()["JUPYTER_PATH"] == own["JUPYTER_PATH"]


def test_the_environment_is_put_back_whatever_happens(monkeypatch):
    monkeypatch.setenv("KEEP", "1")
    before = dict(os.environ)
    with pytest.raises(RuntimeError), child.environment_of({"ONLY": "1"}):
        assert dict(os.environ) == {"ONLY": "1"}
        raise RuntimeError
    assert dict(os.environ) == before
