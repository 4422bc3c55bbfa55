"""How long each training step of `fit` takes."""

import time

import keras


class StepTimes(keras.callbacks.Callback):
    """Notes the seconds of each step, in ``steps``; the first one also traces and compiles."""

    def on_train_begin(self, logs=None):
        self.last, self.steps = time.perf_counter(), []

    def on_train_batch_end(self, batch, logs=None):
        now = time.perf_counter()
        self.steps.append(now - self.last)
        self.last = now
