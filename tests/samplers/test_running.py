"""How a walk runs: what it yields, what the network is told, where it may start and turn back, and what is refused."""

import keras
import numpy as np
import pytest
from keras import ops
from oracles import array, gaussian_oracle, noise

from diffusion_course.models.denoiser import Denoiser
from diffusion_course.samplers.base import Sampler, climb, itinerary, step
from diffusion_course.samplers.ddim import DDIMSampler
from diffusion_course.samplers.ddpm import DDPMSampler
from diffusion_course.samplers.dpm_solver import DPMSolverSampler
from diffusion_course.samplers.noise import PictureNoise
from diffusion_course.schedules import NoiseSchedule

SCHEDULE = NoiseSchedule.cosine(40)
X_T = noise((3, 4, 4, 2))


def network(outputs=2):
    """A small random network of x and t."""
    keras.utils.set_random_seed(0)
    x, t = keras.Input((4, 4, 2)), keras.Input((), dtype="int32")
    time = keras.layers.Dense(8)(keras.layers.Reshape((1,))(ops.cast(t, "float32") / 40))
    h = keras.layers.Conv2D(8, 3, padding="same")(x) + keras.layers.Reshape((1, 1, 8))(time)
    h = keras.layers.Conv2D(outputs, 3, padding="same")(ops.silu(h))
    return keras.Model({"x": x, "t": t}, h)


MAKERS = {
    "ddpm": (2, lambda **options: DDPMSampler(SCHEDULE, **options)),
    "ddpm learned": (4, lambda **options: DDPMSampler(SCHEDULE, variance="learned", **options)),
    "ddim": (2, lambda **options: DDIMSampler(SCHEDULE, **options)),
    "ddim 0.7": (2, lambda **options: DDIMSampler(SCHEDULE, eta=0.7, **options)),
    "dpm": (2, lambda **options: DPMSolverSampler(SCHEDULE, **options)),
    "dpm 1": (2, lambda **options: DPMSolverSampler(SCHEDULE, eta=1.0, **options)),
}
STOCHASTIC = [name for name in MAKERS if name not in ("ddim", "dpm")]


@pytest.mark.parametrize("name", [name for name in MAKERS if name != "ddpm learned"])
def test_sample_is_the_loop_written_out(name):
    """The algorithm in eight lines of NumPy, with the sampler's table and the noise of its pictures."""
    sampler, denoise, draw = MAKERS[name][1](), Denoiser(network()), PictureNoise(X_T.shape, seed=3)
    table = sampler.table(7)
    x, before = X_T.astype(np.float64), None
    for i in reversed(range(7)):
        c_x, c_p, a, b, s, m = (table[column][i] for column in ("c_x", "c_p", "a", "b", "s", "m"))
        x0_hat = np.clip(c_x * x + c_p * array(denoise(x, table["t"][i])), -1, 1)
        ahead = x0_hat if before is None else x0_hat + m * (x0_hat - before)
        x = a * ahead + b * x + (s * draw() if s else 0)
        before = x0_hat
    np.testing.assert_allclose(array(sampler.sample(denoise, X_T, steps=7, seed=3)), x, atol=2e-5)


@pytest.mark.parametrize("name", MAKERS)
def test_a_compiled_and_a_plain_network_give_the_same_walk(name):
    outputs, make = MAKERS[name]
    net = network(outputs)
    compiled, plain = Denoiser(net), lambda x, t: net({"x": x, "t": t})
    for steps, seed in ((None, 0), (7, 3)):
        films = [list(make()(denoise, X_T, steps=steps, seed=seed)) for denoise in (compiled, plain)]
        assert len(films[0]) == len(films[1]) == (steps or 40)
        for one, other in zip(*films, strict=True):
            np.testing.assert_allclose(array(one.x), array(other.x), atol=1e-4)
            np.testing.assert_allclose(array(one.x0_hat), array(other.x0_hat), atol=1e-3)
        x = make().sample(compiled, X_T, steps=steps, seed=seed)
        np.testing.assert_array_equal(array(x), array(films[0][-1].x))


def test_points_say_where_the_walk_is():
    film = list(DDPMSampler(SCHEDULE)(lambda x, t: 0.1 * x, X_T, steps=4))
    short = SCHEDULE.respace(4)
    assert [point.t for point in film] == [39, 29, 19, 9]
    np.testing.assert_allclose([point.alpha_bar for point in film], short.alpha_bars_prev[::-1])
    assert film[-1].alpha_bar == 1


@pytest.mark.parametrize("name", MAKERS)
def test_seed_decides_where_there_is_noise(name):
    outputs, make = MAKERS[name]
    denoise = Denoiser(network(outputs))
    a, again, other = (array(make().sample(denoise, X_T, steps=5, seed=s)) for s in (1, 1, 2))
    assert (a == again).all()
    assert (a == other).all() == (name not in STOCHASTIC)


