"""Stable Diffusion's U-Net in a process of its own."""

import json
import subprocess

import pytest

from diffusion_course.backend import peak_memory_bytes
from diffusion_course.models import stable_diffusion
from diffusion_course.tools import full_size

SMALL = {"widths": (32, 32, 64, 64), "context_dim": 32}


def test_calls_run_elsewhere_and_say_what_the_network_is():
    before = peak_memory_bytes()
    found = full_size.calls("sd-1", side=64, dtype="float32", count=3, **SMALL)
    wanted = stable_diffusion.shapes_only(lambda: stable_diffusion.unet("sd-1", side=64, **SMALL))
    assert found["parameters"] == wanted.count_params()
    assert len(found["seconds"]) == 3 and min(found["seconds"]) > 0 and found["made_s"] > 0
    assert found["lowest"] == found["highest"] == 0  # the last convolution of an untrained network
    assert found["peak_memory_bytes"] > 4 * found["parameters"]
    assert peak_memory_bytes() - before < 300e6  # here only shapes were made


def test_a_job_passes_whole_and_a_failure_is_an_error(monkeypatch):
    def run(command, **options):
        assert options["check"]
        job = json.loads(command[-1])
        assert job == {
            "name": "sd-2",
            "side": 128,
            "dtype": "bfloat16",
            "count": 2,
            "seed": 5,
            "smaller": {"widths": [32, 64]},
        }
        raise subprocess.CalledProcessError(137, command)

    monkeypatch.setattr(full_size.subprocess, "run", run)
    with pytest.raises(subprocess.CalledProcessError):
        full_size.calls("sd-2", side=128, dtype="bfloat16", seed=5, widths=(32, 64))
