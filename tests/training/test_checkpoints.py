"""Checkpoints: bit by bit as if never stopped, never of another plan, as many steps as asked for, no NaN."""

import json

import keras
import numpy as np
import pytest
from helpers import numpy
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from diffusion_course.course.files import DamagedFile
from diffusion_course.schedules import NoiseSchedule
from diffusion_course.training.callbacks import NotFinite
from diffusion_course.training.checkpoints import (
    OtherPlan,
    fingerprint,
    load_checkpoint,
    save_checkpoint,
)
from diffusion_course.training.diffusion import DiffusionTrainer, train_diffusion

SCHEDULE = NoiseSchedule.cosine(40)
RNG = np.random.default_rng(0)
X = np.where(RNG.random((96, 1, 1, 1)) < 0.5, -0.8, 0.8).astype("float32") * np.ones((1, 8, 8, 1), "float32")


class Small(keras.Model):
    """A kernel, a matrix and their biases; quick to trace."""

    def __init__(self, filters=3):
        super().__init__()
        self.conv = keras.layers.Conv2D(filters, 3, padding="same", activation="silu")
        self.dense = keras.layers.Dense(1)
        self.conv.build((None, 8, 8, 1))
        self.dense.build((None, 8, 8, filters))
        self.built = True

    def call(self, inputs):
        return self.dense(self.conv(inputs["x"]))


def trainer(start=0, schedule=SCHEDULE, filters=3, **kwargs):
    keras.utils.set_random_seed(start)
    return DiffusionTrainer(Small(filters), schedule, **kwargs)


class Stop(keras.callbacks.Callback):
    """Breaks off in the middle of an epoch, as a lost power cable would."""

    def __init__(self, epoch, batch):
        super().__init__()
        self.at, self.epoch = (epoch, batch), 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == self.at:
            raise KeyboardInterrupt


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_interrupted_training_goes_on_bit_by_bit(tmp_path, optimizer):
    how = {"optimizer": optimizer, "steps": 40, "batch_size": 32, "warmup": 5, "steps_per_epoch": 10}
    whole = trainer()
    expected = train_diffusion(whole, X, **how)
    broken = trainer()
    with pytest.raises(KeyboardInterrupt):
        train_diffusion(broken, X, **how, checkpoint=tmp_path / "c.safetensors", callbacks=[Stop(2, 4)])
    resumed = trainer(start=7)  # other weights: all of it must come from the file
    history = train_diffusion(resumed, X, **how, checkpoint=tmp_path / "c.safetensors")
    assert history["loss"] == expected["loss"] and len(history["seconds"]) == 4
    for a, b in zip(whole.variables, resumed.variables, strict=True):
        np.testing.assert_array_equal(numpy(a), numpy(b))
    # and once finished, it stays finished
    assert train_diffusion(trainer(start=8), X, **how, checkpoint=tmp_path / "c.safetensors") == history


