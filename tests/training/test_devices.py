"""Data parallel training finds what one device finds; on JAX and TensorFlow, with a CPU that counts as two devices."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from diffusion_course.training import devices as devices_module
from diffusion_course.training.devices import check_devices, compile_options, devices_in_use, training_on

PROGRAM = Path(__file__).parent / "two_devices.py"


@pytest.fixture(scope="module", params=["tensorflow", "jax"])
def found(request, tmp_path_factory):
    """What `two_devices.py` found on a backend."""
    folder = tmp_path_factory.mktemp(request.param)
    environment = {**os.environ, "KERAS_BACKEND": request.param}
    done = subprocess.run(
        [sys.executable, PROGRAM, folder], env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads((folder / "found.json").read_text(encoding="utf-8"))


def assert_same(one, other):
    assert one["history"].keys() == other["history"].keys()
    for metric, values in one["history"].items():
        np.testing.assert_allclose(other["history"][metric], values, rtol=1e-5, err_msg=metric)
    for a, b in zip(one["weights"], other["weights"], strict=True):
        np.testing.assert_allclose(b, a, atol=1e-5)


@pytest.mark.parametrize("case", ["adam", "muon, focused", "autoencoder", "contrastive"])
def test_two_devices_have_the_losses_and_the_weights_of_one(found, case):
    assert len(found["devices"]) == 2
    one, two = found["cases"][case]
    losses = one["history"]["loss"]
    assert len(losses) == 3 and len(set(losses)) == 3  # it trained
    assert_same(one, two)


def test_a_training_goes_on_on_another_number_of_devices(found):
    whole, *resumed = found["resumed"]
    for other in resumed:
        assert_same(whole, other)


def test_what_cannot_be_is_refused(found):
    said = found["refusals"]
    assert set(said) == {"three", "none", "half", "odd"}
    assert "at most 2" in said["three"] and "Received: devices=3" in said["three"]
    assert "1 or more. Received: devices=0" in said["none"] and "Received: devices=0.5" in said["half"]
    assert "divisible among the devices, here 2. Received: batches of 7 rows" in said["odd"]


def test_one_device_needs_nothing_and_more_need_a_backend_that_can(monkeypatch):
    assert check_devices(1) == 1 and devices_in_use() == 1 and compile_options() == {}
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    assert check_devices(1) == 1
    with pytest.raises(ValueError, match="needs TensorFlow or JAX.*devices=2, backend=torch"):
        check_devices(2)


def test_xla_is_asked_for_in_the_block_only_and_not_with_several_devices(monkeypatch):
    with training_on(jit_compile=True):
        assert compile_options() == {"jit_compile": True} and devices_in_use() == 1
    assert compile_options() == {}
    monkeypatch.setattr(devices_module, "parallel_devices", lambda: ["a", "b"])
    monkeypatch.setattr(keras.backend, "backend", lambda: "tensorflow")
    with pytest.raises(ValueError, match="jit_compile=True, devices=2"), training_on(2, jit_compile=True):
        pass
