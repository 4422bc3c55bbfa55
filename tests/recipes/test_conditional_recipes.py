"""Recipes of chapter 13: conditions as promised, and measures that know a blind network from one that sees."""

import keras
import numpy as np
import pytest

from diffusion_course.models import presets
from diffusion_course.pipelines.diffusion import pipeline_for
from diffusion_course.recipes import conditional


def test_steps_are_spread_over_the_whole_schedule():
    t = conditional.spread_steps(250, 1_000)
    assert sorted(t) == list(range(0, 1_000, 4)) and (np.diff(t) < 0).any()


def test_noised_pictures_have_the_variance_of_the_schedule():
    schedule = pipeline_for("unet-mnist-classes", None).schedule
    x = np.full((2_000, 4, 4, 1), 0.5, "float32")
    t = np.repeat([10, 900], 1_000)
    x_t, noise, signal, sigma = conditional.noised(schedule, x, t)
    np.testing.assert_allclose(signal**2 + sigma**2, 1, rtol=1e-5)
    for rows in (slice(0, 1_000), slice(1_000, None)):
        np.testing.assert_allclose(x_t[rows].mean(), 0.5 * signal[rows].mean(), atol=0.02)
        np.testing.assert_allclose(x_t[rows].std(), sigma[rows].mean(), rtol=0.03)
    np.testing.assert_allclose(x_t, signal * x + sigma * noise, rtol=1e-6)


def test_both_paths_of_a_text_come_from_the_shipped_encoder():
    told = conditional.told_by(["", "a large red star at the top left on a blue background"])
    assert told["context"].shape == (2, 32, 128) and told["pooled"].shape == (2, 128)
    np.testing.assert_allclose(
        told["pooled"][0], told["context"][0, 1], atol=1e-5
    )  # start, then the end token
    for name, value in conditional.told_nothing().items():
        np.testing.assert_array_equal(value, told[name][0])
    network = presets.build("unet-scenes-pixels")
    assert {"context", "pooled"} <= set(network.input)


def test_drops_every_condition_of_the_network():
    assert set(presets.PRESETS["unet-mnist-classes"].unconditional) == {"label"}
    assert presets.PRESETS["unet-mnist-classes"].unconditional["label"] == 10  # one more than the last digit


def knows(pictures, schedule):
    """A network that draws what it is told to: its guess of the clean picture is a real one of the class."""
    inputs = {"x": keras.Input((28, 28, 1), name="x")}
    inputs |= {name: keras.Input((), dtype="int32", name=name) for name in ("t", "label")}
    signal, sigma = schedule.at(schedule.signal, inputs["t"]), schedule.at(schedule.sigma, inputs["t"])
    table = keras.layers.Embedding(11, 28 * 28, embeddings_initializer=keras.initializers.Constant(0))
    x0 = keras.ops.reshape(table(inputs["label"]), (-1, 28, 28, 1))
    table.set_weights([pictures.reshape(11, 28 * 28)])
    noise = (inputs["x"] - signal * x0) / sigma
    network = keras.Model(inputs, signal * noise - sigma * x0)  # velocity
    network.image_shape = (28, 28, 1)
    return network


def test_the_share_of_the_asked_class_is_one_for_a_network_that_knows_and_a_tenth_for_one_that_does_not():
    schedule = pipeline_for("unet-mnist-classes", None).schedule
    x, labels = conditional.test_data("mnist")
    judge = presets.load_pretrained("classifier-mnist")
    sure = judge.probabilities(x[:500]).max(axis=1) > 0.999
    rows = [np.flatnonzero((labels[:500] == digit) & sure)[0] for digit in range(10)]
    pictures = 2 * np.concatenate([x[rows], x[rows[:1]]]) - 1  # no label: a zero
    assert conditional.asked_share(knows(pictures, schedule), count=40, scale=1.0) == 1.0
    only_zeros = np.repeat(pictures[:1], 11, axis=0)
    assert conditional.asked_share(knows(only_zeros, schedule), count=40, scale=1.0) == pytest.approx(0.1)
