"""Guidance against closed forms."""

import json
from pathlib import Path

import numpy as np
import pytest
from helpers import numpy
from keras import ops

from diffusion_course.models.guidance import (
    classifier_free,
    classifier_gradient,
    classifier_guided,
    guided,
    rescaled,
)
from diffusion_course.models.noisy_classifier import NoisyClassifier
from diffusion_course.prediction import PREDICTIONS, target
from diffusion_course.samplers.ddim import DDIMSampler
from diffusion_course.schedules import NoiseSchedule

X = np.random.default_rng(0).standard_normal((20, 1_000, 1, 1)).astype("float32")


def test_weight_interpolates_and_extrapolates():
    towards = {w: guided(lambda x, t: 3 * x, lambda x, t: x + t, w)(X, 2) for w in (0, 1, 2)}
    np.testing.assert_allclose(towards[0], X + 2)
    np.testing.assert_allclose(towards[1], 3 * X, atol=1e-5)
    np.testing.assert_allclose(towards[2], 5 * X - 2, atol=1e-5)
    with pytest.raises(
        ValueError, match="`guidance_scale` must be a finite number. Received: guidance_scale=nan"
    ):
        guided(None, None, float("nan"))


def test_guidance_narrows_what_a_blurred_network_spreads():
    # Data is N(0, 0.5^2). The denoiser believes in a spread of 0.6, a weaker one in 0.7: both are too wide, in the
    # same direction, and twice the difference leads back to the truth, as in the paper's argument.
    schedule = NoiseSchedule.cosine(1000)

    def believes(spread):
        def x0(x, t):
            signal, sigma = (schedule.at(column, t) for column in (schedule.signal, schedule.sigma))
            return signal * spread**2 / (signal**2 * spread**2 + sigma**2) * x

        return x0

    sampler = DDIMSampler(schedule, prediction="x0", clip=None)
    made = {
        w: float(np.std(sampler.sample(guided(believes(0.6), believes(0.7), w), X, steps=400)))
        for w in (0, 1, 2)
    }
    assert made[0] == pytest.approx(0.7, rel=0.03) and made[1] == pytest.approx(0.6, rel=0.03)
    assert abs(made[2] - 0.5) < abs(made[1] - 0.5) / 2


# ---------------------------------------------------------------- by a classifier

# Points of two numbers: a mixture of four Gaussians of spread 0.3, the first three of class 0, the last of class 1.
SCHEDULE = NoiseSchedule.cosine(100)
MEANS = np.array([[-1.0, 0.0], [0.0, 1.0], [1.5, 0.2], [0.3, -1.0]])
SHARES, SPREAD = np.array([0.1, 0.3, 0.2, 0.4]), 0.3
MEMBERS = {None: slice(0, 4), 0: slice(0, 3), 1: slice(3, 4)}
STEPS = np.array([2, 30, 60, 90], "int32")
POINTS = np.random.default_rng(3).standard_normal((4, 1, 1, 2)).astype("float32")


def level(column, t, like):
    return np.asarray(column)[t].reshape((-1,) + (1,) * (like.ndim - 1))


def mixture(kind, x, t, members):
    """What a perfect denoiser of those components predicts, in float64, from the responsibilities of Bayes."""
    x, t, members = np.asarray(x, np.float64), np.asarray(t), MEMBERS[members]
    signal, sigma = level(SCHEDULE.signal, t, x), level(SCHEDULE.sigma, t, x)
    variance = signal**2 * SPREAD**2 + sigma**2  # (B, 1, 1, 1)
    away = x - signal * MEANS[members][None, None]  # (B, 1, K, 2)
    weight = SHARES[members] * np.exp(-0.5 * (away**2 / variance).sum(-1))  # (B, 1, K)
    weight /= weight.sum(-1, keepdims=True)
    x0 = MEANS[members] + SPREAD**2 * signal / variance * away  # (B, 1, K, 2), of each component
    x0 = (weight[..., None] * x0).sum(2, keepdims=True)  # (B, 1, 1, 2)
    return target(kind, x0, (x - signal * x0) / sigma, signal, sigma)


def class_logits(x, t):
    """log p(y, x_t) but for a constant of x and t that classes share, of both classes: a perfect noisy classifier."""
    signal, sigma = (
        ops.reshape(ops.take(ops.convert_to_tensor(column, dtype="float32"), t), (-1, 1))
        for column in (SCHEDULE.signal, SCHEDULE.sigma)
    )
    x = ops.reshape(x, (-1, 1, 2))
    away = x - signal[:, :, None] * ops.convert_to_tensor(MEANS, dtype="float32")  # (B, K, 2)
    log = -0.5 * ops.sum(away**2, -1) / (signal**2 * SPREAD**2 + sigma**2)
    log = log + ops.convert_to_tensor(np.log(SHARES), dtype="float32")  # (B, K)
    return ops.stack([ops.logsumexp(log[:, MEMBERS[k]], axis=-1) for k in (0, 1)], axis=-1)


def led(kind, scale, denoise=None, **options):
    levels = {"signal": SCHEDULE.signal, "sigma": SCHEDULE.sigma}
    denoise = denoise or (lambda x, t: mixture(kind, x, t, None).astype("float32"))
    return classifier_guided(
        denoise, classifier_gradient(class_logits), scale, prediction=kind, **levels, **options
    )


