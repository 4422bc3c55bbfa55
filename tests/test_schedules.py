"""Schedules against their papers, and the closed forms against the chain of single steps that they replace."""

import math

import keras
import numpy as np
import pytest

from diffusion_course.backend import compile_function
from diffusion_course.schedules import NoiseSchedule
from diffusion_course.variance import learned_log_variance

MAKERS = {
    "linear": NoiseSchedule.linear,
    "scaled": NoiseSchedule.scaled_linear,
    "cosine": NoiseSchedule.cosine,
}
ALL = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


def numpy(x):
    return np.asarray(x)


# --- what the papers say


def test_linear_is_the_papers():
    s = NoiseSchedule.linear(1000)
    np.testing.assert_allclose(s.betas[[0, -1]], [1e-4, 0.02], rtol=1e-12)
    np.testing.assert_allclose(np.diff(s.betas, 2), 0, atol=1e-15)  # a straight line
    assert s.alpha_bars[-1] == pytest.approx(4.04e-5, rel=0.01)


def test_scaled_linear_is_stable_diffusions_and_leaves_some_signal():
    s = NoiseSchedule.scaled_linear(1000)
    np.testing.assert_allclose(s.betas[[0, -1]], [0.00085, 0.012], rtol=1e-12)
    np.testing.assert_allclose(np.diff(np.sqrt(s.betas), 2), 0, atol=1e-15)
    assert s.alpha_bars[-1] == pytest.approx(0.0047, rel=0.01)
    # The last step is not pure noise: 6.8 % of the picture's amplitude is still there.
    assert s.signal[-1] == pytest.approx(0.0683, abs=2e-4)


@pytest.mark.parametrize("steps", [10, 1000, 4000])
def test_cosine_is_equation_17(steps):
    """alpha_bar_t = f(t) / f(0), until the clipped last beta."""
    s = NoiseSchedule.cosine(steps)
    f = [math.cos((t / steps + 0.008) / 1.008 * math.pi / 2) ** 2 for t in range(steps + 1)]
    unclipped = s.betas < 0.999
    assert unclipped[:-1].all() and s.betas[-1] == 0.999
    np.testing.assert_allclose(s.alpha_bars[unclipped], (np.array(f[1:]) / f[0])[unclipped], rtol=1e-9)


@pytest.mark.parametrize(("make", "most"), [(NoiseSchedule.linear, 0.0065), (NoiseSchedule.cosine, 1e-3)])
def test_the_last_step_is_close_to_pure_noise(make, most):
    s = make(1000)
    assert s.signal[-1] < most and s.sigma[-1] > 0.9999


def test_fewer_linear_steps_are_larger_and_end_in_the_same_noise():
    s = NoiseSchedule.linear(500)
    np.testing.assert_allclose(s.betas[[0, -1]], [2e-4, 0.04], rtol=1e-12)
    # log(1 - beta) is slightly more than proportional to beta, so half as many steps remove slightly more.
    assert s.log_snr[-1] == pytest.approx(NoiseSchedule.linear(1000).log_snr[-1], abs=0.1)
    unscaled = NoiseSchedule(np.linspace(1e-4, 0.02, 500))
    assert unscaled.log_snr[-1] - s.log_snr[-1] > 4


# --- columns


@ALL
def test_columns_follow_from_the_betas(make):
    s = make(300)
    product, previous = 1.0, []
    for t, beta in enumerate(s.betas):
        previous.append(product)
        product *= 1 - beta
        assert s.alpha_bars[t] == pytest.approx(product, rel=1e-12)
    np.testing.assert_array_equal(s.alpha_bars_prev, previous)
    np.testing.assert_allclose(s.signal**2 + s.sigma**2, 1, rtol=1e-14)
    np.testing.assert_allclose(s.snr, (s.signal / s.sigma) ** 2, rtol=1e-12)
    np.testing.assert_allclose(np.exp(s.log_snr), s.snr, rtol=1e-12)
    assert (np.diff(s.snr) < 0).all() and (np.diff(s.alpha_bars) < 0).all()
    assert all(getattr(s, name).dtype == np.float64 for name in ("betas", "alphas", "sigma", "log_snr"))
    assert len(s) == 300 and s.timesteps.dtype == np.int64 and "300 steps" in repr(s)


# --- closed form against chain