@pytest.mark.parametrize("name", STOCHASTIC)
def test_a_picture_does_not_depend_on_its_batch(name):
    """Picture i follows from (seed, i) alone: the same in a set of 6, of 3, and in batches of 2."""
    outputs, make = MAKERS[name]
    denoise, x_T = Denoiser(network(outputs)), noise((6, 4, 4, 2), seed=4)
    whole = array(make().sample(denoise, x_T, steps=5, seed=7))
    np.testing.assert_allclose(array(make().sample(denoise, x_T[:3], steps=5, seed=7)), whole[:3], atol=1e-5)
    for first in (0, 2, 4):
        part = array(make().sample(denoise, x_T[first : first + 2], steps=5, seed=7, first=first))
        np.testing.assert_allclose(part, whole[first : first + 2], atol=1e-5)
    wrong = array(make().sample(denoise, x_T[2:4], steps=5, seed=7))
    assert np.abs(wrong - whole[2:4]).max() > 0.01


def test_network_is_told_the_original_steps_as_int32():
    told = []

    def denoise(x, t):
        assert keras.backend.standardize_dtype(t.dtype) == "int32" and tuple(t.shape) == (3,)
        told.append(array(t).tolist())
        return 0 * x

    list(DDPMSampler(SCHEDULE)(denoise, X_T, steps=4))
    assert told == [[t] * 3 for t in (39, 29, 19, 9)]


def test_conditions_reach_the_network_at_each_step():
    told = []

    def denoise(x, t, *, brightness):
        told.append(brightness)
        return 0 * x + brightness

    sampler = DDIMSampler(SCHEDULE, prediction="x0", clip=None)
    for brightness in (0.5, -2.0):
        np.testing.assert_allclose(
            array(sampler.sample(denoise, X_T, steps=3, brightness=brightness)), brightness, atol=1e-6
        )
    assert told == [0.5] * 3 + [-2.0] * 3
    x_T = array(sampler.encode(denoise, X_T, steps=3, brightness=1.0))
    assert told[6:] == [1.0] * 3 and np.isfinite(x_T).all()


def test_half_precision_network_gives_float32_pictures():
    x = DDPMSampler(SCHEDULE).sample(lambda x, t: ops.cast(0.1 * x, "float16"), X_T, steps=3)
    assert keras.backend.standardize_dtype(x.dtype) == "float32"


def test_deterministic_walk_draws_no_noise(monkeypatch):
    def refuse(self):
        raise AssertionError("noise was drawn")

    monkeypatch.setattr(PictureNoise, "__call__", refuse)
    DDIMSampler(SCHEDULE).sample(lambda x, t: 0.1 * x, X_T, steps=3)
    with pytest.raises(AssertionError, match="noise was drawn"):
        DDIMSampler(SCHEDULE, eta=0.1).sample(lambda x, t: 0.1 * x, X_T, steps=3)


def test_learned_variance_reaches_both_bounds():
    """v = -1 is "small", v = 1 is "large"; the table differs at step 0 only, where no noise is added."""
    for v, variance in ((-1.0, "small"), (1.0, "large")):
        learned = DDPMSampler(SCHEDULE, variance="learned").sample(
            lambda x, t, v=v: ops.concatenate([0.1 * x, 0 * x + v], axis=-1), X_T, steps=10, seed=4
        )
        fixed = DDPMSampler(SCHEDULE, variance=variance).sample(lambda x, t: 0.1 * x, X_T, steps=10, seed=4)
        np.testing.assert_allclose(array(learned), array(fixed), atol=1e-4)


# ---------------------------------------------------------------- starting in the middle, and going back up


def test_a_walk_that_starts_in_the_middle_ends_like_the_whole_one():
    denoise = Denoiser(network())
    for make in (lambda: DDIMSampler(SCHEDULE), lambda: DDPMSampler(SCHEDULE)):
        film = list(make()(denoise, X_T, steps=8, seed=2))
        rest = list(make()(denoise, film[2].x, steps=8, skip=3, seed=2))
        assert [point.t for point in rest] == [point.t for point in film[3:]]
    # without noise on the way the rest is the same to the last bit of rounding
    film = list(DDIMSampler(SCHEDULE)(denoise, X_T, steps=8))
    np.testing.assert_allclose(
        array(DDIMSampler(SCHEDULE).sample(denoise, film[2].x, steps=8, skip=3)), array(film[-1].x), atol=1e-5
    )


