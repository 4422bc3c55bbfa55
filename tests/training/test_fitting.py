"""Training by steps: as many as asked for, averages where asked for, exact resumption, refusals."""

import itertools

import keras
import numpy as np
import pytest
from helpers import numpy

from diffusion_course.training.checkpoints import OtherPlan, check_writable
from diffusion_course.training.fitting import checked_pictures, fit_steps

X = np.random.default_rng(0).standard_normal((40, 3)).astype("float32")


class Line(keras.Model):
    """Learns that the answer is the sum."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1, kernel_initializer="zeros")
        self.dense.build((None, 3))
        self.built, self.seen = True, []

    def call(self, x):
        return self.dense(x)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return keras.ops.mean(keras.ops.square(y_pred - keras.ops.sum(x, axis=-1, keepdims=True)))


def batches(start):
    return (X[i % 4 * 10 : i % 4 * 10 + 10] for i in itertools.count(start))


HOW = {"plan": {"data": "a line"}, "steps": 25, "warmup": 2, "steps_per_epoch": 10, "learning_rate": 0.3}


class Stop(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt


@pytest.mark.parametrize("ema", [None, 0.9])
def test_resumes_as_if_never_stopped_with_averages_and_without(ema, tmp_path):
    whole = Line()
    history = fit_steps(whole, batches, **HOW, ema=ema)
    assert len(history["loss"]) == 3 and history["loss"][-1] < history["loss"][0] / 4
    assert int(whole.optimizer.iterations) == 25 and bool(whole.optimizer.use_ema) == (ema is not None)
    how = {**HOW, "ema": ema, "checkpoint": tmp_path / "c.safetensors"}
    with pytest.raises(KeyboardInterrupt):
        fit_steps(Line(), batches, **how, callbacks=[Stop()])
    resumed = Line()
    found = fit_steps(resumed, batches, **how)
    assert found["loss"] == history["loss"] and len(found["seconds"]) == 3
    for a, b in zip(whole.weights, resumed.weights, strict=True):
        np.testing.assert_array_equal(numpy(a), numpy(b))
    for change in ({"plan": {"data": "a curve"}}, {"ema": 0.5}):
        with pytest.raises(OtherPlan, match="in the checkpoint"):
            fit_steps(Line(), batches, **{**how, **change})


@pytest.mark.parametrize(
    "change, words",
    [
        ({"warmup": 25}, "`warmup`"),
        ({"warmup": -1}, "`warmup`"),
        ({"warmup": 1.5}, "`warmup`"),
        ({"warmup": True}, "`warmup`"),
        ({"steps": 25.0}, "`steps`"),
        ({"steps": 0, "warmup": 0}, "`steps`"),
        ({"steps": True, "warmup": 0}, "`steps`"),
        ({"steps_per_epoch": 0}, "`steps_per_epoch`"),
        ({"steps_per_epoch": 2.5}, "`steps_per_epoch`"),
        ({"steps_per_epoch": True}, "`steps_per_epoch`"),
        ({"learning_rate": 0.0}, "`learning_rate`"),
        ({"learning_rate": -0.1}, "`learning_rate`"),
        ({"learning_rate": np.nan}, "`learning_rate`"),
        ({"learning_rate": np.inf}, "`learning_rate`"),
        ({"learning_rate": "fast"}, "`learning_rate`"),
        ({"learning_rate": True}, "`learning_rate`"),
        ({"ema": 1.0}, "`ema`"),
        ({"ema": 0}, "`ema`"),
        ({"optimizer": "sgd"}, "`optimizer`"),
    ],
)
def test_refuses(change, words):
    with pytest.raises(ValueError, match=f"{words}.*Received"):
        fit_steps(Line(), batches, **{**HOW, **change})


def test_pictures_are_checked():
    x = np.linspace(-1, 1, 2 * 2 * 2 * 3).reshape(2, 2, 2, 3)
    assert checked_pictures(x).dtype == np.float32
    for bad, words in ((x + 0.1, "from -0.9 to 1.1"), (x * np.nan, "nan"), (x[0], "shape"), (x[:0], "some")):
        with pytest.raises(ValueError, match=words):
            checked_pictures(bad)


def test_numbers_of_numpy_train_and_resume_as_those_of_python(tmp_path):
    how = {**HOW, "ema": 0.9, "checkpoint": tmp_path / "c.safetensors"}
    own = {"steps": np.int64(25), "warmup": np.uint8(2), "steps_per_epoch": np.int32(10)}
    own |= {"learning_rate": np.float64(0.3), "ema": np.float64(0.9)}
    sizes = (np.int64(3), np.bool_(True), np.longdouble(0.5))
    own["plan"] = {"data": "a line", "focus": np.array([1.0, 2.0]), "sizes": sizes}
    history = fit_steps(Line(), batches, **{**how, **own})
    plan = {"data": "a line", "focus": [1.0, 2.0], "sizes": [3, True, 0.5]}
    assert fit_steps(Line(), batches, **{**how, "plan": plan}) == history
    with pytest.raises(ValueError, match="A plan must hold.*Received: object"):
        fit_steps(Line(), batches, **{**how, "plan": {"data": object()}})


@pytest.mark.parametrize("kind", ["folder", "in a file", "empty", "nul"])
def test_a_checkpoint_that_cannot_be_written_is_refused_before_training(kind, tmp_path):
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    paths = {"folder": tmp_path, "in a file": tmp_path / "file" / "a" / "c", "empty": "", "nul": "a\0b"}

    def none(start):
        raise AssertionError("training began")

    with pytest.raises(
        ValueError, match="`checkpoint` must be the path of a file.*Received: checkpoint="
    ) as e:
        fit_steps(Line(), none, **HOW, checkpoint=paths[kind])
    assert repr(str(paths[kind])) in str(e.value)
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_looking_whether_a_checkpoint_can_be_written_leaves_what_is_there(tmp_path):
    (tmp_path / "c").write_text("mine", encoding="utf-8")
    check_writable(tmp_path / "c")
    check_writable(str(tmp_path / "new" / "c"))
    assert (tmp_path / "c").read_text(encoding="utf-8") == "mine" and not list((tmp_path / "new").iterdir())