@ALL
def test_one_jump_has_the_mean_and_variance_of_the_chain(make):
    """x_t = sqrt(1 - beta) x_{t-1} + sqrt(beta) noise, iterated on mean and variance."""
    s = make(400)
    mean, variance = 1.0, 0.0
    for t, beta in enumerate(s.betas):
        mean, variance = math.sqrt(1 - beta) * mean, (1 - beta) * variance + beta
        assert s.signal[t] == pytest.approx(mean, rel=1e-11)
        assert s.sigma[t] ** 2 == pytest.approx(variance, rel=1e-11)


@ALL
def test_one_jump_has_the_distribution_of_the_chain(make):
    """Samples of a start that is not Gaussian: mean, spread, skewness and kurtosis agree."""
    s, rng, n = make(40), np.random.default_rng(0), 200_000
    x0 = np.where(rng.random(n) < 0.3, 1.0, -1.0)
    x = x0.copy()
    checked = {2, 15, 39}
    for t, beta in enumerate(s.betas):
        x = math.sqrt(1 - beta) * x + math.sqrt(beta) * rng.normal(size=n)
        if t in checked:
            jump = numpy(s.add_noise(x0.astype("float32"), rng.normal(size=n).astype("float32"), t))
            for power in (1, 2, 3, 4):
                a, b = x**power, jump.astype("float64") ** power
                error = math.sqrt((a.var() + b.var()) / n)
                assert abs(a.mean() - b.mean()) < 4.5 * error, (t, power)
            # ... and both remember the start equally.
            assert np.mean(x * x0) == pytest.approx(np.mean(jump * x0), abs=5 * math.sqrt(2 / n))


def test_add_noise_takes_one_step_or_one_per_picture():
    s, rng = NoiseSchedule.linear(100), np.random.default_rng(1)
    x0, noise = rng.normal(size=(2, 3, 4, 5, 2)).astype("float32")
    t = np.array([0, 50, 99])
    together = numpy(s.add_noise(x0, noise, t))
    for i, step in enumerate(t):
        alone = numpy(s.add_noise(x0[i : i + 1], noise[i : i + 1], int(step)))[0]
        np.testing.assert_allclose(together[i], alone, rtol=1e-6)
        by_hand = s.signal[step] * x0[i] + s.sigma[step] * noise[i]
        np.testing.assert_allclose(alone, by_hand, rtol=1e-5, atol=1e-6)
    assert together.dtype == np.float32


def test_at_fits_the_dimensions():
    s = NoiseSchedule.linear(100)
    assert numpy(s.at(s.sigma, np.array([3, 4]), 4)).shape == (2, 1, 1, 1)
    assert numpy(s.at(s.sigma, np.array([3, 4]), 2)).shape == (2, 1)
    scalar = numpy(s.at(s.sigma, 7))
    assert scalar.shape == () and scalar == np.float32(s.sigma[7])


# --- posterior


@ALL
def test_posterior_is_bayes_rule(make):
    """Prior N(sqrt(ab_prev) x0, 1 - ab_prev) times likelihood N(x_t; sqrt(alpha) x_{t-1}, beta), precisions added."""
    s, x0, x_t = make(200), 0.7, -1.3
    for t in range(1, 200):
        prior, likelihood = 1 / (1 - s.alpha_bars_prev[t]), s.alphas[t] / s.betas[t]
        variance = 1 / (prior + likelihood)
        mean = variance * (
            prior * math.sqrt(s.alpha_bars_prev[t]) * x0 + likelihood * x_t / math.sqrt(s.alphas[t])
        )
        assert s.posterior_variance[t] == pytest.approx(variance, rel=1e-9)
        ours = s.posterior_mean_x0[t] * x0 + s.posterior_mean_xt[t] * x_t
        assert ours == pytest.approx(mean, rel=1e-9, abs=1e-12)


def test_posterior_is_bayes_rule_on_a_grid():
    """The same without algebra: multiply the two densities and integrate."""
    s, t, x0, x_t = NoiseSchedule.linear(50), 20, 0.5, 0.2
    x = np.linspace(-8, 8, 20_001)
    log_density = -0.5 * (x - math.sqrt(s.alpha_bars_prev[t]) * x0) ** 2 / (1 - s.alpha_bars_prev[t])
    log_density -= 0.5 * (x_t - math.sqrt(s.alphas[t]) * x) ** 2 / s.betas[t]
    weight = np.exp(log_density - log_density.max())
    weight /= weight.sum()
    mean = np.sum(weight * x)
    variance = np.sum(weight * (x - mean) ** 2)
    ours = s.posterior(np.full((1, 1), x0, "float32"), np.full((1, 1), x_t, "float32"), np.array([t]))
    assert float(numpy(ours[0])[0, 0]) == pytest.approx(mean, rel=1e-5)
    assert float(numpy(ours[1])[0, 0]) == pytest.approx(variance, rel=1e-5)


