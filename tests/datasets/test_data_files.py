"""Checksums: what is refused, with which words, and how the table is kept."""

import hashlib
import re
import subprocess
import sys

import pytest

from diffusion_course.course import files
from diffusion_course.course.files import (
    DamagedFile,
    MissingFile,
    publish,
    read_verified,
    update_sums,
    verify_all,
)
from diffusion_course.course.paths import data_dir

CONTENT = b"weights of a small model\x00\x01"


@pytest.fixture
def listed(home):
    (home / "weights").mkdir()
    path = home / "weights" / "small.safetensors"
    path.write_bytes(CONTENT)
    (home / "mnist").mkdir()
    (home / "mnist" / "a.xz").write_bytes(b"a")
    update_sums([path, "mnist/a.xz"])
    return path


def test_table_has_the_format_of_sha256sum_and_is_sorted(home, listed):
    expected = (
        f"{hashlib.sha256(b'a').hexdigest()}  mnist/a.xz\n"
        f"{hashlib.sha256(CONTENT).hexdigest()}  weights/small.safetensors\n"
    )
    assert (home / "SHA256SUMS").read_bytes() == expected.encode()


def test_a_whole_file_is_read(listed):
    assert read_verified("weights/small.safetensors") == CONTENT
    assert verify_all() == [("mnist/a.xz", None), ("weights/small.safetensors", None)]


@pytest.mark.parametrize(
    "damage",
    [CONTENT[:-1], b"", CONTENT + b"\n", bytes([CONTENT[0] ^ 1]) + CONTENT[1:]],
    ids=["cut short", "empty", "longer", "one bit flipped"],
)
def test_a_changed_file_is_refused_by_name_with_the_remedy(listed, damage):
    listed.write_bytes(damage)
    with pytest.raises(DamagedFile) as caught:
        read_verified("weights/small.safetensors")
    message = str(caught.value)
    assert "data/weights/small.safetensors" in message
    assert "`git checkout -- data/weights/small.safetensors`" in message
    assert hashlib.sha256(CONTENT).hexdigest() in message and f"{len(damage)} bytes" in message
    assert "build.py" not in message, "no script makes weights"
    assert verify_all() == [("mnist/a.xz", None), ("weights/small.safetensors", message)]


def test_a_missing_file_is_refused_by_name_with_both_remedies(home, listed):
    (home / "mnist" / "a.xz").unlink()
    with pytest.raises(MissingFile, match=r"data/mnist/a\.xz must be there.*build\.py mnist`"):
        read_verified("mnist/a.xz")
    assert isinstance(MissingFile("x"), FileNotFoundError) and isinstance(DamagedFile("x"), ValueError)
    assert "no such file" in dict(verify_all())["mnist/a.xz"]


def test_an_unlisted_file_is_refused(home, listed):
    (home / "weights" / "new.safetensors").write_bytes(CONTENT)
    with pytest.raises(DamagedFile, match=r"no line for weights/new\.safetensors"):
        read_verified("weights/new.safetensors")


def test_no_table_is_refused(home):
    with pytest.raises(MissingFile, match="SHA256SUMS must be there"):
        read_verified("mnist/a.xz")
    with pytest.raises(MissingFile, match="git checkout -- data/SHA256SUMS"):
        verify_all()


@pytest.mark.parametrize("line", ["", "abc  mnist/a.xz", "0" * 64 + " mnist/a.xz", "<<<<<<< HEAD"])
def test_a_damaged_table_is_refused_by_line(home, listed, line):
    table = home / "SHA256SUMS"
    table.write_bytes(table.read_bytes() + line.encode() + b"\n")
    with pytest.raises(DamagedFile, match="SHA256SUMS, line 3"):
        read_verified("mnist/a.xz")


def test_a_table_that_is_not_text_is_refused(home, listed):
    (home / "SHA256SUMS").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DamagedFile, match="SHA256SUMS must be UTF-8"):
        verify_all()


def test_windows_line_ends_and_binary_marks_are_read(home, listed):
    table = home / "SHA256SUMS"
    table.write_bytes(table.read_bytes().replace(b"  ", b" *").replace(b"\n", b"\r\n"))
    assert read_verified("mnist/a.xz") == b"a"


