"""Rounds in which every way runs once: what else the machine does then slows all of them alike."""

import time
from collections.abc import Callable


def interleave(
    ways: dict[str, Callable[[], int]], rounds: int, clock=time.perf_counter
) -> dict[str, list[float]]:
    """Measures several ways of doing the same, one after the other, several times over.

    Each way runs once before, unmeasured, so that nothing is traced or compiled within a measurement.

    Args:
        ways: name -> function that returns how many units it has done (steps, say), finished when it returns.
        rounds: how often each way is measured. Every other round runs backwards.
        clock: gives seconds.

    Returns:
        name -> seconds per unit, one value per round.
    """
    if rounds < 1:
        raise ValueError(f"`rounds` must be positive. Received: rounds={rounds}")
    for way in ways.values():
        way()
    seconds = {name: [] for name in ways}
    for k in range(rounds):
        for name, way in list(ways.items())[:: -1 if k % 2 else 1]:
            began = clock()
            units = way()
            seconds[name].append((clock() - began) / units)
    return seconds
