"""The heartbeats as shipped, and the rounding to int16."""

import hashlib
import shutil
import time

import numpy as np
import pytest

from diffusion_course.course.files import DamagedFile
from diffusion_course.course.paths import data_dir
from diffusion_course.datasets import ECG5000_CLASSES, load_ecg5000
from diffusion_course.datasets.ecg import LARGEST_ERROR, STEPS_PER_UNIT, TRAIN_SIZE, quantise


def test_shape_types_counts_and_time():
    started = time.process_time()
    beats, labels = load_ecg5000()
    assert time.process_time() - started < 3
    assert beats.shape == (5000, 140) and beats.dtype == np.float32
    assert labels.shape == (5000,) and labels.dtype == np.int64
    assert np.bincount(labels).tolist() == [0, 2919, 1767, 96, 194, 24]
    assert np.bincount(labels[:TRAIN_SIZE]).tolist() == [0, 292, 177, 10, 19, 2]
    assert len(ECG5000_CLASSES) == 5 and ECG5000_CLASSES[0] == "Normal"


def test_values_are_the_archives_up_to_rounding():
    beats, labels = load_ecg5000()
    # From ECG5000_TRAIN.tsv, lines 1 and 91, and ECG5000_TEST.tsv, line 4500: columns 2, 3, 4 and 141.
    for row, label, values in (
        (0, 1, (-0.11252183, -2.8272038, -3.7738969, 0.19313742)),
        (90, 1, (-0.13825638, -3.0752273, -4.4693227, -1.640485)),
        (4999, 2, (0.72881283, 0.19259731, -0.73388442, 1.3093816)),
    ):
        assert labels[row] == label
        np.testing.assert_allclose(beats[row, [0, 1, 2, -1]], values, rtol=0, atol=LARGEST_ERROR)
    assert beats.min() == pytest.approx(-7.0903741, abs=LARGEST_ERROR)
    assert beats.max() == pytest.approx(7.4021031, abs=LARGEST_ERROR)


def test_each_beat_has_mean_0_and_deviation_1():
    beats, _ = load_ecg5000()
    assert np.abs(beats.mean(axis=1, dtype="float64")).max() < LARGEST_ERROR
    np.testing.assert_allclose(beats.std(axis=1, ddof=1, dtype="float64"), 1, rtol=0, atol=2 * LARGEST_ERROR)


def test_decoded_numbers_have_the_pinned_checksum(build):
    beats, _ = load_ecg5000()
    steps = beats * STEPS_PER_UNIT
    assert np.array_equal(steps, np.rint(steps)), "the division must be exact"
    raw = build.to_idx(steps.astype("int16"))
    assert hashlib.sha256(raw).hexdigest() == build.SOURCES["ecg5000"].idx["beats-idx2-short.xz"]


def test_rounding_moves_nothing_further_than_documented():
    values = np.random.default_rng(0).uniform(-8, 7.9998, 100_000)
    error = np.abs(quantise(values) / STEPS_PER_UNIT - values)
    assert 0.9 * LARGEST_ERROR < error.max() <= LARGEST_ERROR == 1 / 8192


@pytest.mark.parametrize("value", [8.0, -8.001, float("nan"), float("inf")])
def test_values_that_do_not_fit_are_refused(value):
    with pytest.raises(ValueError, match="must lie within -8"):
        quantise([0.0, value])


def test_a_changed_file_is_refused_by_name(home, monkeypatch):
    monkeypatch.delenv("DIFFUSION_COURSE_HOME")
    shutil.copytree(data_dir() / "ecg5000", home / "ecg5000")
    shutil.copy(data_dir() / "SHA256SUMS", home / "SHA256SUMS")
    monkeypatch.setenv("DIFFUSION_COURSE_HOME", str(home.parent))
    path = home / "ecg5000" / "labels-idx1-ubyte.xz"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DamagedFile, match=r"data/ecg5000/labels.*python data/build\.py ecg5000"):
        load_ecg5000()
