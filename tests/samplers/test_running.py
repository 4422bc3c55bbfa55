"""The three ways of running give the same picture; what is traced, told to the network, and refused."""

import keras
import numpy as np
import pytest
from keras import ops
from oracles import array, noise

from diffusion_course.samplers import walk
from diffusion_course.samplers.base import Sampler
from diffusion_course.samplers.ddim import DDIMSampler
from diffusion_course.samplers.ddpm import DDPMSampler
from diffusion_course.samplers.dpm_solver import DPMSolverSampler
from diffusion_course.samplers.walk import KEPT
from diffusion_course.schedules import NoiseSchedule

SCHEDULE = NoiseSchedule.cosine(40)
TRACES = keras.backend.backend() in ("tensorflow", "jax")
X_T = noise((3, 4, 4, 2))


def network(outputs=2):
    """A small random network of x and t, as (denoise, model)."""
    keras.utils.set_random_seed(0)
    x, t = keras.Input((4, 4, 2)), keras.Input((), dtype="int32")
    time = keras.layers.Dense(8)(keras.layers.Reshape((1,))(ops.cast(t, "float32") / 40))
    h = keras.layers.Conv2D(8, 3, padding="same")(x) + keras.layers.Reshape((1, 1, 8))(time)
    h = keras.layers.Conv2D(outputs, 3, padding="same")(ops.silu(h))
    model = keras.Model({"x": x, "t": t}, h)
    return (lambda x, t: model({"x": x, "t": t})), model


def counted(inner):
    """A denoiser, and a list that grows by one whenever Python runs it: at each trace, not at each step."""
    calls = []

    def denoise(x, t):
        calls.append(1)
        return inner(x, t)

    return denoise, calls


MAKERS = {
    "ddpm": (2, lambda **options: DDPMSampler(SCHEDULE, **options)),
    "ddpm learned": (4, lambda **options: DDPMSampler(SCHEDULE, variance="learned", **options)),
    "ddim": (2, lambda **options: DDIMSampler(SCHEDULE, **options)),
    "ddim 0.7": (2, lambda **options: DDIMSampler(SCHEDULE, eta=0.7, **options)),
    "dpm": (2, lambda **options: DPMSolverSampler(SCHEDULE, **options)),
    "dpm 1": (2, lambda **options: DPMSolverSampler(SCHEDULE, eta=1.0, **options)),
}


@pytest.mark.parametrize("name", MAKERS)
def test_three_ways_of_running_agree(name):
    outputs, make = MAKERS[name]
    denoise, _ = network(outputs)
    compiled, plain, xla = make(), make(compile=False), make(jit=True)
    for steps, seed in ((None, 0), (7, 3)):
        films = [list(sampler(denoise, X_T, steps=steps, seed=seed)) for sampler in (compiled, plain)]
        assert len(films[0]) == len(films[1]) == (steps or 40)
        for (x, x0_hat), (y, y0_hat) in zip(*films, strict=True):
            np.testing.assert_allclose(array(x), array(y), atol=1e-4)
            np.testing.assert_allclose(array(x0_hat), array(y0_hat), atol=1e-3)
        for sampler in (compiled, plain, xla):
            np.testing.assert_allclose(
                array(sampler.sample(denoise, X_T, steps=steps, seed=seed)), array(films[0][-1][0]), atol=1e-4
            )


@pytest.mark.parametrize("name", MAKERS)
def test_seed_decides_where_there_is_noise(name):
    outputs, make = MAKERS[name]
    denoise, _ = network(outputs)
    sampler = make()
    a, again, other = (array(sampler.sample(denoise, X_T, steps=5, seed=s)) for s in (1, 1, 2))
    assert (a == again).all()
    assert (a == other).all() == (name in ("ddim", "dpm"))


@pytest.mark.skipif(not TRACES, reason="nothing is traced")
def test_each_way_is_traced_once():
    denoise, calls = counted(network()[0])
    sampler = DDPMSampler(SCHEDULE)
    list(sampler(denoise, X_T, steps=3))
    sampler.sample(denoise, X_T, steps=3)
    first = len(calls)
    assert first <= 4  # JAX looks at a function once more, to see which weights it reads
    for steps, seed in ((3, 1), (9, 2), (None, 3), ([5, 39], 4)):
        list(sampler(denoise, X_T, steps=steps, seed=seed))
        sampler.sample(denoise, X_T, steps=steps, seed=seed)
    assert len(calls) == first


