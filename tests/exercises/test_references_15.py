"""The reference solutions of chapter 15 against the library and against truths that are known without them."""

import numpy as np
import pytest
from keras import ops

from diffusion_course.exercises import ch15
from diffusion_course.models.guidance import classifier_free
from diffusion_course.samplers.ddim import DDIMSampler
from diffusion_course.schedules import NoiseSchedule

rng = np.random.default_rng(0)


def test_one_call_is_the_librarys_guidance_and_asks_once():
    x, t = rng.standard_normal((2, 4, 4, 2)), np.array([7, 7])
    null, cond = ({"context": rng.standard_normal((2, 3, 5))} for _ in range(2))
    sizes = []

    def denoise(x, t, context):
        sizes.append(len(x))
        return (
            x * ops.mean(context, axis=(1, 2))[:, None, None, None]
            + 0.1 * ops.cast(t, x.dtype)[:, None, None, None]
        )

    def of_arrays(x, t, conditions):
        return ops.convert_to_numpy(denoise(ops.convert_to_tensor(x), ops.convert_to_tensor(t), **conditions))

    got = ch15.in_one_call(of_arrays, x, t, null, cond, 2.5)
    want = classifier_free(denoise, null, 2.5)(x, t, **cond)
    np.testing.assert_allclose(got, want, rtol=1e-5)
    assert sizes == [4, 4]


def test_a_step_is_ddims_and_a_perfect_velocity_leads_to_the_data():
    schedule, sampler = (
        NoiseSchedule.cosine(100),
        DDIMSampler(NoiseSchedule.cosine(100), prediction="velocity", clip=None),
    )
    x, v = (
        rng.standard_normal((2, 3, 3, 2)).astype("float32"),
        rng.standard_normal((2, 3, 3, 2)).astype("float32"),
    )
    point = next(sampler(lambda x, t: ops.convert_to_tensor(v), x, steps=5))
    levels = schedule.respace(5)
    alpha_bar = levels.alpha_bars_prev[-1]
    got = ch15.step_back(
        x, v, levels.signal[-1], levels.sigma[-1], np.sqrt(alpha_bar), np.sqrt(1 - alpha_bar)
    )
    np.testing.assert_allclose(got, point.x, atol=1e-5)
    x0, noise, a, b = x, v, 0.6, 0.8
    np.testing.assert_allclose(
        ch15.step_back(a * x0 + b * noise, a * noise - b * x0, a, b, 1, 0), x0, atol=1e-6
    )


def test_black_grey_and_white_are_where_they_belong_and_the_scale_is_taken_out():
    codes = np.array([-2.0, -1.0, 0.0, 1.0, 3.0])
    pictures = ch15.to_pictures(lambda z: z, 0.25 * codes, 0.25)
    np.testing.assert_allclose(pictures, [0, 0, 0.5, 1, 1])


def test_what_stays_has_emerged_and_what_falls_again_has_not():
    steps = [1, 2, 3, 4]
    assert ch15.emerged_at(steps, [0.8, 0.5, 0.7, 0.7], 0.7) == 3
    assert ch15.emerged_at(steps, [0.8, 0.8, 0.8, 0.6], 0.7) == np.inf
    assert ch15.emerged_at(steps, [0.7] * 4, 0.7) == 1


def test_weight_one_changes_nothing_zero_leaves_nothing_and_the_given_states_stay():
    hidden, null = rng.standard_normal((2, 5, 3))
    kept = hidden.copy()
    np.testing.assert_allclose(ch15.emphasise(hidden, null, [1, 4], 1.0), hidden)
    np.testing.assert_allclose(ch15.emphasise(hidden, null, range(5), 0.0), null)
    np.testing.assert_array_equal(hidden, kept)


def test_the_error_of_a_paired_difference_is_its_spread_over_many_draws():
    hard = rng.random((4_000, 30)) < 0.5  # for both samplers alike; nothing else is hard
    first, second = (np.where(hard, rng.random((4_000, 30)) < 0.2, 1.0) for _ in range(2))
    found = np.array([ch15.paired_difference(a, b) for a, b in zip(first, second, strict=True)])
    assert found[:, 0].mean() == pytest.approx(0, abs=0.01)
    assert found[:, 1].mean() == pytest.approx(found[:, 0].std(), rel=0.05)