@pytest.mark.parametrize("kind", PREDICTIONS)
@pytest.mark.parametrize("label", [0, 1])
def test_a_perfect_classifier_at_scale_1_gives_the_score_of_the_class(kind, label):
    labels = np.full(4, label)
    made = numpy(led(kind, 1.0)(POINTS, STEPS, label=labels))
    np.testing.assert_allclose(made, mixture(kind, POINTS, STEPS, label), rtol=1e-3, atol=1e-4)
    off = numpy(led(kind, 0.0)(POINTS, STEPS, label=labels))
    np.testing.assert_allclose(off, mixture(kind, POINTS, STEPS, None), rtol=1e-5, atol=1e-6)
    assert np.abs(made - off).max() > 0.1


@pytest.mark.parametrize("kind", PREDICTIONS)
@pytest.mark.parametrize("scale", [0.0, 1.0, 3.0])
def test_without_a_classifier_it_is_guidance_by_the_implicit_one(kind, scale):
    def denoise(x, t, label):  # 2 means "no class"
        said = {k: mixture(kind, x, t, k) for k in (0, 1, None)}
        label = numpy(label).reshape(-1, 1, 1, 1)
        return ops.convert_to_tensor(
            np.select([label == 0, label == 1], [said[0], said[1]], said[None]), dtype="float32"
        )

    labels = np.array([0, 1, 1, 0])
    free = numpy(classifier_free(denoise, {"label": 2}, scale)(POINTS, STEPS, label=labels))
    by_classifier = numpy(led(kind, scale, denoise, unconditional={"label": 2})(POINTS, STEPS, label=labels))
    np.testing.assert_allclose(by_classifier, free, rtol=1e-3, atol=3e-4)


def test_sampling_with_a_classifier_gives_points_of_the_class():
    x_T = np.random.default_rng(0).standard_normal((1500, 1, 1, 2)).astype("float32")
    label = np.repeat([0, 1], 750)
    sampler = DDIMSampler(SCHEDULE, prediction="velocity", clip=None)
    made = numpy(sampler.sample(led("velocity", 1.0), x_T, steps=50, label=label)).reshape(-1, 2)
    of_0 = np.average(MEANS[:3], axis=0, weights=SHARES[:3])
    np.testing.assert_allclose(made[label == 0].mean(0), of_0, atol=0.12)
    np.testing.assert_allclose(made[label == 1].mean(0), MEANS[3], atol=0.05)
    np.testing.assert_allclose(made[label == 1].std(0), SPREAD, rtol=0.15)


def test_the_gradient_of_a_network_follows_its_weights():
    network = NoisyClassifier(num_classes=3, image_shape=(8, 8, 1), widths=(8,), num_res_blocks=1)
    gradient = classifier_gradient(lambda x, t: network({"x": x, "t": t}, training=False))
    x = np.random.default_rng(0).standard_normal((2, 8, 8, 1)).astype("float32")
    label = np.array([2, 0])
    np.testing.assert_array_equal(numpy(gradient(x, 5, label)), 0)  # untrained: all classes are as likely
    rng = np.random.default_rng(1)
    for weight in network.trainable_variables:
        weight.assign(0.3 * rng.standard_normal(weight.shape))
    found, d = numpy(gradient(x, 5, label)), 1e-2 * rng.standard_normal(x.shape).astype("float32")

    def log_p(x):
        logits = network({"x": x, "t": np.full(2, 5, "int32")}, training=False)
        return numpy(ops.log_softmax(logits))[np.arange(2), label]

    slope = (log_p(x + d) - log_p(x - d)) / 2  # of each picture: nothing flows from one to the other
    np.testing.assert_allclose((found * d).sum((1, 2, 3)), slope, rtol=0.02, atol=1e-4)


# ---------------------------------------------------------------- rescaling


def test_rescaling_is_that_of_diffusers():
    stored = Path(__file__).parent.parent / "samplers" / "witness" / "numbers.json"
    numbers = json.loads(stored.read_text())["guidance_rescale"]
    blown, conditional = (np.reshape(numbers[key], numbers["shape"]) for key in ("guided", "conditional"))
    blown, conditional = blown.astype("float32"), conditional.astype("float32")
    for share, want in numbers["rescaled"].items():
        made = numpy(rescaled(blown, conditional, float(share)))
        np.testing.assert_allclose(made.ravel(), want, rtol=1e-4, atol=1e-5)
    whole = numpy(rescaled(blown, conditional, 1.0))
    np.testing.assert_allclose(whole.std(axis=(1, 2, 3)), conditional.std(axis=(1, 2, 3)), rtol=1e-4)


def test_classifier_free_rescales_against_the_conditional_prediction():
    def denoise(x, t, label):
        return x * ops.reshape(ops.cast(label, "float32"), (-1, 1, 1, 1))

    label, t = np.array([1, 2, 3, 1]), np.full(4, 5)
    plain, whole = (
        numpy(classifier_free(denoise, {"label": 0}, 4.0, rescale=share)(POINTS, t, label=label))
        for share in (0.0, 1.0)
    )
    own = POINTS * label[:, None, None, None]
    np.testing.assert_allclose(plain, 4 * own, rtol=1e-5)
    np.testing.assert_allclose(
        whole, own, rtol=1e-4, atol=1e-5
    )  # here guidance changes nothing but the spread


def test_guidance_by_classifier_and_rescaling_refuse():
    with pytest.raises(ValueError, match="must be one of noise, x0, velocity. Received: 'score'"):
        led("score", 1.0, denoise=lambda x, t: x)
    with pytest.raises(ValueError, match="finite number. Received: guidance_scale=nan"):
        led("noise", float("nan"))
    for refused in (lambda: rescaled(X, X, 1.5), lambda: classifier_free(None, {}, 2.0, rescale=-0.1)):
        with pytest.raises(ValueError, match="share of rescaling must be from 0 to 1"):
            refused()
