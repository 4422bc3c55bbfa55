"""The reference solutions of chapter 16 against truths that are known without them."""

import numpy as np
import pytest
from keras import ops

from diffusion_course.exercises import ch16
from diffusion_course.samplers.base import climb, itinerary
from diffusion_course.schedules import NoiseSchedule

rng = np.random.default_rng(0)
LEVELS = NoiseSchedule.cosine(1000).respace(20).alpha_bars[::-1]


def test_a_start_is_as_noisy_as_the_walk_expects_at_its_step():
    z, noise = 3 * np.ones(100_000), rng.standard_normal(100_000)
    for strength, skip in ((1.0, 0), (0.5, 10), (0.05, 19)):
        x = ch16.noised_start(z, LEVELS, strength, noise)
        assert x.mean() == pytest.approx(3 * np.sqrt(LEVELS[skip]), abs=0.02)
        assert x.var() == pytest.approx(1 - LEVELS[skip], abs=0.02)
    np.testing.assert_array_equal(ch16.noised_start(z, LEVELS, 0.0, noise), z)


def test_up_and_up_again_is_up_in_one_go():
    """From the clean picture to one level and from there to a noisier one: the closed form of chapter 05."""
    z, now, back = 2 * np.ones(200_000), 0.6, 0.2
    x = ch16.put_back(0 * z, z, False, 0.1, now, rng.standard_normal(len(z)))
    x = ch16.climb_back(x, now, back, rng.standard_normal(len(z)))
    assert x.mean() == pytest.approx(2 * np.sqrt(back), abs=0.01)
    assert x.var() == pytest.approx(1 - back, abs=0.01)
    noise = rng.standard_normal((2, 3)).astype("float32")
    np.testing.assert_allclose(
        ch16.climb_back(noise, now, back, noise), climb(noise, back / now, noise), rtol=1e-5
    )


def test_a_hole_keeps_the_walk_and_the_rest_is_known_in_the_end():
    x, known, noise = rng.standard_normal((3, 2, 4, 4, 1))
    hole = rng.random((2, 4, 4, 1)) < 0.5
    np.testing.assert_array_equal(ch16.put_back(x, known, hole, 0.9, 1.0, noise), np.where(hole, x, known))


def test_a_wider_kernel_is_deaf_to_what_was_added():
    kernel, x = rng.standard_normal((3, 3, 4, 6)), rng.standard_normal((1, 5, 5, 4))
    added = rng.standard_normal((1, 5, 5, 2))
    wider = ch16.widened_kernel(kernel, 2)
    both = ops.conv(np.concatenate([x, added], axis=-1), wider, padding="same")
    np.testing.assert_allclose(both, ops.conv(x, kernel, padding="same"), atol=1e-5)


@pytest.mark.parametrize("length", [1, 3, 5, 12])
@pytest.mark.parametrize("times", [1, 2, 4])
def test_calls_are_the_steps_down_of_the_walk(length, times):
    for steps in (1, 6, 13, 25):
        down = [move for move in itinerary(steps, resample=(length, times)) if move[1] is None]
        assert ch16.repaint_calls(steps, length, times) == len(down)


def test_two_prompts_differ_where_they_want_something_different():
    old = rng.standard_normal((8, 6, 6, 4))
    new = old + 0.1 * rng.standard_normal(old.shape)
    new[:, 2:4, 1:5] -= rng.choice([-1, 1], (8, 2, 4, 4))
    found = ch16.difference_mask(old, new, 0.5)
    wanted = np.zeros((6, 6), bool)
    wanted[2:4, 1:5] = True
    np.testing.assert_array_equal(found, wanted)
