"""The benchmark of the full-size network, with a small one, and in diffusers' place the same answers again."""

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from common import course_step, full_size
from safetensors.numpy import save_file

from diffusion_course.models import stable_diffusion
from diffusion_course.models.published_names import unet_parts

SMALL = ["--side", "64", "--widths", "32", "32", "32", "32", "--steps", "1"]


def write_weights(job):
    """In place of `diffusers_step.make`: random numbers under diffusers' names, in PyTorch's layout."""
    network = stable_diffusion.unet(job["name"], **job["smaller"])
    variables, state, rng = {v.path: v for v in network.weights}, {}, np.random.default_rng(job["seed"])
    for part in unet_parts(network):
        for own, theirs in (("kernel", "weight"), ("gamma", "weight"), ("bias", "bias"), ("beta", "bias")):
            if (variable := variables.get(f"{part.ours}/{own}")) is not None:
                axes = {4: (3, 2, 0, 1), 2: (1, 0), 1: (0,)}[len(variable.shape)]
                values = 0.1 * rng.standard_normal([variable.shape[axis] for axis in axes])
                state[f"{part.theirs[0]}.{theirs}"] = values.astype("float32")
    save_file(state, job["weights"])
    return {"parameters": network.count_params()}


@pytest.fixture
def script(tmp_path, monkeypatch):
    found = importlib.import_module("stable_diffusion")
    monkeypatch.setattr(found, "build_dir", lambda: tmp_path / "build")
    monkeypatch.setattr(found.subprocess, "run", lambda *args, **how: type("Done", (), {"returncode": 0}))
    return found


@pytest.mark.slow
def test_the_course_s_side_steps_and_a_broken_run_goes_on(script, tmp_path, monkeypatch):
    asked, answers = [], {}

    def run_side(side, job, python):
        if job.get("make"):
            Path(job["weights"]).parent.mkdir(parents=True, exist_ok=True)
            return write_weights(job)
        asked.append(side)
        if len(asked) == 3:
            raise KeyboardInterrupt
        if side == "course":
            answers.update(course_step.main(job))
            return dict(answers)
        other = {"seconds": [2 * answers["seconds"][0]], "cpu_seconds": [1.0], "peak_memory_bytes": 1_000}
        return {**answers, **other, "versions": {"torch": "0"}}

    monkeypatch.setattr(script, "run_side", run_side)
    how = [*SMALL, "--out", str(tmp_path / "results")]
    with pytest.raises(KeyboardInterrupt):
        script.main(how)
    found = script.main(how)
    assert asked == ["course", "diffusers", "diffusers", "diffusers", "course"]  # A B, broken, B A
    (path,) = (tmp_path / "results").glob("stable_diffusion.*.json")
    written = json.loads(path.read_text(encoding="utf-8"))
    assert written.keys() == found.keys() and written["versions"]["torch"] == "0"
    way = written["ways"]["float32"]
    assert way["largest_difference"] == 0 and way["time_ratios"][0] == pytest.approx(0.5, rel=1e-3)
    assert max(np.abs(answers["answer"])) > 0 and not list((tmp_path / "build").rglob("*.safetensors"))


def test_without_diffusers_it_says_what_it_wants(script, monkeypatch, capsys):
    monkeypatch.setattr(script.subprocess, "run", lambda *args, **how: type("Done", (), {"returncode": 1}))
    assert script.main([]) == {}
    assert "pip install torch diffusers" in capsys.readouterr().out


def test_a_side_that_fails_says_why(monkeypatch):
    script = importlib.import_module("stable_diffusion")
    with pytest.raises(RuntimeError, match="diffusers with .* failed:\n(.|\n)*JSONDecodeError"):
        monkeypatch.setattr(script.json, "dumps", lambda job: "{")
        script.run_side("diffusers", {}, sys.executable)


def test_both_sides_get_the_same():
    x, context, none = full_size.conditions((8, 8, 4), 16)
    assert (x.shape, context.shape, none.shape) == ((1, 8, 8, 4), (1, 77, 16), (77, 16))
    again = full_size.conditions((8, 8, 4), 16)
    assert all(np.array_equal(a, b) for a, b in zip((x, context, none), again, strict=True))
    assert full_size.peak_memory_bytes() is None or full_size.peak_memory_bytes() > 10**7