@pytest.mark.parametrize("path", ["../book.toml", "a/../../b", "/etc/hosts", "C:/x", "a\\b", "", "."])
def test_a_path_out_of_data_is_refused(listed, path):
    with pytest.raises(ValueError, match="must be relative to data/"):
        read_verified(path)


def test_update_keeps_other_rows_and_drops_what_is_gone(home, listed):
    before = files.read_sums()
    listed.write_bytes(b"better weights")
    update_sums(["weights/small.safetensors"])
    assert files.read_sums()["mnist/a.xz"] == before["mnist/a.xz"]
    assert read_verified("weights/small.safetensors") == b"better weights"
    listed.unlink()
    update_sums([listed])
    assert list(files.read_sums()) == ["mnist/a.xz"]


def test_update_refuses_what_it_cannot_list(home, listed, tmp_path):
    before = (home / "SHA256SUMS").read_bytes()
    with pytest.raises(MissingFile, match="weights/typo"):
        update_sums(["weights/typo"])
    with pytest.raises(ValueError, match="must lie below"):
        update_sums([tmp_path / "book.toml"])
    assert (home / "SHA256SUMS").read_bytes() == before


def test_published_files_come_with_their_rows_and_cards_without(home, listed):
    publish(
        {"weights/small.safetensors": b"new", "weights/small.md": b"# new", "weights/b.safetensors": b"b"}
    )
    assert read_verified("weights/small.safetensors") == b"new"
    assert (home / "weights" / "small.md").read_bytes() == b"# new"
    assert list(files.read_sums()) == ["mnist/a.xz", "weights/b.safetensors", "weights/small.safetensors"]
    assert all(problem is None for _, problem in verify_all())
    with pytest.raises(ValueError, match="must be relative to data/"):
        publish({"../book.toml": b""})


def test_a_reader_waits_for_the_table_of_files_just_published(home, listed, monkeypatch):
    old = (home / "SHA256SUMS").read_bytes()
    publish({"weights/small.safetensors": b"new"})
    new = (home / "SHA256SUMS").read_bytes()
    (home / "SHA256SUMS").write_bytes(old)  # the moment between the two renamings
    monkeypatch.setattr(files.time, "sleep", lambda seconds: (home / "SHA256SUMS").write_bytes(new))
    assert read_verified("weights/small.safetensors") == b"new"


UPDATE = """
import sys
from diffusion_course.course import files
name = sys.argv[1]
reading = files.read_sums
def slow():  # the other process comes in between, if it can
    sums = reading()
    files.time.sleep(0.3)
    return sums
files.read_sums = slow
files.publish({name: name.encode()})
"""


def test_two_that_publish_at_once_keep_each_others_rows(home, listed):
    ours = [
        subprocess.Popen([sys.executable, "-c", UPDATE, f"weights/{name}.safetensors"])
        for name in ("one", "two")
    ]
    assert [process.wait(timeout=60) for process in ours] == [0, 0]
    for name in ("one", "two"):
        assert read_verified(f"weights/{name}.safetensors") == f"weights/{name}.safetensors".encode()
    assert read_verified("mnist/a.xz") == b"a"


def test_the_shipped_table_covers_everything_and_nothing_else():
    listed = set(files.read_sums())
    on_disk = {
        p.relative_to(data_dir()).as_posix()
        for p in data_dir().rglob("*")
        if p.is_file()
        and p.suffix not in (".py", ".pyc", ".md")
        and p.name not in ("SHA256SUMS", ".gitattributes")
    }
    assert on_disk == listed
    assert [problem for _, problem in verify_all() if problem] == []


def test_the_licence_table_names_every_set_and_its_checksums(build):
    text = (data_dir() / "LICENSES.md").read_text(encoding="utf-8")
    quoted = set(re.findall(r"[0-9a-f]{64}", text))
    for name, source in build.SOURCES.items():
        assert f"`{name}/`" in text
        assert {source.archive_sha256, *source.raw.values(), *source.idx.values()} <= quoted
    assert sys.modules["data_build"].SOURCES.keys() == set(files.BUILT_SETS)
