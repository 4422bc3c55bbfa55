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
