"""Batches in an order that only seed and step decide, so that an interrupted training can go on where it stopped."""

from collections.abc import Iterator

import numpy as np


def shuffled_batches(x, *, batch_size: int = 64, seed: int = 0, start: int = 0) -> Iterator[np.ndarray]:
    """Endless passes over an array, each in an order of its own.

    Keras's own shuffling cannot be resumed: its state lives outside of what a checkpoint can hold. Here the order of
    every pass follows from ``seed`` and the number of the pass alone.

    Args:
        x: (N, ...), pictures.
        batch_size: pictures per step, 1 to N.
        seed: of the order.
        start: how many batches to leave out at the beginning.

    Yields:
        (batch_size, ...). Each picture comes at most once per pass; what is left of a pass and does not fill a batch
        is dropped.

    Raises:
        ValueError: ``batch_size`` is out of range.
    """
    if not 1 <= batch_size <= len(x):
        raise ValueError(f"`batch_size` must be from 1 to {len(x)}. Received: batch_size={batch_size}")
    return _passes(x, batch_size, seed, start)


def _passes(x, batch_size, seed, start):
    per_pass = len(x) // batch_size
    number, place = divmod(start, per_pass)
    while True:
        order = np.random.default_rng([seed, number]).permutation(len(x))
        for i in range(place, per_pass):
            yield x[order[i * batch_size : (i + 1) * batch_size]]
        number, place = number + 1, 0
