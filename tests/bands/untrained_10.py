"""Chapter 10 with networks that were never trained, for `test_untrained`; the toy and the judge stay what they are."""

import keras
import numpy as np
from keras import layers, ops

from diffusion_course.datasets.images import load_mnist
from diffusion_course.datasets.mixture import three_humps
from diffusion_course.metrics.generation import Ruler
from diffusion_course.models import presets
from diffusion_course.pipelines.diffusion import pipeline_for
from diffusion_course.samplers.flow import last_x
from diffusion_course.samplers.langevin import langevin_sample, langevin_step
from diffusion_course.samplers.score import DenoiserScore

COUNT, HIGHEST, LOWEST = 2000, 6.0, 0.1


def score_network():
    """The chapter's network for points in a plane."""
    point, level = keras.Input((2,), name="x"), keras.Input((1,), name="sigma")
    h = layers.Concatenate()([point / ops.sqrt(6.0 + level**2), ops.log(level) / 2])
    for _ in range(3):
        h = layers.Dense(128, activation="silu")(h)
    return keras.Model({"x": point, "sigma": level}, layers.Dense(2)(h))


def plane():
    """Metrics of the toy."""
    toy, network, rng = three_humps(), score_network(), np.random.default_rng(0)

    def learned(x, sigma):
        told = {"x": x.astype("float32"), "sigma": np.full((len(x), 1), sigma, "float32")}
        return -network.predict(told, batch_size=len(x), verbose=0) / sigma

    def walk(score, levels, size, repeats):
        x = HIGHEST * np.random.default_rng(0).standard_normal((COUNT, 2))
        for sigma, h in zip(levels, size, strict=True):
            for _ in range(repeats):
                x = langevin_step(x, score(x, sigma), h, rng.standard_normal(x.shape))
        return float(np.abs(toy.shares_of(x) - toy.shares).max())

    levels = np.geomspace(HIGHEST, LOWEST, 50)
    learned_error = walk(learned, levels, 0.2 * levels**2, 4)
    plain_error = walk(toy.score, [LOWEST], [0.02], 600)
    errors = []
    for sigma in (0.1, 0.3, 1.0, 3.0, 6.0):
        x = toy.sample(2000, rng) + sigma * rng.standard_normal((2000, 2))
        truth = toy.score(x, sigma)
        errors.append(np.linalg.norm(learned(x, sigma) - truth) / np.linalg.norm(truth))
    return {
        "learned_error": learned_error,
        "annealing_gain": plain_error - learned_error,
        "score_error": float(np.mean(errors)),
    }


def digits():
    """Metrics of the digits: an untrained U-Net in place of the shipped one."""
    (x_test, _), judge = load_mnist(split="test"), presets.load_pretrained("classifier-mnist")
    pipeline = pipeline_for("unet-mnist", presets.build("unet-mnist"))
    score = DenoiserScore(pipeline.denoise, pipeline.schedule, prediction=pipeline.prediction)
    ruler = Ruler(judge, x_test[:2000], samples=64, splits=4)
    levels = score.levels(20, 0.05, 8)

    def pictures(levels, repeats):
        x = langevin_sample(score, 20 * pipeline.noise(64), levels, repeats=repeats, size=0.5)
        return np.clip((ops.convert_to_numpy(x) + 1) / 2, 0, 1)

    annealed, single = pictures(levels, 3), pictures(score.levels(0.1, 0.1, 1), 24)
    found = {}
    for name, level in (("as it is", 0.01), ("filled", 0.2)):
        up = score.levels(80, level, 9)[::-1]
        x = (
            2 * x_test[:64]
            - 1
            + 0.2 * (level == 0.2) * np.random.default_rng(0).standard_normal((64, 28, 28, 1))
        )
        end = last_x(score.noise, x, up if level == 0.2 else np.append(0.0, up))
        found[name] = float(ops.std(end)) / np.sqrt(1 + up[-1] ** 2)
    return {
        "langevin_fid_ratio": ruler.fid(annealed) / ruler.floor,
        "fid_over_lowest": ruler.fid(annealed) / ruler.fid(single),
        "filled_deviation": found["filled"],
        "deviation_gained": found["filled"] - found["as it is"],
    }


def untrained_10():
    """The chapter's metrics, of networks with their first weights."""
    return {**plane(), **digits()}
