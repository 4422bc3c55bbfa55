"""An outside witness: the samplers take the steps that the diffusers library takes, number by number.

`witness/make_numbers.py` says how the numbers were made, and of which version. Where the two libraries differ on
purpose, the difference is a test of its own, which says how large it is and what it comes from.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from keras import ops
from oracles import array, tensor
from witness.denoiser import doubts, says

from diffusion_course.samplers.ddim import DDIMSampler
from diffusion_course.samplers.ddpm import DDPMSampler
from diffusion_course.samplers.dpm_solver import DPMSolverSampler
from diffusion_course.schedules import NoiseSchedule

NUMBERS = json.loads((Path(__file__).parent / "witness" / "numbers.json").read_text(encoding="utf-8"))
X_T, NOISES = (np.reshape(NUMBERS[name], (-1, *NUMBERS["shape"])) for name in ("x_T", "noises"))
X_T = X_T[0]
SCHEDULES = {
    "linear": NoiseSchedule.linear(1000),
    "scaled_linear": NoiseSchedule.scaled_linear(1000),
    "cosine": NoiseSchedule.cosine(1000),
    "few": NoiseSchedule(NUMBERS["few"]),
}
MAKERS = {
    "ddpm small": (DDPMSampler, {"variance": "small"}),
    "ddpm large": (DDPMSampler, {"variance": "large"}),
    "ddpm learned": (DDPMSampler, {"variance": "learned"}),
    "ddim 0": (DDIMSampler, {"eta": 0.0}),
    "ddim 1": (DDIMSampler, {"eta": 1.0}),
    "dpm 0": (DPMSolverSampler, {"eta": 0.0}),
    "dpm 1": (DPMSolverSampler, {"eta": 1.0}),
}


def walks(*names, divides=None, clip=None):
    """The stored walks of some samplers; ``divides``: only those whose number of steps divides T, or does not."""
    for walk in NUMBERS["walks"]:
        name, *rest = walk["sampler"].split(", ")
        fits = len(SCHEDULES[walk["schedule"]]) % walk["steps"] == 0
        if name in names and rest in ([], ["clip"]) and divides in (None, fits):
            yield walk


def ours(walk):
    """Our sampler for a stored walk."""
    name, *rest = walk["sampler"].split(", ")
    make, options = MAKERS[name]
    clip = (-1.0, 1.0) if rest else None
    return make(SCHEDULES[walk["schedule"]], prediction=walk["prediction"], clip=clip, **options)


def film(sampler, rows):
    """x after each step, (steps, 4), in plain float64: the two lines at the top of `samplers.base`, and m."""
    schedule, x, before, found = sampler.schedule, X_T, 0.0, []
    for z, row in zip(NOISES, rows, strict=False):
        t, share, s = row["t"], row["t"] / len(schedule), row["s"]
        said = says(sampler.prediction, x, share, schedule.signal[t], schedule.sigma[t])
        if "log_small" in row:
            v = (doubts(x, share) + 1) / 2
            s = s * np.exp(0.5 * (v * row["log_large"] + (1 - v) * row["log_small"]))
        x0_hat = np.clip(row["c_x"] * x + row["c_p"] * said, *(sampler.clip or (-np.inf, np.inf)))
        x = row["a"] * (x0_hat + row.get("m", 0.0) * (x0_hat - before)) + row["b"] * x + s * z
        before = x0_hat
        found.append(x.ravel())
    return np.stack(found)


def rows_of(sampler, steps):
    """Our table's rows in the order of the walk."""
    table = sampler.table(steps)
    return [{name: column[i] for name, column in table.items()} for i in reversed(range(len(table["t"])))]


def agree(walk, found):
    """Every step equals theirs in float64, and the last one what they ship."""
    name = f"{walk['sampler']}, {walk['prediction']}, {walk['steps']} steps of {walk['schedule']}"
    np.testing.assert_allclose(found, walk["x"], rtol=0, atol=1e-9, err_msg=name)
    if walk["last_as_shipped"] is not None:  # see the test of pictures that are lost in float32
        error = rounding(walk, where_much=0.01)
        np.testing.assert_allclose(found[-1], walk["last_as_shipped"], rtol=0, atol=error, err_msg=name)


