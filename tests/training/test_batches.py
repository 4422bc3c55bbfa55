"""Batches: every picture once per pass, an order that can be resumed."""

from itertools import islice

import numpy as np
import pytest

from diffusion_course.training.batches import shuffled_batches

X = np.arange(10)[:, None]


def first(n, **arguments):
    return [batch[:, 0] for batch in islice(shuffled_batches(X, **arguments), n)]


def test_every_picture_once_per_pass_and_never_the_same_pass():
    passes = [tuple(np.concatenate(pair)) for pair in zip(*[iter(first(12, batch_size=5))] * 2, strict=True)]
    assert all(sorted(p) == list(range(10)) for p in passes) and len(set(passes)) == 6


def test_goes_on_where_it_stopped():
    whole = first(20, batch_size=3, seed=5)
    for start in (0, 1, 3, 11):
        np.testing.assert_array_equal(whole[start:], first(20 - start, batch_size=3, seed=5, start=start))
    assert not np.array_equal(whole, first(20, batch_size=3, seed=6))


@pytest.mark.parametrize("batch_size", [0, 11])
def test_refuses(batch_size):
    with pytest.raises(ValueError, match="from 1 to 10. Received"):
        shuffled_batches(X, batch_size=batch_size)


def test_what_belongs_together_stays_together():
    """A dict and a tuple give batches of the same form, in the order of the array alone."""
    plain = list(islice(shuffled_batches(X, batch_size=4), 5))
    nested = {"x": X, "more": (X[:, 0] * 10, np.array([f"text {i}" for i in range(10)]))}
    for alone, batch in zip(plain, shuffled_batches(nested, batch_size=4), strict=False):
        np.testing.assert_array_equal(batch["x"], alone)
        tens, words = batch["more"]
        np.testing.assert_array_equal(tens, alone[:, 0] * 10)
        assert list(words) == [f"text {i}" for i in alone[:, 0]]


@pytest.mark.parametrize("x", [(X, X[:9]), {"x": X, "label": X[:3, 0]}, {}])
def test_refuses_arrays_of_different_lengths(x):
    with pytest.raises(ValueError, match="one length. Received: lengths"):
        shuffled_batches(x, batch_size=2)
