"""Batches in an order that only seed and step decide, so that an interrupted training can go on where it stopped."""

from collections.abc import Iterator

import keras
import numpy as np


def shuffled_batches(x, *, batch_size: int = 64, seed: int = 0, start: int = 0) -> Iterator:
    """Endless passes over arrays that belong together, each pass in an order of its own.

    Keras's own shuffling cannot be resumed: its state lives outside of what a checkpoint can hold. Here the order of
    every pass follows from ``seed`` and the number of the pass alone.

    Args:
        x: (N, ...), pictures; or a dict, tuple or list of such arrays, e.g. ``{"x": pictures, "label": labels}``.
        batch_size: pictures per step, 1 to N.
        seed: of the order.
        start: how many batches to leave out at the beginning.

    Yields:
        (batch_size, ...), or dicts and tuples of them like ``x``. Each picture comes at most once per pass, with all
        that belongs to it; what is left of a pass and does not fill a batch is dropped.

    Raises:
        ValueError: ``batch_size`` is out of range, or the arrays have different lengths.
    """
    lengths = {len(array) for array in keras.tree.flatten(x)}
    if len(lengths) != 1:
        raise ValueError(f"`x` must hold arrays of one length. Received: lengths {sorted(lengths)}")
    (count,) = lengths
    if not 1 <= batch_size <= count:
        raise ValueError(f"`batch_size` must be from 1 to {count}. Received: batch_size={batch_size}")
    return _passes(x, count, batch_size, seed, start)


def _passes(x, count, batch_size, seed, start):
    per_pass = count // batch_size
    number, place = divmod(start, per_pass)
    while True:
        order = np.random.default_rng([seed, number]).permutation(count)
        for i in range(place, per_pass):
            chosen = order[i * batch_size : (i + 1) * batch_size]
            yield keras.tree.map_structure(lambda array, chosen=chosen: array[chosen], x)
        number, place = number + 1, 0
