"""The course's way to train by steps: warm-up, a cosine to 0, averaged weights, and a checkpoint to go on from."""

import math
from collections.abc import Callable, Iterator
from numbers import Integral, Real
from pathlib import Path

import keras
import numpy as np

from diffusion_course.backend import batches_for_fit
from diffusion_course.training.callbacks import OwnWeights, StopAfter, StopWhenNotFinite
from diffusion_course.training.checkpoints import Checkpoint, check_writable, load_checkpoint, plain
from diffusion_course.training.devices import check_batch, compile_options, devices_in_use
from diffusion_course.training.optimizers import OPTIMIZERS, check_optimizer


def fit_steps(
    trainer: keras.Model,
    batches: Callable[[int], Iterator],
    *,
    plan: dict,
    steps: int,
    optimizer: str = "adam",
    learning_rate: float | None = None,
    warmup: int = 200,
    ema: float | None = 0.995,
    steps_per_epoch: int = 100,
    checkpoint=None,
    callbacks=(),
    verbose=0,
) -> dict:
    """Trains a model for a number of steps, of which the last ones may be left to another day.

    Args:
        trainer: a model with a loss of its own (`compute_loss`); it is compiled here. Afterwards its trainable
            weights are the averages, if there are any. For several devices see `training.devices.training_on`.
        batches: from how many batches to leave out to an endless iterator over inputs, e.g. `shuffled_batches`.
        plan: what else decides how the training goes, by name, e.g. fingerprints of the data: a checkpoint of another
            plan is refused.
        steps: of the whole training, with all that its checkpoint has seen.
        optimizer: "adam" or "muon", see `training.optimizers`.
        learning_rate: the highest, reached after ``warmup`` steps; by default the optimizer's usual one.
        warmup: steps of linear rise, fewer than ``steps``.
        ema: share of the old average that each step keeps, 0 to 1 (exclusive), less at the beginning, see
            `training.optimizers.kept_share`; None for no averages.
        steps_per_epoch: how often losses are logged and checkpoints written; of a resumed training it may differ.
        checkpoint: path of a ``.safetensors`` file. If it exists, training goes on from there, bit by bit as if it had
            never stopped where the backend's arithmetic is repeatable. A training that came to its end is prolonged by
            larger ``steps``; nothing else may differ.
        callbacks: further Keras callbacks, e.g. `ProgressBar`.
        verbose: as in `fit`.

    Returns:
        history: metric -> one value per epoch, of all runs that the checkpoint has seen; with a checkpoint also
        ``"seconds"``, how long each epoch took.

    Raises:
        ValueError: a number out of its range, an unknown optimizer, batches that several devices cannot share, a
            checkpoint that cannot be written, or one that is damaged (`DamagedFile`) or of another training
            (`OtherPlan`).
        NotFinite: the loss became NaN or infinite; the checkpoint is from before.
    """
    steps, warmup = whole_number("steps", steps, 1), whole_number("warmup", warmup, 0)
    steps_per_epoch = whole_number("steps_per_epoch", steps_per_epoch, 1)
    if warmup >= steps:
        raise ValueError(
            f"`warmup` must be from 0 to below `steps`. Received: warmup={warmup}, steps={steps}"
        )
    if ema is not None and not 0 < ema < 1:
        raise ValueError(f"`ema` must be above 0 and below 1, or None. Received: ema={ema}")
    kind, settings, usual_rate = OPTIMIZERS[check_optimizer(optimizer)]
    ema = None if ema is None else float(ema)
    learning_rate = usual_rate if learning_rate is None else learning_rate
    if (
        isinstance(learning_rate, bool)
        or not isinstance(learning_rate, Real)
        or not 0 < learning_rate < math.inf
    ):
        raise ValueError(
            f"`learning_rate` must be a finite number above 0. Received: learning_rate={learning_rate!r}"
        )
    learning_rate = float(learning_rate)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0 if warmup else learning_rate,
        steps - warmup,
        warmup_target=learning_rate if warmup else None,
        warmup_steps=warmup,
    )
    plan = {**plan, "steps": steps, "optimizer": optimizer, "learning rate": learning_rate}
    plan = plain(plan | {"warm-up": warmup, "EMA": ema})
    if checkpoint is not None:
        check_writable(checkpoint)
    averages = {} if ema is None else {"use_ema": True, "ema_momentum": ema}
    if devices_in_use() > 1:
        check_batch(next(batches(0)))
    trainer.compile(kind(rate, **settings, **averages), **compile_options())
    if all(part.built for part in trainer.layers):
        # TensorFlow traces a step that creates variables a second time: seconds, before the first one is taken.
        trainer.optimizer.build(trainer.trainable_variables)
    done, history, writer = 0, {}, []
    if checkpoint is not None:
        if Path(checkpoint).exists():
            done, history = load_checkpoint(trainer, checkpoint, plan)
        writer = [Checkpoint(checkpoint, steps=done, plan=plan, history=history)]
    epochs_done = len(history.get("seconds", []))
    result = trainer.fit(
        batches_for_fit(lambda: batches(done)),
        steps_per_epoch=steps_per_epoch,
        shuffle=False,  # the batches are shuffled already; Keras would warn that it cannot
        epochs=epochs_done + math.ceil((steps - done) / steps_per_epoch),
        initial_epoch=epochs_done,
        callbacks=[StopWhenNotFinite(), StopAfter(steps - done), *writer, OwnWeights(), *callbacks],
        verbose=verbose,
    )
    return writer[0].history if writer else dict(result.history)


def whole_number(name: str, value, least: int, most: int | None = None) -> int:
    """An integer of Python or NumPy as Python's own; ValueError unless it is one and from ``least`` to ``most``."""
    upper = math.inf if most is None else most
    if isinstance(value, bool) or not isinstance(value, Integral) or not least <= value <= upper:
        rule = f"of {least} or more" if most is None else f"from {least} to {most}"
        raise ValueError(f"`{name}` must be an integer {rule}. Received: {name}={value!r}")
    return int(value)


def checked_pictures(x, low: float = -1.0, high: float = 1.0) -> np.ndarray:
    """Pictures (N, H, W, C) as float32; ValueError unless there are any and all lie in [``low``, ``high``]."""
    x = np.asarray(x, dtype="float32")
    if x.ndim != 4 or not x.size:
        raise ValueError(f"Pictures must be (N, H, W, C), and some. Received: shape {x.shape}")
    least, most = x.min(), x.max()
    if not (low <= least and most <= high):  # NaN is neither
        raise ValueError(f"Pictures must be in [{low:g}, {high:g}]. Received: from {least:g} to {most:g}")
    return x