def rounding(walk, where_much: float) -> float:
    """How far float32 may be off: hardly, but for the cosine schedule, which ends at alpha_bar = 2e-9.

    There x0_hat is 20,000 times a rounding error of the noise. And s takes nearly all noise of an eta of 1: what is
    left for the direction is the square root of a rounding error, in their formula.
    """
    cancels = walk["prediction"] == "noise" or walk["sampler"].startswith("ddim 1")
    return where_much if walk["schedule"] == "cosine" and cancels else 1e-5


# --- schedules


@pytest.mark.parametrize("name", SCHEDULES)
def test_levels_are_theirs(name):
    theirs, alpha_bars = NUMBERS["schedules"][name], SCHEDULES[name].alpha_bars
    np.testing.assert_allclose(alpha_bars[theirs["t"]], theirs["alpha_bars"], rtol=1e-11)
    # They ship products of up to 1,000 float32 numbers. The last one of the cosine is 1 - 0.999, which float32 misses
    # by 1.3e-5 of its size.
    rounding = 2e-5 if name == "cosine" else 1e-6
    np.testing.assert_allclose(alpha_bars[theirs["t"]], theirs["as_shipped"], rtol=rounding)


@pytest.mark.parametrize("name", ["linear", "scaled_linear"])
def test_shorter_schedules_end_in_the_same_noise_and_theirs_do_not(name):
    """Betas scale with 1000 / T here (Nichol and Dhariwal); theirs stay, so that 100 steps leave a third or more."""
    start, end = {"linear": (1e-4, 0.02), "scaled_linear": (0.00085, 0.012)}[name]
    theirs, make = NUMBERS["schedules"][name]["of_100"], getattr(NoiseSchedule, name)
    assert theirs["alpha_bars"][-1] > 0.3
    assert make(100).alpha_bars[-1] < 1.1 * make(1000).alpha_bars[-1] < 0.01
    same = make(100, beta_start=start / 10, beta_end=end / 10).alpha_bars
    np.testing.assert_allclose(same[theirs["t"]], theirs["alpha_bars"], rtol=1e-11)


def test_cosine_of_100_steps_is_theirs():
    theirs = NUMBERS["schedules"]["cosine"]["of_100"]
    found = NoiseSchedule.cosine(100).alpha_bars[theirs["t"]]
    np.testing.assert_allclose(found, theirs["alpha_bars"], rtol=1e-11)


# --- steps


def test_same_steps_are_visited():
    """Their "trailing" spacing is that of `NoiseSchedule.respace`, also where the number of steps does not divide T."""
    for walk in NUMBERS["walks"]:
        visited = SCHEDULES[walk["schedule"]].respace(walk["steps"]).timesteps[::-1]
        np.testing.assert_array_equal(visited, walk["t"])


@pytest.mark.parametrize("name", ["ddpm small", "dpm 0", "dpm 1"])
def test_ddpm_and_dpm_solver_step_by_step(name):
    found = list(walks(name))
    assert len(found) > 20
    for walk in found:
        sampler = ours(walk)
        agree(walk, film(sampler, rows_of(sampler, walk["steps"])))


@pytest.mark.parametrize("name", ["ddim 0", "ddim 1"])
def test_ddim_step_by_step_where_steps_divide_the_schedule(name):
    found = list(walks(name, divides=True))
    assert len(found) > 20
    for walk in found:
        sampler = ours(walk)
        agree(walk, film(sampler, rows_of(sampler, walk["steps"])))


@pytest.mark.parametrize("name", ["ddpm large", "ddpm learned"])
def test_ddpm_with_other_variances_but_for_noise_in_the_last_picture(name):
    """They leave the noise out at t = 0 only. A shortened walk ends above that, and adds noise that would be seen."""
    for walk in walks(name):
        sampler, theirs = ours(walk), np.array(walk["x"])
        rows = rows_of(sampler, walk["steps"])
        found = film(sampler, rows)
        if walk["schedule"] == "few":  # its last step is t = 0
            agree(walk, found)
            continue
        np.testing.assert_allclose(found[:-1], theirs[:-1], rtol=0, atol=1e-9)
        # Variance beta at that step; a learned one lies between it and 0, of which they take the logarithm as 1e-20.
        variance, z = sampler.schedule.respace(walk["steps"]).betas[0], NOISES[len(rows) - 1].ravel()
        if name == "ddpm learned":
            share = (doubts(theirs[-2], rows[-1]["t"] / len(sampler.schedule)) + 1) / 2
            variance = variance**share * 1e-20 ** (1 - share)
        np.testing.assert_allclose(theirs[-1] - found[-1], np.sqrt(variance) * z, rtol=0, atol=1e-9)
        assert np.abs(theirs[-1] - found[-1]).max() > (0.1 if name == "ddpm large" else 0.001)