class Poison(keras.callbacks.Callback):
    """Spoils a weight in the middle of the second epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == (1, 4):
            weight = self.model.trainable_variables[0]
            weight.assign(np.full(weight.shape, np.nan))


def test_nan_stops_and_leaves_the_checkpoint(tmp_path):
    path = tmp_path / "c.safetensors"
    how = {"steps": 30, "batch_size": 32, "warmup": 0, "steps_per_epoch": 10, "checkpoint": path}
    with pytest.raises(NotFinite, match="must stay finite"):
        train_diffusion(trainer(), X, **how, callbacks=[Poison()])
    before = path.read_bytes()
    model = trainer()
    assert train_diffusion(model, X, **how)["loss"][-1] < 2 and numpy(model.optimizer.iterations) == 30
    model.variables[1].assign(np.full(model.variables[1].shape, np.nan))
    path.write_bytes(before)
    with pytest.raises(ValueError, match="finite numbers only. Received: model/0001"):
        save_checkpoint(model, path, steps=1)
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == [path.name]


def test_foreign_and_damaged_checkpoints_change_nothing(tmp_path):
    path = tmp_path / "c.safetensors"
    train_diffusion(trainer(), X, steps=10, batch_size=32, warmup=0, steps_per_epoch=10, checkpoint=path)
    other = trainer(filters=4)
    other.compile(keras.optimizers.Adam(use_ema=True))
    before = [numpy(v) for v in other.variables]
    with pytest.raises(ValueError, match="of this model and optimizer. Received"):
        load_checkpoint(other, path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match="a whole checkpoint. Received"):
        load_checkpoint(other, path)
    for a, b in zip(before, other.variables, strict=True):
        np.testing.assert_array_equal(a, numpy(b))


# --- the plan


HOW = {"steps": 4, "batch_size": 32, "warmup": 1, "steps_per_epoch": 2, "ema": 0.9}
LABELS = np.arange(96)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A checkpoint of a training that came to its end."""
    path = tmp_path_factory.mktemp("finished") / "c.safetensors"
    train_diffusion(trainer(), X, **HOW, checkpoint=path)
    return path


OTHER_X = X.copy()
OTHER_X[0, 0, 0, 0] = 0.3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"prediction": "velocity"}, "prediction 'noise' in the checkpoint, 'velocity' asked for"),
        (
            {"schedule": NoiseSchedule.linear(40)},
            "schedule 'cosine, 40 steps, .*' in the checkpoint, 'linear, 40 steps",
        ),
        ({"schedule": NoiseSchedule.cosine(40, offset=0.01)}, "schedule 'cosine, 40 steps, .*'"),
        ({"focus": (0.0, 1.0)}, r"focus None in the checkpoint, \[0.0, 1.0\] asked for"),
        ({"seed": 1}, "seed 0 in the checkpoint, 1 asked for"),
        ({"steps": 3}, "steps 4 in the checkpoint, 3 asked for"),
        ({"steps": 8, "ema": 0.8}, "steps 4 .*, 8 asked for; EMA 0.9 in the checkpoint, 0.8 asked for"),
        ({"batch_size": 16}, "batch size 32 in the checkpoint, 16 asked for"),
        ({"optimizer": "muon"}, "optimizer 'adam' in the checkpoint, 'muon' asked for"),
        ({"learning_rate": 1e-3}, "learning rate 0.002 in the checkpoint, 0.001 asked for"),
        ({"warmup": 2}, "warm-up 1 in the checkpoint, 2 asked for"),
        ({"x": OTHER_X}, r"data x '\(96, 8, 8, 1\) float32 "),
        ({"x": X[:90]}, r"'\(90, 8, 8, 1\) float32 .*' asked for"),
        ({"conditions": {"label": LABELS}}, "data label None in the checkpoint, "),
        ({"clip": (-1, 2)}, r"clip \[-1.0, 1.0\] in the checkpoint, \[-1.0, 2.0\] asked for"),
    ],
)
def test_a_finished_checkpoint_refuses_another_plan_by_name(finished, change, words):
    of_trainer = {k: v for k, v in change.items() if k in ("prediction", "schedule", "focus", "clip", "seed")}
    rest = {k: v for k, v in change.items() if k not in of_trainer}
    model = trainer(**of_trainer)
    before, file = [numpy(v) for v in model.variables], finished.read_bytes()
    with pytest.raises(OtherPlan, match=f"must come from the plan.*Received: .*{words}"):
        train_diffusion(model, **{"x": X, **HOW, **rest}, checkpoint=finished)
    assert finished.read_bytes() == file
    for a, b in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(a, numpy(b))


