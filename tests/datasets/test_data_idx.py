"""The idx format against hand-made bytes, and loading of one array."""

import lzma

import numpy as np
import pytest

from diffusion_course.course.files import DamagedFile, update_sums
from diffusion_course.datasets.idx import compress, load_idx, parse_idx, to_idx

# Written by hand after the format's description: type 8 (uint8), 2 axes, shape 2 x 3.
HAND_MADE = bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255])
HAND_MADE_INT16 = bytes([0, 0, 11, 1, 0, 0, 0, 2, 0xFF, 0xFE, 0x01, 0x00])


def test_hand_made_files_are_read_and_written():
    assert np.array_equal(parse_idx(HAND_MADE), [[1, 2, 3], [4, 5, 255]])
    assert np.array_equal(parse_idx(HAND_MADE_INT16), [-2, 256])
    assert to_idx(np.array([[1, 2, 3], [4, 5, 255]], "uint8")) == HAND_MADE
    for order in "<>":
        assert to_idx(np.array([-2, 256], order + "i2")) == HAND_MADE_INT16


@pytest.mark.parametrize("shape", [(7,), (3, 28, 28), (0, 4), (2, 1, 1, 5)])
@pytest.mark.parametrize("dtype", ["uint8", "int16"])
def test_round_trip_through_xz(shape, dtype):
    info = np.iinfo(dtype)
    array = np.random.default_rng(0).integers(info.min, info.max, shape, dtype, endpoint=True)
    back = parse_idx(lzma.decompress(compress(to_idx(array))))
    assert back.shape == shape and np.array_equal(back, array)


@pytest.mark.parametrize(
    "raw",
    [b"", b"\0\0\x08", b"\0\0\x08\x03\0\0", b"\x1f\x8b\x08\x00", HAND_MADE[:-1], HAND_MADE + b"\0",
     bytes([0, 0, 13]) + HAND_MADE[3:], bytes([0, 0, 8, 2]) + b"\xff" * 8 + b"\x01" * 8],
    ids=["empty", "short", "no shape", "gzip", "cut short", "longer", "float", "huge shape"],
)  # fmt: skip
def test_other_bytes_are_refused(raw):
    with pytest.raises(ValueError, match="An idx file"):
        parse_idx(raw)


def test_other_types_are_refused():
    with pytest.raises(ValueError, match="uint8 or int16. Received: float32"):
        to_idx(np.zeros(3, "float32"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"no xz at all", "must be an idx file inside xz"),
        (compress(HAND_MADE)[:-20], "must be an idx file inside xz"),
        (compress(HAND_MADE[:-1]), "must be an idx file inside xz"),
        (compress(to_idx(np.zeros((3, 2), "uint8"))), r"must hold uint8 of shape \(2, 3\).*uint8 of shape \(3, 2\)"),
        (compress(to_idx(np.zeros((2, 3), "int16"))), r"must hold uint8 of shape \(2, 3\).*int16 of shape \(2, 3\)"),
    ],
    ids=["no xz", "xz cut short", "idx cut short", "wrong shape", "wrong type"],
)  # fmt: skip
def test_a_file_with_the_right_checksum_and_wrong_content_is_refused(home, content, words):
    (home / "mnist").mkdir()
    (home / "mnist" / "a.xz").write_bytes(content)
    update_sums(["mnist/a.xz"])
    with pytest.raises(DamagedFile, match=rf"data/mnist/a\.xz {words}.*git checkout -- data/mnist/a\.xz"):
        load_idx("mnist/a.xz", (2, 3), "uint8")
