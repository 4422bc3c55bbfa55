"""Presets train, and do what they are for, on the backend that KERAS_BACKEND names: one of each kind; slow, all."""

import keras
import numpy as np
import pytest
from common import trials
from helpers import numpy

from diffusion_course.models import presets

# One preset of each kind of network; the others differ in width or data and are slow only because they are many.
KINDS = (
    "autoencoder-fashion-2",
    "classifier-mnist",
    "vae-mnist-2",
    "vae-mnist-2-conv",
    "denoiser-fashion-autoencoder",
    "denoiser-fashion-residual",
    "denoiser-fashion-conditioned",
    "anomaly-ecg",
    "resnet-mnist",
    "unet-mnist",
    "unet-mnist-learned",
)
STEPS = 3  # layers that start at zero let the gradient through to the rest only after a step, and two lie in a row


@pytest.mark.parametrize(
    "name", [n if n in KINDS else pytest.param(n, marks=pytest.mark.slow) for n in presets.PRESETS]
)
def test_preset_trains_and_runs(name):
    trial = trials.prepare(name, batch_size=4)
    before = {weight.path: numpy(weight).copy() for weight in trial.model.trainable_variables}
    assert np.isfinite(trial.train(STEPS))
    after = {weight.path: numpy(weight) for weight in trial.model.trainable_variables}
    assert all(np.isfinite(value).all() for value in after.values())
    assert [path for path in before if (before[path] == after[path]).all()] == []  # no layer is left out
    result = numpy(trial.use(2))  # the first of two sampling steps adds noise
    assert len(result) == 4 and np.isfinite(result).all() and result.std() > 0


@pytest.mark.slow
def test_every_kind_of_network_is_among_those_that_always_run():
    kinds = {name: type(presets.build(name)) for name in presets.PRESETS}
    assert {kinds[name] for name in KINDS} == set(kinds.values())


def test_trial_needs_a_known_kind(monkeypatch):
    monkeypatch.setitem(presets.PRESETS, "odd", presets.Preset(lambda: keras.Sequential([keras.Input((3,))])))
    with pytest.raises(TypeError, match="a trainer is known for. Received: Sequential"):
        trials.prepare("odd")
    with pytest.raises(ValueError, match="Received: 'none'"):
        trials.prepare("none")
