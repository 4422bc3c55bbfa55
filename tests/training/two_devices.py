"""Trains small networks on one device and on two halves of a CPU, and prints what came of it as JSON.

A program of its own, because a backend divides the CPU before it is used for the first time, or never.
"""

import json
import os
import sys
from pathlib import Path

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"  # JAX
if os.environ["KERAS_BACKEND"] == "tensorflow":
    import tensorflow as tf

    halves = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], halves)

import keras
import numpy as np
from keras import layers, ops

from diffusion_course.backend import parallel_devices
from diffusion_course.models.clip import unit_length
from diffusion_course.schedules import NoiseSchedule
from diffusion_course.training.autoencoder_kl import AutoencoderKLTrainer, train_autoencoder_kl
from diffusion_course.training.contrastive import ContrastiveTrainer, train_contrastive
from diffusion_course.training.devices import training_on
from diffusion_course.training.diffusion import DiffusionTrainer, train_diffusion

RNG = np.random.default_rng(0)
X = RNG.uniform(-1, 1, (32, 4, 4, 2)).astype("float32")
LABELS = (np.arange(32) % 3).astype("int32")
IDS = np.stack([LABELS, np.arange(32)], axis=1).astype("int32")
HOW = {"steps": 6, "batch_size": 8, "warmup": 1, "steps_per_epoch": 2, "learning_rate": 2e-2}


def denoiser():
    """A kernel for Muon, a matrix, a bias, and a table for Adam; from noise, step and label."""
    x = keras.Input((4, 4, 2), name="x")
    t, label = (keras.Input((), dtype="int32", name=name) for name in ("t", "label"))
    told = layers.Embedding(4, 6, name="label_embedding")(label)
    told += layers.Dense(6, use_bias=False)(ops.reshape(ops.cast(t, "float32") / 40, (-1, 1)))
    h = layers.Conv2D(6, 3, padding="same")(x) + ops.reshape(told, (-1, 1, 1, 6))
    return keras.Model({"x": x, "t": t, "label": label}, layers.Conv2D(2, 3, padding="same")(ops.silu(h)))


class Squeezer(keras.Model):
    """As much of an autoencoder as its trainer needs."""

    def __init__(self):
        super().__init__()
        self.ends = [layers.Dense(n) for n in (2, 2)]
        for end, n in zip(self.ends, (2, 1), strict=True):
            end.build((None, None, None, n))
        self.built = True

    def encode(self, x, training=False):
        return ops.split(self.ends[0](x), 2, axis=-1)

    def sample(self, mean, log_variance, noise):
        return mean + ops.exp(0.5 * log_variance) * noise

    def decode(self, z, training=False):
        return self.ends[1](z)


class Pairs(keras.Model):
    """The mean colour through a matrix, and a vector for each token."""

    def __init__(self):
        super().__init__()
        self.dense, self.table = layers.Dense(3), layers.Embedding(32, 3)
        self.dense.build((None, 2))
        self.table.build((None,))
        self.log_scale = self.add_weight(initializer="ones", name="log_scale")
        self.built = True

    def call(self, x):
        image = self.dense(ops.mean(x["image"], axis=(1, 2)))
        return {"image": unit_length(image), "text": unit_length(self.table(x["ids"][:, 1]))}


def diffusion(optimizer, **how):
    told = {"unconditional": {"label": 3}, "drop_rate": 0.4}
    trainer = DiffusionTrainer(denoiser(), NoiseSchedule.cosine(40), focus=how.pop("focus", None), **told)
    history = train_diffusion(
        trainer, X, conditions={"label": LABELS}, optimizer=optimizer, **{**HOW, "ema": 0.9, **how}
    )
    return trainer, history


def autoencoder():
    trainer = AutoencoderKLTrainer(Squeezer(), kl_weight=0.1)
    return trainer, train_autoencoder_kl(trainer, X, **HOW)


def contrastive():
    trainer = ContrastiveTrainer(Pairs())
    return trainer, train_contrastive(trainer, X, IDS, keys=np.arange(32), optimizer="muon", **HOW)


class Stop(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        raise KeyboardInterrupt


def resumed(path, devices_before, devices_after):
    """A training that is interrupted after two of its six steps, and goes on elsewhere."""
    try:
        with training_on(devices_before):
            keras.utils.set_random_seed(0)
            diffusion("muon", checkpoint=path, callbacks=[Stop()])
    except KeyboardInterrupt:
        pass
    return on(devices_after, lambda: diffusion("muon", checkpoint=path))


def on(devices, train):
    """The history and all weights, those of generators of random numbers included."""
    with training_on(devices):
        keras.utils.set_random_seed(0)
        trainer, history = train()
        weights = [ops.convert_to_numpy(v).astype("float64").ravel().tolist() for v in trainer.weights]
    return {"history": {k: v for k, v in history.items() if k != "seconds"}, "weights": weights}


def refusals():
    """What must not be asked for, and what was said to it."""
    said = {}
    for name, devices, batch_size in (("three", 3, 8), ("none", 0, 8), ("half", 0.5, 8), ("odd", 2, 7)):
        try:
            on(devices, lambda batch_size=batch_size: diffusion("adam", batch_size=batch_size))
        except ValueError as error:
            said[name] = str(error)
    return said


def main(folder):
    found = {"devices": parallel_devices(), "refusals": refusals()}
    cases = {
        "adam": lambda: diffusion("adam"),
        "muon, focused": lambda: diffusion("muon", focus=(0.0, 1.0)),
        "autoencoder": autoencoder,
        "contrastive": contrastive,
    }
    found["cases"] = {name: [on(devices, train) for devices in (1, 2)] for name, train in cases.items()}
    whole = on(1, lambda: diffusion("muon"))
    found["resumed"] = [whole, *(resumed(folder / f"{a}{b}.safetensors", a, b) for a, b in ((1, 2), (2, 1)))]
    (folder / "found.json").write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
