"""Callbacks for `fit`."""

import html
import math
import time

import keras


class NotFinite(ArithmeticError):
    """Training met a loss that is NaN or infinite."""


class StopWhenNotFinite(keras.callbacks.Callback):
    """Stops training with a clear error at the first batch whose loss is NaN or infinite.

    Raises:
        NotFinite: names epoch and batch. The weights are those after that batch; reload a checkpoint.
    """

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        loss = (logs or {}).get("loss", 0.0)
        if not math.isfinite(loss):
            raise NotFinite(
                "The loss must stay finite: lower the learning rate or look for inputs outside their range. "
                f"Received: loss={loss} in epoch {self.epoch + 1}, batch {batch + 1}"
            )


class StopAfter(keras.callbacks.Callback):
    """Ends `fit` after so many training steps, also in the middle of an epoch.

    Args:
        steps: of this run, 1 or more.
    """

    def __init__(self, steps: int):
        super().__init__()
        self.left = steps

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if self.left == 0:
            self.model.stop_training = True


class ProgressBar(keras.callbacks.Callback):
    """One line that is redrawn while `fit` runs: bar, epoch, losses, seconds to go. Use with ``fit(verbose=0)``.

    In a notebook the line is a display that updates itself, so that a saved notebook keeps only its last state;
    elsewhere it is printed once per epoch.

    Args:
        interval: seconds between two redraws within an epoch.
    """

    def __init__(self, interval: float = 0.5):
        super().__init__()
        self.interval = interval

    def on_train_begin(self, logs=None):
        self.started = self.drawn = time.monotonic()
        self.done = 0  # batches of this run
        self.first = None  # epoch of this run: a resumed training does not begin at 0
        self.handle = _display_handle()
        self._draw({}, 0)

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        self.first = epoch if self.first is None else self.first

    def on_train_batch_end(self, batch, logs=None):
        self.done += 1
        if time.monotonic() - self.drawn > self.interval and self.handle is not None:
            self._draw(logs or {}, self.epoch + 1)

    def on_epoch_end(self, epoch, logs=None):
        self._draw(logs or {}, epoch + 1, ended=True)

    def _draw(self, logs, epoch, ended=False):
        self.drawn = time.monotonic()
        epochs, steps = self.params["epochs"], self.params["steps"]
        passed = self.drawn - self.started
        # Keras may not know the number of steps before the first epoch ends; the bar then moves once per epoch.
        first = self.first or 0
        before = first / epochs
        share = before + (self.done / (epochs * steps) if steps else max(0, epoch - 1 - first) / epochs)
        share = 1.0 if ended and epoch == epochs else share  # the last epoch may be a short one
        words = [f"epoch {epoch}/{epochs}", *(f"{name} {value:.4f}" for name, value in logs.items())]
        if share > 1 - 1e-9:
            words.append(f"{passed:.0f} s")
        elif share - before > 0.02 * (1 - before):
            words.append(f"{passed:.0f} s, {passed * (1 - share) / (share - before):.0f} s to go")
        text = " · ".join(words)
        if self.handle is None:
            if logs:
                print(text)
            return
        bar = f'<progress value="{min(share, 1):.4f}" max="1" style="width:14em"></progress>'
        self.handle.update(
            {"text/html": f"{bar} <code>{html.escape(text)}</code>", "text/plain": text}, raw=True
        )


def _display_handle():
    """A display that can be redrawn, where a notebook runs; else None."""
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:
        return None
    shell = get_ipython()
    if shell is None or not hasattr(shell, "kernel"):
        return None
    return display({"text/plain": ""}, raw=True, display_id=True)


class OwnWeights(keras.callbacks.Callback):
    """Gives every weight memory of its own when training ends.

    With ``use_ema`` Keras copies the averages into the weights by reference, and on JAX the next `fit` then fails
    because two variables share one buffer.
    """

    def on_train_end(self, logs=None):
        for variable in self.model.trainable_variables:
            variable.assign(keras.ops.copy(variable))
