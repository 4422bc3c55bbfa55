"""What the benchmarks share. `python benchmarks/NAME.py` finds this package, because it lies beside the scripts."""
