"""Interleaving, ratios, records, and that the slow side of the comparisons computes the same as the course."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from common import record
from common.interleave import interleave
from common.tutorial import TutorialDiffusion

from diffusion_course.prediction import to_x0
from diffusion_course.samplers.ddpm import DDPMSampler
from diffusion_course.schedules import NoiseSchedule

SCHEDULE = NoiseSchedule.linear(500)
X = np.random.default_rng(0).standard_normal((3, 4, 4, 1)).astype("float32")


def test_ways_take_turns_after_a_warm_up():
    order, now = [], [0.0]

    def way(name, seconds, units):
        def run():
            order.append(name)
            now[0] += seconds
            return units

        return run

    seconds = interleave({"a": way("a", 6.0, 3), "b": way("b", 1.0, 2)}, 2, clock=lambda: now[0])
    assert "".join(order) == "ab" + "ab" + "ba"
    assert seconds == {"a": [2.0, 2.0], "b": [0.5, 0.5]}
    assert record.median_ratio(seconds["a"], seconds["b"]) == 4
    with pytest.raises(ValueError, match="`rounds`.*Received: rounds=0"):
        interleave({}, 0)


def test_ratio_is_the_median_of_the_rounds():
    # The machine was ten times slower in the second round: a ratio of means would be led by it.
    assert record.median_ratio([2.0, 20.0, 9.0], [1.0, 10.0, 1.0]) == 2


def test_record_holds_hardware_versions_and_short_numbers(tmp_path):
    path = record.write("x", record.rounded({**record.environment(), "value": [1.23456789]}), tmp_path)
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["value"] == [1.235] and content["hardware"]["devices"]
    assert content["versions"]["keras"] == keras.__version__ and content["versions"]["python"]
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("fpu avx2 avx512f", "Some CPU, AVX-512"), ("fpu avx2", "Some CPU, AVX2"), ("fpu", "Some CPU")],
)
def test_processor_is_named_with_its_vectors(flags, expected):
    one = f"processor\t: 0\nmodel name\t: Some CPU\nflags\t\t: {flags}\n\n"
    assert record.processor_in(one + one) == expected
    assert record.processor_in("processor\t: 0\nFeatures\t: fp asimd\n") is None


def network(inputs):
    return 0.3 * inputs["x"] + 0.1


def test_tutorial_step_has_the_moments_of_the_posterior():
    tutorial, t = TutorialDiffusion(SCHEDULE), 200
    many = np.tile(X[:1], (20_000, 1, 1, 1))
    steps = tutorial.step(network, many, np.full(len(many), t, "int32")).numpy()
    x0 = np.clip(to_x0("noise", network({"x": X[:1]}), X[:1], SCHEDULE.signal[t], SCHEDULE.sigma[t]), -1, 1)
    mean, variance = SCHEDULE.posterior(x0, X[:1], t)
    np.testing.assert_allclose(
        steps.mean(axis=0), mean[0], atol=4 * float(variance) ** 0.5 / len(many) ** 0.5 + 1e-3
    )
    np.testing.assert_allclose(steps.var(), float(variance) + np.var(mean), rtol=0.02)


def test_last_tutorial_step_is_the_sampler_s():
    tutorial = TutorialDiffusion(SCHEDULE)
    last = tutorial.step(network, X, np.zeros(3, "int32"))
    sampler = DDPMSampler(SCHEDULE)
    row = {name: column[0] for name, column in sampler.table().items()}
    x0 = np.clip(row["c_x"] * X + row["c_p"] * network({"x": X}), -1, 1)
    assert row["s"] == 0
    np.testing.assert_allclose(last, row["a"] * x0 + row["b"] * X, atol=1e-5)


def test_tutorial_keeps_the_film_and_trains():
    tutorial = TutorialDiffusion(SCHEDULE)
    film = tutorial.sample(network, (2, 4, 4, 1), 5)
    assert len(film) == 5 and all(isinstance(x, np.ndarray) and x.shape == (2, 4, 4, 1) for x in film)
    np.testing.assert_allclose(
        tutorial.noisy(X, np.array([0, 250, 499]), X),
        SCHEDULE.add_noise(X, X, np.array([0, 250, 499])),
        atol=1e-5,
    )
    keras.utils.set_random_seed(0)
    x, t = keras.Input((4, 4, 1), name="x"), keras.Input((), dtype="int32", name="t")
    model = keras.Model({"x": x, "t": t}, keras.layers.Conv2D(1, 1, kernel_initializer="zeros")(x))
    model.compile(keras.optimizers.Adam(0.01), loss="mse")
    pictures = tf.zeros((64, 4, 4, 1))  # then x_t is the noise, scaled: the kernel must grow
    losses = [tutorial.train_step(model, pictures) for _ in range(40)]
    assert 0.8 < losses[0] < 1.1 and losses[-1] < losses[0] - 0.2