@ALL
def test_posterior_of_the_first_step_is_the_clean_picture(make):
    s = make(100)
    x0, x_t = np.random.default_rng(0).normal(size=(2, 2, 3, 3, 1)).astype("float32")
    for t in (0, np.array([0, 0])):
        mean, variance = s.posterior(x0, x_t, t)
        np.testing.assert_allclose(numpy(mean), x0, rtol=1e-6)
        assert (numpy(variance) == 0).all()


@ALL
def test_posterior_undoes_a_step_in_distribution(make):
    """If x_t comes from q(x_t | x0) and x_{t-1} from the posterior, x_{t-1} has the law of q(x_{t-1} | x0)."""
    s = make(60)
    for t in range(1, 60):
        mean = s.posterior_mean_x0[t] + s.posterior_mean_xt[t] * s.signal[t]
        variance = s.posterior_variance[t] + (s.posterior_mean_xt[t] * s.sigma[t]) ** 2
        assert mean == pytest.approx(s.signal[t - 1], rel=1e-9)
        assert variance == pytest.approx(s.sigma[t - 1] ** 2, rel=1e-9)


# --- respacing


@ALL
@pytest.mark.parametrize("steps", [1, 2, 7, 50, 199, [0, 1, 150, 199]])
def test_respacing_keeps_the_noise_at_the_steps_it_visits(make, steps):
    s = make(200)
    short = s.respace(steps)
    assert len(short) == (steps if isinstance(steps, int) else len(steps))
    assert short.timesteps[-1] == 199
    np.testing.assert_allclose(short.alpha_bars, s.alpha_bars[short.timesteps], rtol=1e-9)
    if isinstance(steps, list):
        np.testing.assert_array_equal(short.timesteps, steps)


def test_respacing_spreads_evenly():
    np.testing.assert_array_equal(NoiseSchedule.linear(1000).respace(4).timesteps, [249, 499, 749, 999])
    gaps = np.diff(NoiseSchedule.linear(1000).respace(30).timesteps)
    assert set(gaps) == {33, 34}


def test_respacing_a_respaced_schedule_keeps_the_first_ones_numbers():
    s = NoiseSchedule.cosine(1000)
    twice = s.respace(100).respace(10)
    np.testing.assert_array_equal(twice.timesteps, s.respace(10).timesteps)
    np.testing.assert_allclose(twice.alpha_bars, s.alpha_bars[twice.timesteps], rtol=1e-9)


@ALL
def test_respacing_to_all_steps_changes_nothing(make):
    s = make(200)
    same = s.respace(200)
    np.testing.assert_array_equal(same.timesteps, s.timesteps)
    np.testing.assert_allclose(same.betas, s.betas, rtol=1e-9)


# --- refusals


@pytest.mark.parametrize("betas", [[], [0.0, 0.1], [0.1, 1.0], [np.nan], [[0.1]], [-0.1]])
def test_bad_betas_are_refused(betas):
    with pytest.raises(ValueError, match="`betas` must be"):
        NoiseSchedule(betas)


@pytest.mark.parametrize("timesteps", [[0], [1, 0], [0, 0], [0.0, 1.0], [[0, 1]]])
def test_bad_timesteps_are_refused(timesteps):
    with pytest.raises(ValueError, match="`timesteps` must be 2 increasing integers"):
        NoiseSchedule([0.1, 0.2], timesteps)


@ALL
@pytest.mark.parametrize("steps", [0, -5, 10.5, math.nan, math.inf])
def test_bad_numbers_of_steps_are_refused(make, steps):
    with pytest.raises(ValueError, match=f"`steps` must be a positive integer. Received: steps={steps}"):
        make(steps)


@ALL
def test_a_whole_number_may_be_a_float(make):
    """1e3 is a number of steps, as the check says."""
    np.testing.assert_array_equal(make(1e3).betas, make(1000).betas)