def test_second_order_looks_back_at_nothing_where_a_walk_begins():
    """The first step of a walk that starts in the middle has no guess before it: it must be DDIM's."""
    denoise = gaussian_oracle(SCHEDULE, 0.3, 0.16)
    x = noise((50, 1))
    dpm, ddim = (
        next(make(SCHEDULE, clip=None)(denoise, x, steps=8, skip=3))
        for make in (DPMSolverSampler, DDIMSampler)
    )
    np.testing.assert_allclose(array(dpm.x), array(ddim.x), atol=1e-6)


@pytest.mark.parametrize("name", ["ddpm", "ddim", "dpm"])
@pytest.mark.parametrize("skip", [0, 6, 15])
def test_image_to_image_gives_back_a_picture_that_the_network_knows(name, skip):
    picture = np.random.default_rng(5).uniform(-0.9, 0.9, (1, 4, 4, 2)).astype("float32")
    denoise, sampler = gaussian_oracle(SCHEDULE, picture, 0.0), MAKERS[name][1]()
    t = int(sampler.table(16)["t"][::-1][skip])
    x_t = SCHEDULE.add_noise(np.repeat(picture, 3, 0), X_T, np.full(3, t))
    x = array(sampler.sample(denoise, x_t, steps=16, skip=skip))
    np.testing.assert_allclose(x, np.repeat(picture, 3, 0), atol=1e-4)


def test_itinerary_goes_back_up_as_often_as_asked():
    assert itinerary(3) == [(2, None), (1, None), (0, None)]
    assert itinerary(5, skip=2) == [(2, None), (1, None), (0, None)]
    moves = itinerary(10, resample=(3, 4))
    downs = [row for row, low in moves if low is None]
    ups = [(row, low) for row, low in moves if low is not None]
    assert all(row - low == 3 for row, low in ups) and min(low for _, low in ups) == 0
    assert all(downs.count(row) == 4 for row in range(1, 10)) and downs.count(0) == 1
    here = 9  # the row at whose level x lies: every move starts where the one before it ended
    for row, low in moves:
        assert here == (row if low is None else low)
        here = row - 1 if low is None else row
    assert here == -1