# --- documented differences


@pytest.mark.parametrize("name", ["ddim 0", "ddim 1"])
def test_their_ddim_steps_to_levels_that_it_then_does_not_visit(name):
    """Where the number of steps does not divide T, their DDIM goes from t to the noise of t - T // steps.

    But the network is next told another step, that which `respace`, their DDPM and their DPM-Solver go to. With the
    levels that they step to, our table gives their numbers.
    """
    sizes = []
    for walk in walks(name, divides=False):
        sampler, total = ours(walk), len(SCHEDULES[walk["schedule"]])
        stride = total // walk["steps"]
        rows = []
        for t in walk["t"]:
            table = sampler.table(sorted({t - stride, t, total - 1}))
            rows.append({column: values[1] for column, values in table.items()})
        agree(walk, film(sampler, rows))
        sizes.append(np.abs(film(sampler, rows_of(sampler, walk["steps"])) - walk["x"]).max())
    assert len(sizes) == 18 and 0.005 < min(sizes) and max(sizes) < 0.1


def test_their_ddim_does_not_fit_the_noise_to_the_clipped_picture_unless_asked():
    """By default they go on with the noise as predicted. Ours always fits it, as Nichol and Dhariwal's code does."""
    (walk,) = (walk for walk in NUMBERS["walks"] if walk["sampler"].endswith("noise as predicted"))
    fitted = ours({**walk, "sampler": "ddim 0, clip"})
    table, x, found = rows_of(fitted, walk["steps"]), X_T, []
    for row, after in zip(table, [*fitted.schedule.respace(5).alpha_bars[-2::-1], 1.0], strict=True):
        t = row["t"]
        noise = says("noise", x, t / 1000, fitted.schedule.signal[t], fitted.schedule.sigma[t])
        x0_hat = np.clip(row["c_x"] * x + row["c_p"] * noise, -1, 1)
        x = np.sqrt(after) * x0_hat + np.sqrt(1 - after) * noise
        found.append(x.ravel())
    agree(walk, np.stack(found))
    assert np.abs(film(fitted, table) - walk["x"]).max() > 0.1


def test_their_ddim_in_float32_loses_pictures_where_ours_is_factored():
    """1 - alpha_bar_prev - s**2 cancels: in float32 it falls below 0, and its root is not a number.

    Six walks are lost so, all with eta = 1 on the cosine schedule. `ddim_coefficients` writes it as a product.
    """
    lost = [walk for walk in NUMBERS["walks"] if walk["last_as_shipped"] is None]
    assert len(lost) == 6
    for walk in lost:
        assert walk["schedule"] == "cosine" and walk["sampler"].startswith("ddim 1")
        sampler = ours(walk)
        denoise = keras_denoiser(sampler.prediction, sampler.schedule)
        x = array(sampler.sample(denoise, tensor(X_T), steps=walk["steps"], seed=1))
        assert np.abs(x).max() < 5


# --- the same in float32, as both libraries are used


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_sample_gives_their_last_picture(schedule):
    sampled = 0
    for kind in ("noise", "x0", "velocity"):
        denoise = keras_denoiser(kind, SCHEDULES[schedule])
        for walk in [*walks("ddim 0", divides=True), *walks("dpm 0")]:
            if (walk["schedule"], walk["prediction"]) == (schedule, kind):
                found = array(ours(walk).sample(denoise, tensor(X_T), steps=walk["steps"])).ravel()
                np.testing.assert_allclose(found, walk["x"][-1], rtol=0, atol=rounding(walk, where_much=2e-3))
                sampled += 1
    assert sampled >= 12


def keras_denoiser(kind, schedule):
    def denoise(x, t):
        signal, sigma = (schedule.at(column, t, len(x.shape)) for column in (schedule.signal, schedule.sigma))
        share = ops.reshape(ops.cast(t, "float32"), (-1, 1, 1)) / len(schedule)
        return says(kind, x, share, signal, sigma, tanh=ops.tanh)

    return denoise
