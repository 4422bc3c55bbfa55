"""The progress line and the guard against NaN."""

import keras
import numpy as np
import pytest

from diffusion_course.training import callbacks
from diffusion_course.training.callbacks import (
    NotFinite,
    OwnWeights,
    ProgressBar,
    StopAfter,
    StopWhenNotFinite,
)

X = np.linspace(-1, 1, 40, dtype="float32")[:, None]


def line():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def test_progress_is_printed_once_per_epoch(capsys):
    line().fit(
        X, 2 * X, epochs=3, batch_size=10, validation_data=(X, X), verbose=0, callbacks=[ProgressBar()]
    )
    printed = capsys.readouterr().out.splitlines()
    assert [text.split(" · ")[0] for text in printed] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]
    assert all("loss" in text and "val_loss" in text for text in printed)


@pytest.mark.parametrize("stop", [[], [StopAfter(6)]], ids=["whole epochs", "a short last one"])
def test_progress_in_a_notebook_ends_full(monkeypatch, stop):
    class Handle:
        def __init__(self):
            Handle.shown = []

        def update(self, data, raw):
            self.shown.append(data)

    monkeypatch.setattr(callbacks, "_display_handle", Handle)
    line().fit(X, 2 * X, epochs=2, batch_size=10, verbose=0, callbacks=[*stop, ProgressBar(interval=0)])
    shares = [float(d["text/html"].split('value="')[1].split('"')[0]) for d in Handle.shown]
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] == 1
    assert len(shares) == (9 if stop else 11)  # at the start, at each step and epoch


@pytest.mark.parametrize("steps", [1, 5, 8])
def test_training_stops_after_as_many_steps_as_asked_for(steps):
    model = line()
    history = model.fit(X, X, epochs=9, batch_size=10, verbose=0, callbacks=[StopAfter(steps)])
    assert int(model.optimizer.iterations) == steps and len(history.history["loss"]) == -(-steps // 4)


def test_time_to_go_of_a_resumed_training_counts_what_is_left(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(callbacks.time, "monotonic", lambda: now[0])

    class TenSecondsPerEpoch(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            now[0] += 10

    line().fit(
        X,
        X,
        batch_size=10,
        initial_epoch=5,
        epochs=8,
        verbose=0,
        callbacks=[TenSecondsPerEpoch(), ProgressBar()],
    )
    printed = capsys.readouterr().out.splitlines()
    assert [text.split(" · ")[0] for text in printed] == ["epoch 6/8", "epoch 7/8", "epoch 8/8"]
    assert [text.split(" · ")[-1] for text in printed] == ["10 s, 20 s to go", "20 s, 10 s to go", "30 s"]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_loss_that_is_not_finite_stops_training(bad):
    y = X.copy()
    y[25] = bad
    with pytest.raises(NotFinite, match="Received: loss=.* in epoch 1, batch 3"):
        line().fit(X, y, batch_size=10, epochs=5, shuffle=False, verbose=0, callbacks=[StopWhenNotFinite()])


def test_a_finite_loss_passes():
    history = line().fit(X, X, epochs=2, verbose=0, callbacks=[StopWhenNotFinite()])
    assert len(history.history["loss"]) == 2


def test_averaged_weights_can_be_trained_evaluated_and_saved_again(tmp_path):
    model = line()
    model.compile(keras.optimizers.Adam(0.1, use_ema=True, ema_momentum=0.5), "mse")
    averages = model.optimizer
    for _ in range(2):
        model.fit(X, 2 * X, epochs=2, batch_size=10, verbose=0, callbacks=[OwnWeights()])
        weights = [keras.ops.convert_to_numpy(w) for w in model.trainable_variables]
        for weight, average in zip(weights, averages._model_variables_moving_average, strict=True):
            np.testing.assert_array_equal(weight, keras.ops.convert_to_numpy(average))
        assert np.isfinite(model.evaluate(X, 2 * X, verbose=0))
    model.save(tmp_path / "line.keras")
    again = keras.saving.load_model(tmp_path / "line.keras")
    again.fit(X, 2 * X, epochs=1, verbose=0, callbacks=[OwnWeights()])
