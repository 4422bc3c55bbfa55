"""How recipes are computed: as a profile advises or as asked for, and measured in float32 on one device in any case."""

import os
import subprocess
import sys
from functools import partial

import keras
import numpy as np
import pytest

from diffusion_course import recipes
from diffusion_course.models import presets
from diffusion_course.models.presets import Preset
from diffusion_course.recipes import computing, groups
from diffusion_course.recipes.base import Recipe
from diffusion_course.recipes.computing import Computing, plan_computing
from diffusion_course.schedules import NoiseSchedule
from diffusion_course.training import devices as devices_module
from diffusion_course.training.diffusion import DiffusionTrainer, train_diffusion

RESUMABLE = Recipe("none", None, None, tidy=lambda profile, seed: None)
BRIEF = Recipe("none", None, None)


@pytest.fixture
def gpus(monkeypatch):
    """A machine with two GPUs that are fast in bfloat16, as far as plans go."""
    monkeypatch.setattr(computing, "half_precision", lambda: "mixed_bfloat16")
    monkeypatch.setattr(devices_module, "parallel_devices", lambda: ["GPU:0", "GPU:1"])
    monkeypatch.setattr(keras.backend, "backend", lambda: "tensorflow")


def test_full_takes_what_a_gpu_is_fast_in_and_nothing_else_does(gpus, monkeypatch):
    plan = partial(plan_computing, "name", RESUMABLE)
    assert plan("full") == Computing(1, "mixed_bfloat16", True)
    assert plan("full", devices=2) == Computing(2, "mixed_bfloat16", None)  # not with XLA, on TensorFlow
    assert plan("full", dtype="float32", jit_compile=False) == Computing(1, None, False)
    assert plan("standard") == plan("quick") == Computing()
    assert plan("standard", dtype="mixed_float16") == Computing(1, "mixed_float16", None)
    assert plan_computing("name", BRIEF, "full") == Computing()
    monkeypatch.setattr(computing, "half_precision", lambda: None)  # no GPU
    assert plan("full") == Computing()


def test_what_cannot_be_computed_so_is_refused(gpus):
    for recipe, how, words in (
        (RESUMABLE, {"dtype": "float8"}, "`dtype` must be one of float32, .*Received: dtype='float8'"),
        (RESUMABLE, {"devices": 3}, "at most 2"),
        (BRIEF, {"devices": 2}, "name trains in minutes. Received: devices=2"),
        (BRIEF, {"dtype": "mixed_float16"}, "name trains in minutes"),
        (BRIEF, {"jit_compile": True}, "name trains in minutes"),
    ):
        with pytest.raises(ValueError, match=words):
            plan_computing("name", recipe, "standard", **how)


def test_a_card_says_how_it_was_computed():
    assert Computing().words() == "float32"
    assert Computing(2, "mixed_float16", True).words() == "mixed_float16, XLA, on 2 devices"


def test_every_recipe_that_is_told_how_to_compute_goes_on_from_checkpoints():
    """The larger network is one of them, and so are all members of groups: `full` holds for all of Scenes."""
    for group in groups.GROUPS:
        assert all(recipes.RECIPES[name].tidy for name in groups.members(group))
    assert "unet-scenes-96" not in recipes.names() and "unet-scenes-96" in recipes.names(every=True)
    small, large = (presets.build(name).count_params() for name in ("unet-scenes", "unet-scenes-96"))
    assert large > 3 * small


def test_weights_that_do_not_come_with_the_course_need_a_folder():
    with pytest.raises(ValueError, match="unet-scenes-96 does not come with the course.*--folder"):
        recipes.train("unet-scenes-96")


def tiny():
    """A network that XLA has compiled in a moment."""
    x, t = keras.Input((8, 8, 1), name="x"), keras.Input((), dtype="int32", name="t")
    h = keras.layers.Conv2D(4, 3, padding="same", activation="silu", name="first")(x)
    said = keras.layers.Conv2D(1, 3, padding="same", name="last")(h)
    return keras.Model({"x": x, "t": t}, said, name="tiny")


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_the_plan_of_full_runs(monkeypatch, tmp_path, dtype):
    monkeypatch.setattr(computing, "half_precision", lambda: dtype)
    monkeypatch.setitem(presets.PRESETS, "tiny", Preset(tiny))
    monkeypatch.setattr(presets, "SHIPPED", ("tiny",))
    seen = {}

    def train(network, profile, seed):
        trainer = DiffusionTrainer(network, NoiseSchedule.cosine(40))
        x = np.linspace(-1, 1, 8 * 64, dtype="float32").reshape(8, 8, 8, 1)
        history = train_diffusion(trainer, x, steps=3, warmup=1, batch_size=8, optimizer="muon")
        seen["trained"] = (network.dtype_policy.name, trainer.jit_compile)
        seen["scaled"] = isinstance(trainer.optimizer, keras.optimizers.LossScaleOptimizer)
        assert np.isfinite(history["loss"]).all()

    def evaluate(network):
        seen["measured"] = network.dtype_policy.name
        return {"size": float(np.abs(network.get_weights()[0]).mean())}

    monkeypatch.setitem(
        recipes.RECIPES, "tiny", Recipe("none", train, evaluate, tidy=lambda profile, seed: None)
    )
    recipes.train("tiny", "full", folder=tmp_path)
    assert seen == {
        "trained": (dtype, True),
        "scaled": dtype == "mixed_float16",
        "measured": "float32",
    }
    card = (tmp_path / "tiny.md").read_text(encoding="utf-8")
    assert f"| trained in | {dtype}, XLA |" in card


@pytest.mark.slow
def test_the_larger_network_trains_as_full_would(tmp_path):
    found = recipes.train(
        "unet-scenes-96", "quick", folder=tmp_path, dtype="mixed_bfloat16", jit_compile=True
    )
    assert all(np.isfinite(value) for value in found.values())


ON_TWO = """
import os, sys
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
if os.environ["KERAS_BACKEND"] == "tensorflow":
    import tensorflow as tf
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from diffusion_course.cli import app
app(["train", "unet-scenes", "--profile", "quick", "--devices", "2", "--folder", sys.argv[1]])
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_the_command_trains_on_two_devices(tmp_path, backend):
    environment = {**os.environ, "KERAS_BACKEND": backend}
    done = subprocess.run(
        [sys.executable, "-c", ON_TWO, tmp_path], env=environment, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "on 2 devices" in (tmp_path / "unet-scenes.md").read_text(encoding="utf-8")
