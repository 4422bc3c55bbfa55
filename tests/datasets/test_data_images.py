"""The picture sets as shipped, the range of their values, and damage to their files."""

import hashlib
import lzma
import shutil
import time

import numpy as np
import pytest

from diffusion_course.course.files import DamagedFile, MissingFile
from diffusion_course.course.paths import data_dir
from diffusion_course.datasets import (
    FASHION_MNIST_CLASSES,
    MNIST_CLASSES,
    images,
    load_fashion_mnist,
    load_mnist,
)
from diffusion_course.datasets.idx import to_idx
from diffusion_course.datasets.images import check_value_range, scale_pixels

LOADERS = {"fashion_mnist": load_fashion_mnist, "mnist": load_mnist}

# Published with the sets: sha256 of the official idx files, and digits per class in MNIST.
OFFICIAL = {
    "fashion_mnist": [
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ],
    "mnist": [
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ],
}
COUNTS = {
    "fashion_mnist": ([6000] * 10, [1000] * 10),
    "mnist": (
        [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
        [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
    ),
}


@pytest.fixture(scope="module", params=LOADERS)
def original(request):
    """A set's name and what its loader gives for ``value_range=None``; tests of one set share it."""
    return request.param, LOADERS[request.param](value_range=None)


def test_original_bytes_are_the_official_files(original):
    name, splits = original
    found = []
    for pictures, labels in splits:
        assert pictures.dtype == np.uint8 and pictures.shape == (len(labels), 28, 28, 1)
        found += [to_idx(pictures[..., 0]), to_idx(labels.astype("uint8"))]
    assert [hashlib.sha256(raw).hexdigest() for raw in found] == OFFICIAL[name]
    assert all(array.flags.writeable for split in splits for array in split), (
        "the arrays are the caller's own"
    )


def seconds_of(work) -> float:
    """The processor's time, not the clock's, and the better of two: other work on the machine must not count."""
    found = []
    for _ in range(2):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return min(found)


@pytest.mark.slow
@pytest.mark.parametrize("name", LOADERS)
def test_loading_takes_three_seconds_or_little_more_than_its_decompression(name):
    def decompress():
        for path in (data_dir() / name).glob("*.xz"):
            lzma.decompress(path.read_bytes())

    # On a slow processor decompression alone takes that long, and the file is as small as it is for a reason.
    assert seconds_of(LOADERS[name]) < max(3, 1.5 * seconds_of(decompress))


def test_default_is_float32_from_0_to_1(original):
    name, (_, (pixels, labels)) = original
    x, y = LOADERS[name](split="test")
    assert x.shape == (10_000, 28, 28, 1) and x.dtype == np.float32 and x.min() == 0 and x.max() == 1
    assert y.shape == (10_000,) and y.dtype == np.int64
    assert np.array_equal(x, scale_pixels(pixels, (0, 1))) and np.array_equal(y, labels)


def test_classes_are_as_many_as_published(original):
    name, splits = original
    assert [len(labels) for _, labels in splits] == [60_000, 10_000]
    assert [np.bincount(labels, minlength=10).tolist() for _, labels in splits] == list(COUNTS[name])


@pytest.mark.parametrize("load", LOADERS.values())
def test_one_split_reads_its_own_files_only(load, monkeypatch):
    asked = []

    def read(path, shape, dtype):
        asked.append(path.split("/")[1].split("-")[0])
        return np.full(shape, len(asked), dtype)

    monkeypatch.setattr(images, "load_idx", read)
    for split, prefix, size in (("train", "train", 60_000), ("test", "t10k", 10_000)):
        asked.clear()
        x, y = load(value_range=None, split=split)
        assert asked == [prefix] * 2 and x.shape == (size, 28, 28, 1) and y.shape == (size,)
    with pytest.raises(ValueError, match="'train' or 'test'. Received: 'both'"):
        load(split="both")


def test_class_names():
    assert len(FASHION_MNIST_CLASSES) == len(set(FASHION_MNIST_CLASSES)) == 10
    assert FASHION_MNIST_CLASSES[0] == "T-shirt/top" and FASHION_MNIST_CLASSES[9] == "Ankle boot"
    assert MNIST_CLASSES == tuple(str(digit) for digit in range(10))


def test_first_labels_are_the_known_ones(original):
    name, ((_, labels), _) = original
    first = {"fashion_mnist": [9, 0, 0, 3, 0], "mnist": [5, 0, 4, 1, 9]}
    assert labels[:5].tolist() == first[name]


PIXELS = np.arange(256, dtype="uint8").reshape(4, 8, 8, 1)


@pytest.mark.parametrize("value_range", [(0, 1), (-1, 1), (-1.5, 0.1), [0, 255], (np.float32(-3), 1 / 3)])
def test_range_is_linear_with_exact_ends(value_range):
    low, high = (float(edge) for edge in value_range)
    scaled = scale_pixels(PIXELS, value_range)
    assert scaled.dtype == np.float32 and scaled.shape == PIXELS.shape
    assert scaled.flat[0] == np.float32(low) and scaled.flat[-1] == np.float32(high)
    expected = low + (high - low) * PIXELS.astype("float64") / 255
    np.testing.assert_allclose(scaled, expected, rtol=1e-6, atol=1e-6 * (high - low))


def test_unit_range_equals_division_and_can_be_undone():
    scaled = scale_pixels(PIXELS, (0, 1))
    assert np.array_equal(scaled, PIXELS.astype("float32") / np.float32(255))
    assert np.array_equal(np.rint(scaled * 255).astype("uint8"), PIXELS)


def test_more_pictures_than_one_block():
    pixels = np.random.default_rng(0).integers(0, 256, (453, 3, 2, 1), dtype=np.uint8)
    assert np.array_equal(scale_pixels(pixels, (0, 255)), pixels)


@pytest.mark.parametrize(
    "value_range",
    [(1, 0), (1, 1), (0,), (0, 1, 2), (0, float("nan")), (0, float("inf")), (0, 1e39), (1, 1 + 1e-12),
     "01", 1, ("a", "b"), (0, 1j), (None, 1), ()],
    ids=repr,
)  # fmt: skip
def test_no_range_is_refused_before_anything_is_read(value_range, home):
    for load in (check_value_range, load_fashion_mnist, load_mnist):
        with pytest.raises(ValueError, match="`value_range` must be None or") as caught:
            load(value_range)
        assert repr(value_range) in str(caught.value)


def test_pixels_of_another_type_are_refused():
    with pytest.raises(ValueError, match="`pixels` must be uint8. Received: float32"):
        scale_pixels(PIXELS.astype("float32"), (0, 1))


@pytest.mark.parametrize("damage", ["cut short", "bit flipped", "missing"])
@pytest.mark.parametrize("file", ["train-images-idx3-ubyte.xz", "t10k-labels-idx1-ubyte.xz"])
def test_a_damaged_file_is_refused_by_name(home, monkeypatch, file, damage):
    monkeypatch.delenv("DIFFUSION_COURSE_HOME")
    shipped = data_dir()
    shutil.copytree(shipped / "mnist", home / "mnist")
    shutil.copy(shipped / "SHA256SUMS", home / "SHA256SUMS")
    monkeypatch.setenv("DIFFUSION_COURSE_HOME", str(home.parent))
    path = home / "mnist" / file
    content = bytearray(path.read_bytes())
    if damage == "missing":
        path.unlink()
    elif damage == "cut short":
        path.write_bytes(content[:-100])
    else:
        content[len(content) // 2] ^= 4
        path.write_bytes(content)
    with pytest.raises(MissingFile if damage == "missing" else DamagedFile) as caught:
        load_mnist(split="train" if file.startswith("train") else "test")
    message = str(caught.value)
    assert f"data/mnist/{file} must" in message
    assert f"`git checkout -- data/mnist/{file}` or `python data/build.py mnist`" in message
