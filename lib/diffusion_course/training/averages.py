"""Looks at the averaged weights while training goes on: how a network gets better, step by step (chapter 15)."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops


class AverageLook(keras.callbacks.Callback):
    """Calls ``look(step, network)`` with the averaged weights (EMA) in place, and then puts the raw ones back.

    Samples of the raw weights are worse than what a training ends with, so a curve of them says little about it.
    Training is not disturbed: the raw weights come back exactly, also if ``look`` raises an error.

    Args:
        look: gets the number of steps that the training has taken, in all its runs, and the trainer's network.
        every: looks at the end of every so many epochs.

    Raises:
        ValueError: ``every`` is below 1; on the first epoch, the optimizer keeps no averages.
    """

    def __init__(self, look: Callable[[int, keras.Model], Any], every: int = 1):
        super().__init__()
        if every < 1:
            raise ValueError(f"`every` must be 1 or more. Received: every={every}")
        self.look, self.every = look, every

    def on_train_begin(self, logs=None):
        if not self.model.optimizer.use_ema:
            raise ValueError("`AverageLook` needs averages: `ema` must be a number. Received: ema=None")

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every:
            return
        optimizer, variables = self.model.optimizer, self.model.trainable_variables
        raw = [ops.convert_to_numpy(variable) for variable in variables]
        try:
            for variable, average in zip(variables, optimizer._model_variables_moving_average, strict=True):
                variable.assign(average)
            self.look(int(ops.convert_to_numpy(optimizer.iterations)), self.model.network)
        finally:
            for variable, value in zip(variables, raw, strict=True):
                variable.assign(value)