@pytest.mark.skipif(not TRACES, reason="nothing is traced")
def test_samplers_share_what_is_compiled_and_keep_their_numbers():
    inner, _ = network()
    denoise, calls = counted(inner)
    samplers = [
        DDIMSampler(SCHEDULE, eta=0.5),
        DDIMSampler(SCHEDULE, eta=1.0, clip=(-2.0, 2.0)),
        DDPMSampler(SCHEDULE),
    ]
    pictures, counts = [], []
    for sampler in samplers:
        pictures.append(array(sampler.sample(denoise, X_T, steps=7)))
        counts.append(len(calls))
    assert counts[0] == counts[1] == counts[2]
    for sampler, picture in zip(samplers, pictures, strict=True):
        sampler._compile = False
        np.testing.assert_allclose(picture, array(sampler.sample(inner, X_T, steps=7)), atol=1e-4)
    # A walk without noise is another graph, and so is a single step, but neither traces the network again
    DDIMSampler(SCHEDULE).sample(denoise, X_T, steps=7)
    list(DDIMSampler(SCHEDULE)(denoise, X_T, steps=7))
    assert len(calls) == counts[0]


def test_few_denoisers_are_kept_and_the_last_used_ones():
    sampler = DDIMSampler(SCHEDULE)
    denoisers = [lambda x, t, k=k: 0 * x + k for k in range(KEPT + 2)]
    for denoise in (*denoisers[:KEPT], denoisers[0], *denoisers[KEPT:]):
        sampler.sample(denoise, X_T, steps=1)
    kept = [entry[0] for entry in walk._kept]
    assert kept == [*denoisers[3:KEPT], denoisers[0], *denoisers[KEPT:]]


@pytest.mark.parametrize("way", ["step", "loop"])
def test_compiled_sampler_uses_the_weights_of_the_moment(way):
    denoise, model = network()
    sampler, plain = DDIMSampler(SCHEDULE), DDIMSampler(SCHEDULE, compile=False)

    def run():
        if way == "loop":
            return array(sampler.sample(denoise, X_T, steps=4))
        return array(list(sampler(denoise, X_T, steps=4))[-1][0])

    before = run()
    for weight in model.weights:
        weight.assign(-0.5 * weight)
    after = run()
    assert np.abs(after - before).max() > 0.01
    np.testing.assert_allclose(after, array(plain.sample(denoise, X_T, steps=4)), atol=1e-4)


def test_network_is_told_the_original_steps_as_int32():
    told = []

    def denoise(x, t):
        assert keras.backend.standardize_dtype(t.dtype) == "int32" and tuple(t.shape) == (3,)
        told.append(array(t).tolist())
        return 0 * x

    list(DDPMSampler(SCHEDULE, compile=False)(denoise, X_T, steps=4))
    assert told == [[t] * 3 for t in (39, 29, 19, 9)]
    # ... also where it is compiled: a prediction of x0 that is t itself shows it.
    sampler = DDIMSampler(SCHEDULE, prediction="x0", clip=None)
    film = sampler(lambda x, t: 0 * x + ops.cast(ops.reshape(t, (-1, 1, 1, 1)), "float32"), X_T, steps=4)
    assert [float(array(x0_hat).mean()) for _, x0_hat in film] == [39, 29, 19, 9]


def test_half_precision_network_gives_float32_pictures():
    x = DDPMSampler(SCHEDULE).sample(lambda x, t: ops.cast(0.1 * x, "float16"), X_T, steps=3)
    assert keras.backend.standardize_dtype(x.dtype) == "float32"


def test_deterministic_walk_draws_no_noise(monkeypatch):
    def refuse(*args):
        raise AssertionError("noise was drawn")

    monkeypatch.setattr("diffusion_course.samplers.walk.stateless_normal", refuse)
    DDIMSampler(SCHEDULE).sample(lambda x, t: 0.1 * x, X_T, steps=3)
    list(DDIMSampler(SCHEDULE, compile=False)(lambda x, t: 0.1 * x, X_T, steps=3))
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
        (lambda: DDPMSampler(SCHEDULE)(None, X_T, steps=41), "`steps`.*41"),
        (lambda: DDPMSampler(SCHEDULE)(None, X_T, steps=[1, 2]), "`steps`"),
        (lambda: DDPMSampler(SCHEDULE)(None, noise((5,))), "batch.*5"),
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