def test_an_interrupted_training_cannot_be_prolonged_before_its_end(tmp_path):
    path, how = tmp_path / "c.safetensors", {**HOW, "checkpoint": tmp_path / "c.safetensors"}
    with pytest.raises(KeyboardInterrupt):
        train_diffusion(trainer(), X, **how, callbacks=[Stop(1, 0)])
    with pytest.raises(OtherPlan, match="Received: steps 4 in the checkpoint, 8 asked for"):
        train_diffusion(trainer(), X, **{**how, "steps": 8})
    assert path.is_file()


def test_a_checkpoint_without_a_plan_is_refused(finished, tmp_path):
    path = tmp_path / "old.safetensors"
    save_file(load_file(finished), path, metadata={"epoch": "2", "history": "{}"})
    with pytest.raises(OtherPlan, match="must say which plan it belongs to. Received: .* earlier version"):
        train_diffusion(trainer(), X, **HOW, checkpoint=path)
    model = trainer()
    model.compile("adam")
    save_checkpoint(model, path, steps=2)
    with pytest.raises(OtherPlan, match="prediction None in the checkpoint, 'noise' asked for"):
        train_diffusion(trainer(), X, **HOW, checkpoint=path)
    assert load_checkpoint(model, path) == (2, {})  # who names no plan takes any


def test_fingerprints_differ_with_shape_type_and_content():
    arrays = [X, X[:95], X.astype("float64"), OTHER_X, X.reshape(96, 64)]
    assert len({fingerprint(array) for array in arrays}) == len(arrays)
    assert fingerprint(X) == fingerprint(X.copy()) and fingerprint(X[:0])


# --- steps


def trained(path, steps, steps_per_epoch, callbacks=()):
    """(steps that the optimizer took in all, the learning rate it came to, losses of all epochs)."""
    model = trainer()
    how = {"steps": steps, "steps_per_epoch": steps_per_epoch, "batch_size": 32, "warmup": 3}
    history = train_diffusion(model, X, **how, checkpoint=path, callbacks=callbacks)
    with safe_open(path, "numpy") as file:
        assert json.loads(file.metadata()["steps"]) == steps
    assert len(history["loss"]) == len(history["seconds"])
    return int(numpy(model.optimizer.iterations)), float(model.optimizer.learning_rate), history["loss"]


@pytest.mark.parametrize(("before", "after", "epochs"), [(20, 5, 2 + 8), (5, 20, 8 + 2)])
def test_prolonged_training_takes_the_steps_asked_for(tmp_path, before, after, epochs):
    first, _, losses_before = trained(tmp_path / "c", 40, before)
    steps, rate, losses = trained(tmp_path / "c", 80, after)
    assert (first, steps, len(losses)) == (40, 80, epochs) and abs(rate) < 1e-9
    assert losses[: len(losses_before)] == losses_before


@pytest.mark.parametrize("after", [5, 30])
def test_interrupted_training_ends_at_its_last_step_with_other_epochs_too(tmp_path, after):
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "c", 50, 20, [Stop(2, 3)])
    steps, rate, losses = trained(tmp_path / "c", 50, after)
    assert (steps, len(losses)) == (50, 2 + -(-10 // after)) and abs(rate) < 1e-9


# --- damage


@pytest.mark.parametrize("place", ["first array", "last array", "steps in the header"])
def test_a_checkpoint_with_a_flipped_bit_is_refused_and_changes_nothing(finished, tmp_path, place):
    path, content = tmp_path / "c.safetensors", bytearray(finished.read_bytes())
    header = 8 + int.from_bytes(content[:8], "little")
    at = {"first array": header, "last array": len(content) - 1}.get(place)
    content[content.index(b'"steps":"4"') + 9 if at is None else at] ^= 1
    path.write_bytes(content)
    assert load_file(path).keys() == load_file(finished).keys()  # the format itself sees nothing
    model = trainer()
    before = [numpy(v) for v in model.variables]
    with pytest.raises(DamagedFile, match=r"c.safetensors must hold what was written.*Received: .*SHA-256"):
        train_diffusion(model, X, **HOW, checkpoint=path)
    for a, b in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(a, numpy(b))
