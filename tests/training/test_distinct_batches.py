"""Distinct batches: nothing twice in a batch, everything once a pass, pairs side by side, starts where told."""

import itertools

import numpy as np
import pytest

from diffusion_course.training.distinct_batches import distinct_batches

KEYS = np.array([5, 5, 5, 7, 7, 0, 1, 2, 3, 9, 8, 4])  # 9 different ones
DATA = {"key": KEYS, "row": np.arange(12)}


def take(count, **how):
    return list(itertools.islice(distinct_batches(DATA, KEYS, **{"batch_size": 3, **how}), count))


def test_a_pass_has_every_meaning_once_and_in_the_end_every_row():
    batches = take(300)
    for a_pass in (batches[i : i + 3] for i in range(0, 300, 3)):
        assert sorted(np.concatenate([batch["key"] for batch in a_pass])) == sorted(set(KEYS))
    rows = np.bincount(np.concatenate([batch["row"] for batch in batches]), minlength=12)
    assert (
        rows.min() > 15 and rows[5] == 100
    )  # of three rows each has its turn in about a third of 100 passes
    assert all((KEYS[batch["row"]] == batch["key"]).all() for batch in batches)


def test_meanings_of_several_rows_come_again_in_later_rounds_of_a_pass():
    # rounds of 9, 2 and 1 meanings: four batches of two, then one, then none
    for a_pass in (take(50, batch_size=2)[i : i + 5] for i in range(0, 50, 5)):
        met = np.bincount(np.concatenate([batch["key"] for batch in a_pass]), minlength=10)
        assert met.sum() == 10 and met.max() == 2 and set(np.flatnonzero(met == 2)) <= {5, 7}
        rows = np.concatenate([batch["row"] for batch in a_pass])
        assert len(set(rows)) == 10  # each time by another row
        assert sorted([5, 7]) in [sorted(batch["key"]) for batch in a_pass]
        assert all(len(set(batch["key"])) == 2 for batch in a_pass)


def test_no_meaning_is_twice_in_a_batch_that_does_not_divide_the_pass():
    for batch in take(40, batch_size=4):
        assert len(set(batch["key"])) == 4


def test_pairs_stand_side_by_side():
    together = np.array(
        [0, 0, 0, 1, 1, 0, 2, 2, 3, 1, 5, 4]
    )  # keys 5 and 0; 7 and 9; 1 and 2; the others alone
    partner = {5: 0, 0: 5, 7: 9, 9: 7, 1: 2, 2: 1}
    first = set()
    for batch in take(50, batch_size=9, together=together):
        keys = batch["key"].tolist()
        first.add(keys[0])
        for i, key in enumerate(keys):
            assert key not in partner or partner[key] in (keys[max(i - 1, 0)], keys[min(i + 1, 8)])
    assert len(first) > 5  # groups change places, and so do those within


@pytest.mark.parametrize("start", [1, 3, 7])
def test_goes_on_where_it_stopped(start):
    whole = take(start + 4, seed=3)
    for batch, again in zip(whole[start:], take(4, seed=3, start=start), strict=True):
        np.testing.assert_array_equal(batch["row"], again["row"])
    assert any((a["row"] != b["row"]).any() for a, b in zip(whole, take(start + 4, seed=4), strict=True))


@pytest.mark.parametrize(
    "how, words",
    [
        ({"batch_size": 10}, "from 1 to 9, the number of keys"),
        ({"batch_size": 0}, "from 1 to 9"),
        ({"keys": KEYS[1:]}, "one length"),
        ({"together": KEYS[1:]}, "a number per row"),
        ({"together": np.arange(12)}, "one number in `together`"),
    ],
)
def test_refuses(how, words):
    with pytest.raises(ValueError, match=f"{words}.*Received"):
        distinct_batches(DATA, **{"keys": KEYS, "batch_size": 3, **how})
