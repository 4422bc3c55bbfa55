"""The look at averaged weights while training goes on."""

import keras
import numpy as np
import pytest
from keras import ops

from diffusion_course.training.averages import AverageLook
from diffusion_course.training.optimizers import Adam, kept_share

X = np.linspace(-1, 1, 40, dtype="float32")[:, None]


class Trainer(keras.Model):
    """A line with the attribute that the course's trainers have."""

    def __init__(self):
        super().__init__()
        self.network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="ones")])

    def call(self, x):
        return self.network(x)


def fitted(callbacks, ema=0.9, epochs=4):
    trainer = Trainer()
    averages = {"use_ema": True, "ema_momentum": ema} if ema else {}
    trainer.compile(Adam(0.1, **averages), "mse")
    trainer.fit(X, 3 * X, batch_size=10, epochs=epochs, shuffle=False, verbose=0, callbacks=callbacks)
    return trainer


def slope(network) -> float:
    return float(ops.convert_to_numpy(network.layers[0].kernel)[0, 0])


class Slopes(keras.callbacks.Callback):
    """The raw slope after each step."""

    def on_train_begin(self, logs=None):
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(slope(self.model.network))


def test_what_is_looked_at_is_the_average_of_the_raw_weights():
    raw, looks = Slopes(), []
    fitted([raw, AverageLook(lambda step, network: looks.append((step, slope(network))))])
    average, expected = None, {}
    for n, value in enumerate(raw.seen):
        share = float(kept_share(0.9, n))
        average = value if average is None else share * average + (1 - share) * value
        expected[n + 1] = average
    assert [step for step, _ in looks] == [4, 8, 12, 16]
    for step, value in looks:
        assert value == pytest.approx(expected[step], rel=0.02)
        assert abs(value - raw.seen[step - 1]) > 0.02  # it is not the raw one


def test_training_goes_on_as_if_nobody_had_looked():
    alone, looked_at = Slopes(), Slopes()
    plain = fitted([alone])
    spoil = AverageLook(lambda step, network: network.set_weights([np.full((1, 1), 9.0), np.full(1, 9.0)]))
    watched = fitted([looked_at, spoil])
    assert alone.seen == looked_at.seen
    assert slope(plain.network) == slope(watched.network)


def test_raw_weights_come_back_after_an_error_too():
    raw = Slopes()

    def fail(step, network):
        raise KeyboardInterrupt

    trainer = Trainer()
    trainer.compile(Adam(0.1, use_ema=True, ema_momentum=0.9), "mse")
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(X, 3 * X, batch_size=10, verbose=0, callbacks=[raw, AverageLook(fail)])
    assert slope(trainer.network) == raw.seen[-1]


def test_every_so_many_epochs():
    looks = []
    fitted([AverageLook(lambda step, network: looks.append(step), every=3)], epochs=7)
    assert looks == [12, 24]


def test_what_it_refuses():
    with pytest.raises(ValueError, match="every=0"):
        AverageLook(print, every=0)
    with pytest.raises(ValueError, match="`ema` must be a number"):
        fitted([AverageLook(print)], ema=None)
