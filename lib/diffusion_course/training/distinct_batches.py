"""Batches in which no two rows mean the same, as contrastive training needs them."""

from collections.abc import Iterator

import keras
import numpy as np


def distinct_batches(
    data, keys, *, batch_size: int = 64, together=None, seed: int = 0, start: int = 0
) -> Iterator:
    """Endless passes over what the rows mean, each pass in an order of its own and with a row for each meaning.

    A contrastive loss takes every other row of a batch for wrong. Two pictures of one scene, or two captions of it,
    would make it punish what is right. Here a pass shows every meaning once, by one of its rows, so that no batch can
    have it twice. As in `training.batches`, order and choice follow from ``seed`` and the number of the pass alone.

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
        (batch_size, ...) of each array. What is left of a pass and does not fill a batch is dropped.

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
    rows = np.argsort(key, kind="stable")  # (N,) those of the first key, then those of the next, ...
    first = np.cumsum(counts) - counts  # (K,) where each key's rows begin
    per_pass = len(counts) // batch_size
    number, place = divmod(start, per_pass)
    while True:
        rng = np.random.default_rng([seed, number])
        turn = rng.permutation(group.max() + 1)[group]  # (K,) when each key's group has its turn
        order = np.lexsort((rng.random(len(counts)), turn))  # (K,) within a group at random
        chosen = rows[first + rng.integers(counts)][order]  # (K,) a row for each key
        for i in range(place, per_pass):
            batch = chosen[i * batch_size : (i + 1) * batch_size]
            yield keras.tree.map_structure(lambda array, batch=batch: array[batch], data)
        number, place = number + 1, 0