def test_too_few_linear_steps_are_refused():
    """Twenty scaled betas would end at 1."""
    with pytest.raises(ValueError, match="`betas` must be"):
        NoiseSchedule.linear(20)
    assert len(NoiseSchedule.linear(25)) == 25


@pytest.mark.parametrize("offset", [0, -1, math.nan])
def test_bad_offsets_are_refused(offset):
    with pytest.raises(ValueError, match="`offset` must be above 0"):
        NoiseSchedule.cosine(10, offset)


@pytest.mark.parametrize("steps", [0, 101, 2.5, -1, math.nan])
def test_respacing_refuses_bad_numbers(steps):
    with pytest.raises(ValueError, match=f"from 1 to 100. Received: steps={steps}"):
        NoiseSchedule.linear(100).respace(steps)


@pytest.mark.parametrize("steps", [[0, 50], [99, 99], [50, 20, 99], [-1, 99], [0.0, 99.0], []])
def test_respacing_refuses_bad_lists(steps):
    with pytest.raises(ValueError, match="must increase and end with 99"):
        NoiseSchedule.linear(100).respace(steps)


S = NoiseSchedule.linear(1000)
PICTURES = np.zeros((2, 4, 4, 1), "float32")
# Everything that takes steps of a schedule
USES = {
    "at": lambda t: S.at(S.alpha_bars, t),
    "add_noise": lambda t: S.add_noise(PICTURES, PICTURES, t),
    "posterior": lambda t: S.posterior(PICTURES, PICTURES, t),
    "learned_log_variance": lambda t: learned_log_variance(PICTURES, S, t),
}
FORMS = {"Python": lambda t: t, "NumPy": np.array, "tensor": keras.ops.convert_to_tensor}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("use", USES.values(), ids=USES)
@pytest.mark.parametrize(("t", "received"), [(-1, -1), ([-1, 0], -1), (1000, 1000), ([3, 1000], 1000)])
def test_steps_outside_of_the_schedule_are_refused(use, form, t, received):
    with pytest.raises(ValueError, match=f"`t` must be integer steps from 0 to 999. Received: t={received}"):
        use(form(t))


@pytest.mark.parametrize("t", [7.0, [0.5, 1.0], np.float32(3), np.array([True, False])])
def test_steps_that_are_no_integers_are_refused(t):
    with pytest.raises(ValueError, match="`t` must be integer steps from 0 to 999. Received: (float|bool)"):
        S.at(S.sigma, t)


@pytest.mark.parametrize("t", [0, 999, [0, 999], np.uint8(7), np.zeros(0, int)])
def test_steps_of_the_schedule_are_taken_in_any_form(t):
    np.testing.assert_allclose(numpy(S.at(S.sigma, t)).ravel(), S.sigma[np.asarray(t)].ravel(), rtol=1e-6)


def test_compiled_code_is_left_alone():
    """Inside it no value is known: the same numbers come out, nothing is looked at, and a model can be built."""
    t = np.array([3, 700], "int32")
    compiled = compile_function(lambda t: S.add_noise(PICTURES + 1, PICTURES, t))
    np.testing.assert_allclose(numpy(compiled(t)), numpy(S.add_noise(PICTURES + 1, PICTURES, t)), rtol=1e-6)
    with pytest.raises(ValueError, match="Received: float32"):  # the type is known
        compiled(t.astype("float32"))
    symbol = keras.Input((), dtype="int32")
    assert keras.Model(symbol, S.at(S.sigma, symbol))(t).shape == (2, 1, 1, 1)


@pytest.mark.parametrize("steps", [np.uint8([5, 3, 9]), [-2, 0, 1]])
def test_refuses_time_steps_that_fall_or_begin_below_0(steps):
    with pytest.raises(ValueError, match="increasing integers of 0 or more, one per beta. Received"):
        NoiseSchedule([0.1, 0.2, 0.3], steps)


def test_refuses_a_column_of_another_schedule():
    with pytest.raises(ValueError, match=r"a column of this schedule, 20. Received: \(1000,\)"):
        NoiseSchedule.cosine(20).at(NoiseSchedule.cosine(1000).signal, 5)
    with pytest.raises(ValueError, match="`steps` must increase"):
        NoiseSchedule.cosine(20).respace(np.uint8([250, 3, 19]))
