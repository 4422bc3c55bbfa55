"""The reference solutions of chapters 04 to 06 against truths that are known without them."""

import numpy as np
import pytest
from scipy.stats import rankdata

from diffusion_course.exercises import ch04, ch05, ch06
from diffusion_course.metrics.detection import threshold_at
from diffusion_course.metrics.residual_scores import smoothed_rms
from diffusion_course.schedules import NoiseSchedule

rng = np.random.default_rng(0)
x0, noise = rng.uniform(-1, 1, (3, 4)), rng.standard_normal((3, 4))


@pytest.mark.parametrize(("n", "rate"), [(199, 0.02), (99, 0.02), (584, 0.02), (50, 0.1)])
def test_the_threshold_keeps_its_promise_and_gives_nothing_away(n, rate):
    scores = np.random.default_rng(n).permutation(n).astype("float64")
    threshold = ch04.conformal_threshold(scores, rate)
    alarms = n - threshold  # of the n + 1 ranks of a new score: above it, and above all
    assert alarms / (n + 1) <= rate < (alarms + 1) / (n + 1)
    assert threshold == threshold_at(scores, rate)


def test_too_few_scores_promise_nothing():
    assert ch04.conformal_threshold(np.arange(30.0), 0.02) == np.inf


def test_averaged_score_lets_noise_cancel_and_keeps_what_lasts():
    flips = np.tile([1.0, -1.0], (1, 10))
    assert ch04.averaged_score(flips, 2) == pytest.approx(0)
    assert ch04.averaged_score(np.full((1, 20), 0.7), 9) == pytest.approx(0.7)
    residual = rng.normal(size=(5, 30))
    np.testing.assert_allclose(ch04.averaged_score(residual, 9), smoothed_rms(residual, 9))


def test_precision_of_rare_anomalies_is_counted():
    # Of 1000 beats 10 are anomalies; 9 are caught, and 198 of 990 normal beats raise an alarm.
    assert ch04.precision_at(0.9, 0.2, 0.01) == pytest.approx(9 / (9 + 198))


def test_auroc_by_pairs_is_auroc_by_ranks():
    scores, strange = np.round(rng.normal(size=60), 1), rng.random(60) < 0.4
    positives, negatives = strange.sum(), (~strange).sum()
    u = rankdata(scores)[strange].sum() - positives * (positives + 1) / 2
    assert ch04.area_under_roc(scores, strange) == pytest.approx(u / (positives * negatives))


def test_the_dearer_a_missed_anomaly_the_lower_the_threshold():
    scores, strange = np.arange(10.0), np.arange(10) % 3 == 2  # anomalies at 2, 5 and 8
    found = [ch04.cheapest_threshold(scores, strange, 0.5, price) for price in (0.01, 1, 100)]
    assert found[0] == 9  # no alarm at all
    assert found == sorted(found, reverse=True) and found[-1] < 2  # every anomaly is caught


def test_jump_factors_are_those_of_the_schedule_and_of_a_walk():
    betas = np.linspace(0.01, 0.2, 6)
    schedule = NoiseSchedule(betas)
    for t in range(6):
        assert ch05.jump_factors(betas, t) == pytest.approx((schedule.signal[t], schedule.sigma[t]))
    signal, variance = 1.0, 0.0
    for beta in betas:  # factor and variance, carried from step to step
        signal, variance = signal * np.sqrt(1 - beta), variance * (1 - beta) + beta
    assert ch05.jump_factors(betas, 5) == pytest.approx((signal, np.sqrt(variance)))


def test_cosine_betas_are_those_of_the_library():
    np.testing.assert_allclose(ch05.cosine_betas(100), NoiseSchedule.cosine(100).betas)


def test_respaced_chain_has_the_same_noise_at_the_kept_steps():
    alpha_bars, keep = np.cumprod(1 - np.linspace(1e-3, 0.2, 40)), np.array([0, 1, 30, 39])
    np.testing.assert_allclose(np.cumprod(1 - ch05.respaced_betas(alpha_bars, keep)), alpha_bars[keep])


def test_after_so_many_steps_the_start_is_forgotten_and_one_before_it_is_not():
    P = np.array([[0.8, 0.2], [0.05, 0.95]])  # what is left of a difference shrinks by 0.75
    n = ch05.steps_to_forget(P, 0.01)
    left = [np.ptp(np.linalg.matrix_power(P, k)[:, 0]) for k in (n - 1, n)]
    assert left[1] <= 0.01 < left[0]


def test_a_schedule_has_the_same_noise_as_itself_at_the_same_step():
    alpha_bars = np.cumprod(1 - np.linspace(1e-4, 0.02, 1000))
    assert [ch05.same_noise(t, alpha_bars, alpha_bars) for t in (0, 500, 999)] == [0, 500, 999]


def test_a_pure_end_keeps_the_beginning_and_the_order():
    alpha_bars = NoiseSchedule.scaled_linear(1000).alpha_bars
    new = ch05.pure_end(alpha_bars)
    assert new[-1] == 0 and new[0] == pytest.approx(alpha_bars[0])
    assert (np.diff(new) < 0).all() and (new <= alpha_bars + 1e-12).all()


def test_what_the_velocity_mixes_is_taken_apart_again():
    for alpha_bar in (0.9, 0.2):
        a, b = np.sqrt(alpha_bar), np.sqrt(1 - alpha_bar)
        found = ch06.from_velocity(a * x0 + b * noise, a * noise - b * x0, alpha_bar)
        np.testing.assert_allclose(found, (x0, noise))


def test_ancestral_step_follows_the_posterior_and_ends_in_x0():
    betas, z = np.linspace(0.01, 0.2, 8), rng.standard_normal((3, 4))
    alpha_bars, t = np.cumprod(1 - betas), 5
    # precisions add up; means are weighted by them
    prior, likelihood = 1 / (1 - alpha_bars[t - 1]), (1 - betas[t]) / betas[t]
    variance = 1 / (prior + likelihood)
    mean = variance * (prior * np.sqrt(alpha_bars[t - 1]) * x0 + likelihood / np.sqrt(1 - betas[t]) * noise)
    np.testing.assert_allclose(ch06.ancestral_step(noise, x0, z, t, betas), mean + np.sqrt(variance) * z)
    np.testing.assert_allclose(ch06.ancestral_step(noise, x0, z, 0, betas), x0)


def test_exact_denoiser_of_two_pictures_is_tanh():
    x_t = np.linspace(-2, 2, 9)[:, None]
    found = ch06.posterior_mean(x_t, np.array([[-1.0], [1.0]]), 0.8, 0.6)
    np.testing.assert_allclose(found, np.tanh(0.8 * x_t / 0.36))


def test_weights_of_the_picture_are_those_of_the_posterior():
    schedule = NoiseSchedule.linear(50)
    want = schedule.posterior_mean_x0[1:] ** 2 / (2 * schedule.posterior_variance[1:])
    np.testing.assert_allclose(ch06.picture_weight(schedule.alpha_bars), want)


def test_two_layers_of_3_see_5_pixels_and_folding_doubles_that():
    assert ch06.receptive_field((3, 3), 1) == 5
    assert ch06.receptive_field((3, 3), 2) == 10
