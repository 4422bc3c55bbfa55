"""Seams: jumps are counted at the border of the mask alone, on both axes, and in the scale of the pictures."""

import numpy as np
import pytest

from diffusion_course.metrics.seams import border_jumps

RNG = np.random.default_rng(0)
MASK = np.zeros((6, 8), "uint8")
MASK[2:5, 3:7] = 1


def test_a_step_at_the_border_is_its_height_and_one_elsewhere_is_not_seen():
    picture = np.zeros((2, 6, 8, 3))
    picture[0, MASK == 1] = 0.3
    picture[1, MASK == 1] = 0.3
    picture[1, 3, 4:6] = 0.9  # inside, away from the border
    picture[1, 0] = 0.5
    np.testing.assert_allclose(border_jumps(picture, MASK), [0.3, 0.3])
    np.testing.assert_allclose(border_jumps(255 * picture[:1], MASK), [76.5])


def test_each_pair_of_neighbours_is_counted_once():
    """Against a loop over all pairs."""
    pictures, masks = RNG.random((3, 5, 7, 3)), RNG.integers(0, 2, (3, 5, 7))
    for picture, mask, got in zip(pictures, masks, border_jumps(pictures, masks), strict=True):
        jumps = [
            np.abs(picture[y, x] - picture[v, u]).mean()
            for y in range(5)
            for x in range(7)
            for v, u in ((y + 1, x), (y, x + 1))
            if v < 5 and u < 7 and mask[y, x] != mask[v, u]
        ]
        assert got == pytest.approx(np.mean(jumps))


def test_inside_and_outside_are_alike_and_without_a_border_there_is_no_number():
    pictures = RNG.random((2, 6, 8, 1))
    np.testing.assert_array_equal(border_jumps(pictures, MASK), border_jumps(pictures, 1 - MASK))
    assert np.isnan(border_jumps(pictures, np.ones((6, 8)))).all()


def test_refuses():
    with pytest.raises(ValueError, match=r"Received: \(2, 6, 8, 1\) and \(8, 6\)"):
        border_jumps(RNG.random((2, 6, 8, 1)), np.ones((8, 6)))
