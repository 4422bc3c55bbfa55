"""`data/build.py` on small packages made here: nothing is downloaded."""

import gzip
import hashlib
import io
import lzma
import sys
import tarfile
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from diffusion_course.course.files import read_sums
from diffusion_course.datasets.idx import parse_idx, to_idx

RAW = to_idx(np.arange(24, dtype="uint8").reshape(2, 3, 4))


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def tar_of(path, content, mode):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:
        info = tarfile.TarInfo(path)
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def deb_of(data_tar):
    members = [(b"debian-binary", b"2.0"), (b"control.tar.xz", b"odd"), (b"data.tar.xz", data_tar)]
    package = b"!<arch>\n"
    for name, content in members:
        package += name.ljust(16) + b"0".ljust(32) + str(len(content)).encode().ljust(10) + b"`\n"
        package += content + b"\n" * (len(content) % 2)
    return package


def test_archives_are_unpacked(build):
    packed = tar_of("./usr/a.gz", gzip.compress(RAW), "w:xz")
    assert build.unpack_deb(deb_of(packed), "./usr/a.gz") == RAW
    assert build.unpack_tar(tar_of("package/a", RAW, "w:gz"), "package/a") == RAW
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as wheel:
        wheel.writestr("data/a.tsv", RAW)
    assert build.unpack_zip(buffer.getvalue(), "data/a.tsv") == RAW
    with pytest.raises(build.BuildError, match="must begin with"):
        build.unpack_deb(b"not a package", "a")
    with pytest.raises(build.BuildError, match="must hold data.tar"):
        build.unpack_deb(b"!<arch>\n", "a")


@pytest.fixture
def small(build, home, monkeypatch):
    """A set of one small file in a folder of its own; returns (name, archive, source)."""
    archive = tar_of("package/a", RAW, "w:gz")
    source = replace(
        build.SOURCES["mnist"], archive_sha256=sha256(archive), raw={"package/a": sha256(RAW)},
        convert=lambda raw: {"a.xz": raw[0]}, idx={"a.xz": sha256(RAW)},
    )  # fmt: skip
    monkeypatch.setattr(build, "SOURCES", {"mnist": source})
    return "mnist", archive, source


def test_a_set_is_built_listed_and_then_left_alone(build, home, small, monkeypatch, capsys):
    name, archive, _ = small
    monkeypatch.setattr(build, "fetch", lambda source: archive)
    assert build.main([name]) == 0
    written = home / "mnist" / "a.xz"
    assert lzma.decompress(written.read_bytes()) == RAW
    assert read_sums() == {"mnist/a.xz": sha256(written.read_bytes())}

    def unexpected(source):
        raise AssertionError("a whole set must not be fetched")

    monkeypatch.setattr(build, "fetch", unexpected)
    assert build.main([]) == 0
    assert "already there" in capsys.readouterr().out
    written.write_bytes(b"damaged")
    monkeypatch.setattr(build, "fetch", lambda source: archive)
    assert build.main([]) == 0
    assert lzma.decompress(written.read_bytes()) == RAW


@pytest.mark.parametrize("what", ["archive", "raw", "idx"])
def test_a_wrong_checksum_at_any_step_writes_nothing(build, home, small, monkeypatch, capsys, what):
    name, archive, source = small
    zeros = "0" * 64
    wrong = {
        "archive": {"archive_sha256": zeros},
        "raw": {"raw": {"package/a": zeros}},
        "idx": {"idx": {"a.xz": zeros}},
    }[what]
    monkeypatch.setattr(build, "SOURCES", {name: replace(source, **wrong)})
    with pytest.raises(build.BuildError, match=f"must have sha256 {zeros}. Received: "):
        build.build(name, archive)
    monkeypatch.setattr(build, "fetch", lambda source: archive)
    assert build.main([name]) == 1
    assert f"{name}: " in capsys.readouterr().err
    assert list(home.iterdir()) == []


def test_a_missing_client_is_named(build, small):
    source = replace(small[2], tool="no-such-client", advice="Get it there.")
    with pytest.raises(
        build.BuildError, match=r"needs no-such-client, which is not installed\. Get it there"
    ):
        build.fetch(source)


def test_a_failing_client_is_quoted(build, small):
    source = replace(small[2], tool=sys.executable, command=("-c", "raise SystemExit('no such package')"))
    with pytest.raises(build.BuildError, match=r"failed\.\nno such package\n.*Node"):
        build.fetch(source)
    with pytest.raises(build.BuildError, match=r"must leave one file\. Received: \[\]"):
        build.fetch(replace(source, command=("-c", "pass")))


def test_a_client_that_writes_its_file_is_believed(build, small):
    write = "import pathlib; pathlib.Path('a.tgz').write_bytes(b'abc')"
    assert build.fetch(replace(small[2], tool=sys.executable, command=("-c", write))) == b"abc"


def test_an_unknown_set_is_refused(build, capsys):
    with pytest.raises(SystemExit):
        build.main(["cifar"])
    assert (
        "must be one of fashion_mnist, mnist, ecg5000, clip_vocabulary. Received: cifar"
        in capsys.readouterr().err
    )


def tsv(labels, rng):
    few = rng.normal(size=(50, 140))  # repeated: writing each number of thousands of beats would take seconds
    written = ["\t".join(repr(float(v)) for v in beat) for beat in few]
    lines = [f"{k}\t{written[i % 50]}" for i, k in enumerate(labels)]
    return few[np.arange(len(labels)) % 50], "\n".join(lines).encode()


def test_heartbeats_are_joined_train_first(build):
    rng = np.random.default_rng(0)
    train_labels, test_labels = rng.integers(1, 6, 500), rng.integers(1, 6, 4500)
    (train, train_tsv), (test, test_tsv) = tsv(train_labels, rng), tsv(test_labels, rng)
    files = build.convert_ecg([train_tsv, test_tsv])
    steps, labels = parse_idx(files["beats-idx2-short.xz"]), parse_idx(files["labels-idx1-ubyte.xz"])
    assert np.array_equal(labels, np.concatenate([train_labels, test_labels]))
    np.testing.assert_allclose(steps / 4096, np.concatenate([train, test]), rtol=0, atol=1 / 8192)
    with pytest.raises(build.BuildError, match=r"500 \+ 4500 beats. Received: 4500 \+ 500"):
        build.convert_ecg([test_tsv, train_tsv])


def test_a_table_of_another_form_is_refused(build):
    with pytest.raises(build.BuildError, match="integer label and 140 numbers"):
        build.parse_tsv(b"1\t0.5\t0.5\n")
    with pytest.raises(build.BuildError, match="integer label"):
        build.parse_tsv(b"1.5" + b"\t0.25" * 140)


def test_pictures_are_kept_as_they_are_and_must_be_idx(build):
    assert list(build.convert_images([RAW] * 4).values()) == [RAW] * 4
    with pytest.raises(ValueError, match="An idx file"):
        build.convert_images([RAW[:-1]] * 4)
