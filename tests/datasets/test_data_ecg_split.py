"""The split of ECG5000: disjoint, complete, stratified, and without anomalies where none may be."""

import numpy as np
import pytest

from diffusion_course.datasets.ecg import load_ecg5000
from diffusion_course.datasets.ecg_split import one_class_split


def test_parts_are_what_the_chapter_says():
    _, labels = load_ecg5000()
    split = one_class_split(labels)
    parts = [split.train, split.validation, split.test, split.development]
    assert [len(p) for p in parts] == [1751, 584, 1000, 1665]
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(5000))
    assert (labels[split.train] == 1).all() and (labels[split.validation] == 1).all()
    assert (labels[split.development] != 1).all()
    assert np.bincount(labels[split.test])[1:].tolist() == [584, 353, 19, 39, 5]


def test_split_depends_on_its_seed_alone():
    labels = np.repeat([1, 2], [50, 20])
    one = one_class_split(labels, seed=3)
    np.random.default_rng(0).random(10)
    np.testing.assert_array_equal(one.test, one_class_split(labels, seed=3).test)
    assert not np.array_equal(one.test, one_class_split(labels, seed=4).test)


def test_normal_beats_alone_can_be_split():
    split = one_class_split(np.ones(10, int))
    assert [len(p) for p in (split.train, split.validation, split.test, split.development)] == [6, 2, 2, 0]
    assert split.development.dtype == split.train.dtype


@pytest.mark.parametrize(("labels", "share"), [([1, 2], 0.5), ([1, 2], 0), ([2, 3], 0.2)])
def test_bad_requests_are_refused(labels, share):
    with pytest.raises(ValueError, match="Received: share="):
        one_class_split(labels, share)
