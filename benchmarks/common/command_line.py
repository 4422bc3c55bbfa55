"""The options that benchmarks share, so that they mean the same in each."""

import argparse
from pathlib import Path


def command_line(
    description: str, *, rounds: int | None = None, resumes: bool = False
) -> argparse.ArgumentParser:
    """A parser with ``--seed`` and ``--out``, to which a benchmark adds options of its own.

    Args:
        description: shown by ``--help`` as it is, line by line.
        rounds: what ``--rounds`` is by default; None for a benchmark whose sides do not take turns.
        resumes: whether the benchmark goes on where an earlier run stopped, unless told ``--fresh``.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    if rounds is not None:
        parser.add_argument("--rounds", type=int, default=rounds, help="how often each way is measured")
    if resumes:
        parser.add_argument("--fresh", action="store_true", help="forget what an earlier run left")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="folder of the result, by default benchmarks/results")
    return parser
