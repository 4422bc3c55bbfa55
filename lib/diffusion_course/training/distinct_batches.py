"""Batches in which no two rows mean the same, as contrastive training needs them."""

from collections.abc import Iterator

import keras
import numpy as np


def distinct_batches(
    data, keys, *, batch_size: int = 64, together=None, seed: int = 0, start: int = 0
) -> Iterator:
    """Endless passes over the rows, in which no batch has two rows of one meaning.

    A contrastive loss takes every other row of a batch for wrong. Two pictures of one scene, or two captions of it,
    would make it punish what is right. Here a pass goes in rounds: the first has one row of every meaning, the second
    another row of each meaning that has two, and so on. Batches never cross rounds. Meanings with many rows are so met
    more often, in the later rounds among themselves. As in `training.batches`, order and choice follow from ``seed``
    and the number of the pass alone.

    Args:
        data: dict, tuple or list of arrays (N, ...) that belong together, e.g. ``{"image": pictures, "ids": ids}``.
        keys: (N,) integers: rows of one key mean the same.
        batch_size: rows per step, from 1 to the number of different keys.
        together: None, or (N,) integers: meanings with one number follow each other, e.g. a scene and the one with its
            objects swapped, each the other's hardest mistake. At most one such group is cut in two by the end of a
            batch.
        seed: of order and choice.
        start: how many batches to leave out at the beginning.

    Yields:
        (batch_size, ...) of each array. What is left of a round and does not fill a batch is dropped.

    Raises:
        ValueError: a length or ``batch_size`` is wrong, or rows of one key have different numbers in ``together``.
    """
    keys = np.asarray(keys)
    lengths = sorted({len(array) for array in [*keras.tree.flatten(data), keys]})
    if len(lengths) != 1:
        raise ValueError(f"`data` and `keys` must have one length. Received: lengths {lengths}")
    _, key, counts = np.unique(keys, return_inverse=True, return_counts=True)  # (N,) and (K,)
    group = np.arange(len(counts))  # (K,)
    if together is not None:
        together = np.asarray(together)
        if together.shape != keys.shape:
            raise ValueError(
                f"`together` must have a number per row, {keys.shape}. Received: shape {together.shape}"
            )
        group[key] = np.unique(together, return_inverse=True)[1]
        if (group[key] != np.unique(together, return_inverse=True)[1]).any():
            raise ValueError(
                "Rows of one key must have one number in `together`. Received: keys with several numbers"
            )
    if not 1 <= batch_size <= len(counts):
        raise ValueError(
            f"`batch_size` must be from 1 to {len(counts)}, the number of keys. Received: {batch_size}"
        )
    return _passes(data, key, counts, group, batch_size, seed, start)


def _passes(data, key, counts, group, batch_size, seed, start):
    per_round = [int(np.sum(counts > i)) // batch_size for i in range(counts.max())]  # how many batches
    number, place = divmod(start, sum(per_round))
    while True:
        rng = np.random.default_rng([seed, number])
        shuffled = rng.permutation(len(key))  # (N,)
        shuffled = shuffled[
            np.argsort(key[shuffled], kind="stable")
        ]  # the first key's rows at random, the next's, ...
        batches = []
        for i, count in enumerate(per_round):
            keys = np.flatnonzero(counts > i)  # of this round
            turn = rng.permutation(group.max() + 1)[group[keys]]  # when each key's group has its turn
            order = np.lexsort((rng.random(len(keys)), turn))  # within a group at random
            rows = shuffled[(np.cumsum(counts) - counts)[keys[order]] + i]
            batches += np.split(rows[: count * batch_size], count) if count else []
        order = rng.permutation(len(batches))
        for batch in order[place:]:
            yield keras.tree.map_structure(lambda array, rows=batches[batch]: array[rows], data)
        number, place = number + 1, 0
