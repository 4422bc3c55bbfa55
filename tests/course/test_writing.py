"""Files are replaced whole, several together or not at all, and one process at a time."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from diffusion_course.course.lock import locked
from diffusion_course.course.writing import replace_when_whole, write_together, write_whole


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def fail_at(monkeypatch, number, error):
    """Makes the renaming of this number fail, and no other."""
    calls, replace = [], os.replace

    def failing(*paths):
        calls.append(paths)
        if len(calls) == number:
            raise error
        replace(*paths)

    monkeypatch.setattr(os, "replace", failing)


def test_a_write_that_fails_leaves_the_old_file_and_no_litter(tmp_path, monkeypatch):
    path = tmp_path / "a"
    write_whole(path, b"old")
    fail_at(monkeypatch, 1, OSError("disk full"))
    with pytest.raises(OSError, match="disk full"):
        write_whole(path, b"new")
    assert contents(tmp_path) == {"a": b"old"}


def test_a_file_lent_to_a_writer_is_replaced_when_the_writer_is_done(tmp_path):
    path = tmp_path / "folder" / "a"
    with replace_when_whole(path) as aside:
        aside.write_bytes(b"half")
        assert not path.exists()
        aside.write_bytes(b"whole")
    assert contents(path.parent) == {"a": b"whole"}
    with pytest.raises(KeyboardInterrupt), replace_when_whole(path) as aside:
        aside.write_bytes(b"half")
        raise KeyboardInterrupt
    assert contents(path.parent) == {"a": b"whole"}


OLD, NEW = {"a": b"old a", "b": b"old b"}, {"a": b"new a", "c": b"new c", "b": b"new b"}


@pytest.fixture
def folder(tmp_path):
    for name, content in OLD.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def write_new(folder):
    write_together({folder / name: content for name, content in NEW.items()})


def test_all_are_replaced(folder):
    write_new(folder)
    assert contents(folder) == NEW


@pytest.mark.parametrize("error", [OSError("in use"), KeyboardInterrupt()], ids=["error", "interrupt"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_none_is_replaced_if_one_cannot_be(folder, monkeypatch, number, error):
    fail_at(monkeypatch, number, error)
    with pytest.raises(type(error)):
        write_new(folder)
    assert contents(folder) == OLD


def test_none_is_replaced_if_one_cannot_be_written(folder, monkeypatch):
    monkeypatch.setitem(NEW, "b", "text")
    with pytest.raises(TypeError):
        write_new(folder)
    assert contents(folder) == OLD


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot send Ctrl-C to one process alone")
def test_an_interrupt_in_the_middle_comes_when_all_are_replaced(folder, monkeypatch):
    replace, seen = os.replace, []

    def interrupted(*paths):
        replace(*paths)
        os.kill(os.getpid(), signal.SIGINT)
        seen.append(contents(folder)["b"])

    monkeypatch.setattr(os, "replace", interrupted)
    # A shell starts what runs in the background with Ctrl-C ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            write_new(folder)
        assert seen == [OLD["b"], OLD["b"], NEW["b"]] and contents(folder) == NEW
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_thread_may_write_together_too(folder):
    thread = threading.Thread(target=write_new, args=(folder,))
    thread.start()
    thread.join()
    assert contents(folder) == NEW


HOLD = """
import sys, time
from pathlib import Path
from diffusion_course.course.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_lock_keeps_others_out_and_ends_with_its_process(tmp_path):
    path = tmp_path / "locks" / "a.lock"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline().strip() == b"held"
        with pytest.raises(TimeoutError, match="must become free within 0.1 s"), locked(path, patience=0.1):
            pytest.fail("the lock is held by another process")
        holder.kill()  # without a chance to clean up
    with locked(path, patience=5):
        pass
    with locked(path, patience=0):  # and was given back
        pass