def test_climbing_keeps_the_forward_process():
    """From level low to level high: mean and variance of q(x_high | x_0), for a fixed clean picture."""
    low, high = 5, 30
    x0, z = 0.7, noise((200_000, 1), 1)
    x_low = SCHEDULE.signal[low] * x0 + SCHEDULE.sigma[low] * noise((200_000, 1), 2)
    x = np.asarray(climb(x_low, SCHEDULE.alpha_bars[high] / SCHEDULE.alpha_bars[low], z), np.float64)
    assert abs(x.mean() - SCHEDULE.signal[high] * x0) < 4 / np.sqrt(200_000)
    assert abs(x.var() - SCHEDULE.sigma[high] ** 2) < 4 * np.sqrt(2 / 200_000)


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_resampling_has_the_moments_of_its_moves(eta):
    """Every move is linear for Gaussian data, so mean and variance follow exactly: up, down, and up again."""
    mean, variance, n = 0.4, 0.09, 100_000
    sampler = DDIMSampler(SCHEDULE, eta=eta, clip=None)
    x_T = noise((10, n // 10))
    table, m, v = sampler.table(20), 0.0, 1.0
    for row, low in itinerary(20, resample=(4, 3)):
        if low is not None:
            ratio = table["alpha_bar"][row] / table["alpha_bar"][low]
            m, v = np.sqrt(ratio) * m, ratio * v + 1 - ratio
            continue
        signal2, a, b = table["alpha_bar"][row], table["a"][row], table["b"][row]
        gain = variance * np.sqrt(signal2) / (variance * signal2 + 1 - signal2)
        m = (a * gain + b) * m + a * mean * (1 - gain * np.sqrt(signal2))
        v = (a * gain + b) ** 2 * v + table["s"][row] ** 2
    x = array(sampler.sample(gaussian_oracle(SCHEDULE, mean, variance), x_T, steps=20, resample=(4, 3)))
    assert abs(x.mean() - m) < 4 * np.sqrt(v / n)
    assert abs(x.var() - v) < 4 * v * np.sqrt(2 / n)
    assert abs(m - mean) < 0.01 and abs(v / variance - 1) < 0.5  # and it is still about the data


def test_adjusted_pictures_are_where_the_walk_goes_on():
    """What inpainting needs: known pixels are put back after each step, at the level of the moment."""
    picture = np.random.default_rng(5).uniform(-0.9, 0.9, (3, 4, 4, 2)).astype("float32")
    known = np.arange(4)[None, :, None, None] < 2  # the upper half
    draw = PictureNoise(picture.shape, seed=9)

    def put_back(point):
        level = np.sqrt(point.alpha_bar) * picture + np.sqrt(1 - point.alpha_bar) * draw()
        return ops.where(known, level, point.x)

    sampler = DDPMSampler(SCHEDULE, prediction="x0")
    film = list(sampler(lambda x, t: 0 * x, X_T, steps=6, resample=(2, 3), adjust=put_back))
    assert len(film) > 6
    np.testing.assert_allclose(array(film[-1].x)[:, :2], picture[:, :2], atol=1e-6)
    np.testing.assert_allclose(array(film[-1].x)[:, 2:], 0, atol=1e-6)


# ---------------------------------------------------------------- refusals


def test_step_without_noise_or_memory_is_linear():
    row = {"c_x": 2.0, "c_p": -1.0, "a": 0.5, "b": 0.25, "s": 0.0, "m": 0.7}
    x, said = noise((2, 3), 1), noise((2, 3), 2)
    x_prev, x0_hat = step(x, said, row)
    np.testing.assert_allclose(x0_hat, 2 * x - said, atol=1e-6)
    np.testing.assert_allclose(x_prev, 0.5 * (2 * x - said) + 0.25 * x, atol=1e-6)
    ahead, _ = step(x, said, row, before=said)
    np.testing.assert_allclose(ahead - x_prev, 0.5 * 0.7 * (2 * x - 2 * said), atol=1e-5)


@pytest.mark.parametrize(
    "fault, words",
    [
        (lambda: DDIMSampler(SCHEDULE, eta=1.1), "`eta`.*1.1"),
        (lambda: DDIMSampler(SCHEDULE, eta=float("nan")), "`eta`.*nan"),
        (lambda: DPMSolverSampler(SCHEDULE, eta=-0.1), "`eta`.*-0.1"),
        (lambda: DDPMSampler(SCHEDULE, variance="medium"), "`variance`.*medium"),
        (lambda: DDPMSampler(SCHEDULE, prediction="score"), "`prediction`.*score"),
        (lambda: DDPMSampler(SCHEDULE, clip=(1.0, -1.0)), "`clip`"),
        (lambda: DDPMSampler(SCHEDULE, clip=1.0), "`clip`"),
        (lambda: DDPMSampler(SCHEDULE)(None, X_T, seed=1.5), "`seed`.*1.5"),
        (lambda: DDPMSampler(SCHEDULE)(None, X_T, seed=True), "`seed`.*True"),
        (lambda: DDPMSampler(SCHEDULE).sample(None, X_T, seed=-1), "`seed`.*-1"),
        (lambda: DDPMSampler(SCHEDULE)(None, X_T, first=-1), "`first`.*-1"),
        (lambda: DDPMSampler(SCHEDULE)(None, X_T, steps=41), "`steps`.*41"),
        (lambda: DDPMSampler(SCHEDULE)(None, X_T, steps=[1, 2]), "`steps`"),
        (lambda: DDPMSampler(SCHEDULE)(None, X_T, steps=4, skip=4), "`skip`.*0 to 3.*4"),
        (lambda: DDPMSampler(SCHEDULE)(None, X_T, steps=4, skip=-1), "`skip`.*-1"),
        (lambda: DDPMSampler(SCHEDULE)(None, X_T, steps=4, skip=0.5), "`skip`.*0.5"),
        (lambda: DDPMSampler(SCHEDULE)(None, X_T, resample=(0, 2)), "`resample`.*0, 2"),
        (lambda: DDPMSampler(SCHEDULE)(None, X_T, resample=(1, 2, 3)), "`resample`.*1, 2, 3"),
        (lambda: DDPMSampler(SCHEDULE)(None, X_T, resample=4), "`resample`.*4"),
        (lambda: DDPMSampler(SCHEDULE)(None, noise((5,))), "batch.*5"),
        (lambda: DDPMSampler(SCHEDULE)(None, noise((0, 4, 4, 2))), "not empty.*0, 4, 4, 2"),
        (
            lambda: DDPMSampler(SCHEDULE).sample(lambda x, t: x, X_T, adjust=lambda point: point.x[:1]),
            "`adjust` must return the shape of x.*3, 4, 4, 2.*1, 4, 4, 2",
        ),
        (lambda: DDPMSampler(SCHEDULE).sample(lambda x, t: x[..., :1], X_T), "shape of x.*4, 4, 1"),
        (
            lambda: DDIMSampler(SCHEDULE).sample(lambda x, t: ops.concatenate([x, x], -1), X_T),
            "learned variance",
        ),
        (
            lambda: DDPMSampler(SCHEDULE, variance="learned").sample(lambda x, t: x, X_T),
            "learned variance needs 2C",
        ),
    ],
)
def test_bad_input_is_refused(fault, words):
    with pytest.raises(ValueError, match=words):
        fault()


def test_bare_sampler_has_no_step():
    with pytest.raises(NotImplementedError, match="Sampler"):
        Sampler(SCHEDULE).table()
