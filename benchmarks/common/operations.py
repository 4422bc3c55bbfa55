"""How much arithmetic a network needs, which the library counts, and the median that the scripts share."""

import statistics

from diffusion_course.tools.operations import FORWARD_AND_BACK, multiply_adds

__all__ = ["FORWARD_AND_BACK", "median", "multiply_adds"]


def median(values: list[float]) -> float:
    return statistics.median(values)
