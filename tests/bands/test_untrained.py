"""The untrained values of book.toml, measured again."""

import keras
import numpy as np
import pytest
import untrained_part1
from untrained_05 import untrained_05
from untrained_06 import untrained_06
from untrained_07 import untrained_07
from untrained_08 import untrained_08
from untrained_09 import untrained_09
from untrained_10 import untrained_10
from untrained_11 import untrained_11
from untrained_12 import untrained_12
from untrained_13 import untrained_13
from untrained_14 import untrained_14
from untrained_15 import untrained_15
from untrained_16 import untrained_16
from untrained_17 import untrained_17

from diffusion_course.course.manifest import load_manifest

UNTRAINED = {
    "00": untrained_part1.untrained_00,
    "01": untrained_part1.untrained_01,
    "02": untrained_part1.untrained_02,
    "03": untrained_part1.untrained_03,
    "04": untrained_part1.untrained_04,
    "05": untrained_05,
    "06": untrained_06,
    "07": untrained_07,
    "08": untrained_08,
    "09": untrained_09,
    "10": untrained_10,
    "11": untrained_11,
    "12": untrained_12,
    "13": untrained_13,
    "14": untrained_14,
    "15": untrained_15,
    "16": untrained_16,
    "17": untrained_17,
}


@pytest.mark.slow
@pytest.mark.parametrize("chapter", load_manifest().chapters, ids=lambda chapter: chapter.id)
def test_untrained_values_are_those_of_the_manifest(chapter):
    keras.utils.set_random_seed(0)
    values = UNTRAINED[chapter.id]()
    assert set(values) == set(chapter.expect)
    for metric, expectation in chapter.expect.items():
        # First weights and noise differ a little from machine to machine.
        np.testing.assert_allclose(
            values[metric], expectation.untrained, rtol=0.05, atol=2e-3, err_msg=metric
        )
        for profile in expectation.bands:
            assert expectation.verdict(float(values[metric]), profile) == "outside", (metric, profile, values)
