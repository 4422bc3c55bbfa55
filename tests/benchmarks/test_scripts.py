"""Every benchmark runs with a tiny budget, and writes what the README's table needs."""

import importlib
import json
from dataclasses import replace

import keras
import pytest
from common import networks, table, trials
from common.record import results_dir

from diffusion_course.models import presets
from diffusion_course.models.unet import UNet
from diffusion_course.models.weights import weights_as_bytes
from diffusion_course.pipelines.diffusion import load_pipeline, pipeline_for
from diffusion_course.recipes.base import training_data
from diffusion_course.recipes.diffusion import FOCUS, PLANS
from diffusion_course.recipes.scenes_autoencoders import KL_WEIGHT


@pytest.fixture(autouse=True)
def small_networks(monkeypatch):
    def tiny(**more):
        small = {"fold": 4, "widths": (4,), "num_res_blocks": 1, "groups": 2, "middle_attention": False}
        return UNet(image_shape=(28, 28, 1), **small, **more)

    monkeypatch.setitem(networks.NETWORKS, "tutorial", tiny)
    monkeypatch.setitem(networks.NETWORKS, "recommended", tiny)
    monkeypatch.setitem(networks.NETWORKS, "labelled", lambda: tiny(num_classes=10))


def run(name, tmp_path, *arguments):
    content = importlib.import_module(name).main([*arguments, "--out", str(tmp_path)])
    (path,) = tmp_path.glob("*.json")
    written = json.loads(path.read_text(encoding="utf-8"))
    assert written.keys() == content.keys()
    assert {"hardware", "versions", "seconds", "seed"} <= written.keys() and written["seconds"] > 0
    return written


def untrained(name, guide=False):
    """In place of `load_pipeline`."""
    pipeline = pipeline_for(name, networks.NETWORKS["tutorial"]())
    if not guide:
        return pipeline
    return replace(pipeline, guide=networks.NETWORKS["tutorial"](), guidance_scale=2.0)


@pytest.mark.slow
def test_sampling(tmp_path, monkeypatch):
    script = importlib.import_module("sampling")
    monkeypatch.setattr(script, "load_pipeline", untrained)
    found = run("sampling", tmp_path, "--eager-steps", "2", "--rounds", "1", "--samples", "16")
    assert set(found["ratios_to_tutorial"]) == set(found["seconds_in_all"]) - {"tutorial"}
    whole, step = found["seconds_in_all"], found["seconds_per_step"]
    assert whole["tutorial"] == pytest.approx(500 * step["tutorial"], rel=1e-3)
    assert whole["50 calls"] == pytest.approx(50 * step["50 calls"], rel=1e-3)
    assert found["ratios_to_tutorial"]["50 calls"] == pytest.approx(
        whole["tutorial"] / whole["50 calls"], rel=1e-2
    )
    assert min(found["fid_of_shipped_weights"].values()) > 0 and len(table.speed([found])) == 2


@pytest.mark.slow
def test_optimizers(tmp_path, monkeypatch):
    script = importlib.import_module("optimizers")
    monkeypatch.setattr(script, "training_data", lambda name, profile: training_data(name, "quick"))
    monkeypatch.setattr(script, "REAL", 1_000)
    ways = ["Adam", "Muon, focus (0, 2)"]
    small = ["--steps", "100", "--samples", "64", "--calls", "4"]
    found = run("optimizers", tmp_path, "--ways", *ways, *small)["ways"]
    assert list(found) == ways and found[ways[1]]["focus"] == [0.0, 2.0]
    assert found[ways[1]]["test_loss"] < found["Adam"]["test_loss"] < 1
    assert all(way["ms_per_step"] > 0 and way["fid_ratio"] > 1 for way in found.values())


@pytest.mark.slow
def test_rulers(tmp_path, monkeypatch):
    script = importlib.import_module("rulers")
    monkeypatch.setattr(script, "WIDTHS", (4, 6))
    monkeypatch.setattr(script, "training_data", lambda name, profile: training_data(name, "quick"))
    monkeypatch.setattr(script, "load_pipeline", untrained)
    small = ["--samples", "64", "--sets", "1", "--calls", "4", "--epochs", "1"]
    course, other = run("rulers", tmp_path, "--datasets", "mnist", *small)["rulers"]
    assert (course["features"], other["features"]) == (96, 6)
    # Pictures that the network was not trained to make are far away on any ruler; real ones are near.
    for ratio in (course["fid_ratio"], other["fid_ratio"]):
        assert min(ratio["generated"], ratio["guided"]) > 5 * ratio["training"] > 0


@pytest.mark.slow
def test_emergence(tmp_path):
    network = presets.build("unet-scenes")
    folder = tmp_path / "snapshots"
    folder.mkdir()
    for step in (1_000, 500):
        (folder / f"step-{step:06}.safetensors").write_bytes(weights_as_bytes(network))
    small = ["--snapshots", str(folder), "--count", "8", "--steps", "2"]
    curve = run("emergence", tmp_path, *small)["curve"]
    assert [point["step"] for point in curve] == [500, 1_000]
    for kind, attribute in (("one", "position"), ("two", "relation")):
        assert all(point[kind]["together"] == 0 and attribute in point[kind] for point in curve)
        # what is a clean scene is also near one
        assert all(point[f"{kind}_nearest"]["found"] >= point[kind]["found"] for point in curve)
        assert all(attribute in point[f"{kind}_nearest"] for point in curve)


def test_emergence_without_a_training_says_what_to_run_first(tmp_path, capsys):
    script = importlib.import_module("emergence")
    assert script.main(["--snapshots", str(tmp_path), "--out", str(tmp_path)]) == {}
    assert "diffusion-course train unet-scenes" in capsys.readouterr().out and not list(tmp_path.iterdir())


@pytest.mark.slow
def test_guidance(tmp_path, monkeypatch):
    script = importlib.import_module("guidance")
    monkeypatch.setattr(script, "training_data", lambda name, profile: training_data(name, "quick"))
    monkeypatch.setattr(script, "REAL", 1_000)
    monkeypatch.setattr(script, "load_pipeline", untrained)
    small = ["--samples", "64", "--calls", "4", "--scales", "1", "3"]
    found = run("guidance", tmp_path, "--datasets", "mnist", *small)
    (entry,) = found["guides"]
    assert set(entry["fid_ratio"]) == set(script.SAMPLERS)
    for ratios in entry["fid_ratio"].values():
        assert ratios.keys() == {"1.0", "3.0"} and min(ratios.values()) > 5


def test_advice_follows_from_the_ratios():
    advice = importlib.import_module("guidance").advice
    ratios = (
        {"a": {1.0: 4.0, 2.0: 3.0}, "b": {1.0: 5.0, 2.0: 1.0}},
        {"a": {1.0: 3.0, 2.0: 8.0}, "b": {1.0: 4.0, 2.0: 6.0}},
    )
    found = advice([{"network": n, "fid_ratio": r} for n, r in zip("xy", ratios, strict=True)], ["a", "b"])
    assert found["fid_ratio_of_samplers"] == pytest.approx({"a": 3.0, "b": 2.0})
    assert found["sampler"] == "b" and found["guidance_scales"] == {"x": 2.0, "y": 1.0}


def test_course_advises_what_was_found_best():
    committed = json.loads((results_dir() / "guidance.json").read_text(encoding="utf-8"))
    for entry in committed["guides"]:
        for ratios in entry["fid_ratio"].values():
            for scale in list(ratios):  # JSON knows no numbers as keys
                ratios[float(scale)] = ratios.pop(scale)
    script = importlib.import_module("guidance")
    found = script.advice(committed["guides"], list(script.SAMPLERS))
    assert found["sampler"] == committed["advice"]["sampler"]
    scales = committed["advice"]["guidance_scales"]
    assert found["guidance_scales"] == scales
    assert {
        entry["network"]: (entry["guide"], scales[entry["network"]]) for entry in committed["guides"]
    } == {name: presets.PRESETS[name].guide for name in presets.GUIDED}
    sampler = load_pipeline("unet-mnist").recommended
    assert script.SAMPLERS[committed["advice"]["sampler"]] == (type(sampler), sampler.eta)


def test_course_trains_on_steps_that_were_found_as_good_as_the_best():
    committed = json.loads((results_dir() / "optimizers.json").read_text(encoding="utf-8"))
    ratios = {
        (way["optimizer"], tuple(way["focus"] or ())): way["fid_ratio"] for way in committed["ways"].values()
    }
    assert ratios["muon", FOCUS] < 1.1 * min(ratios.values())  # closer is within the spread
    assert ratios["muon", FOCUS] < ratios["muon", ()] < ratios["adam", ()]
    (stage,) = PLANS["unet-mnist-muon"].stages
    assert (stage.optimizer, stage.focus) == ("muon", FOCUS)


def test_course_weighs_the_kl_as_a_diffusion_model_likes_it():
    networks = json.loads((results_dir() / "latent_space.json").read_text(encoding="utf-8"))["networks"]
    shares = {
        float(name.removeprefix("latents, KL ")): sum(curve[-1]["both"] for curve in repeats) / len(repeats)
        for name, repeats in networks.items()
        if name.startswith("latents")
    }
    assert shares[KL_WEIGHT] > max(shares.values()) - 0.05  # closer is within the spread of one training
    assert min(shares.values()) < shares[KL_WEIGHT] - 0.3  # so the measure can tell weights apart


@pytest.mark.slow
def test_training(tmp_path):
    found = run("training", tmp_path, "--steps", "2", "--rounds", "1")
    assert all(0 < share < 1 for share in found["share_of_matrix_product_rate"].values())
    assert found["ratios_to_tutorial"]["fit"] > 0 and len(table.speed([found])) == 2


@pytest.mark.slow
def test_allocator(tmp_path, monkeypatch):
    script = importlib.import_module("allocator")
    monkeypatch.setattr(script, "RECOMMENDED", "vae-mnist-2")
    assert 0 < script.seconds_per_step("kept", 1, 0) < 10
    told = "import os; print({'false': 0.5, 'true': 0.25}[os.environ['TF_CPU_ALLOCATOR_USE_BFC']])"
    monkeypatch.setattr(script, "TRAIN", told)
    found = run("allocator", tmp_path, "--rounds", "2")
    assert found["ratio_to_malloc"] == 2 and found["pictures_per_second"] == {"malloc": 128.0, "kept": 256.0}


@pytest.mark.slow
def test_time_to_quality_resumes(tmp_path, monkeypatch):
    script = importlib.import_module("time_to_quality")
    monkeypatch.setattr(script, "build_dir", lambda: tmp_path / "build")
    monkeypatch.setattr(script, "measure_speed", lambda x, folder: 0.01)
    how = ["--seconds", "0.4", "--slices", "2", "--samples", "64", "--ancestral-steps", "2"]
    monkeypatch.setattr(script, "CALLS", 2)
    slices = []
    train = script.Course.train

    def once(self, k):
        if slices:
            train(self, k)  # trained, but not measured
            raise KeyboardInterrupt
        slices.append(k)
        return train(self, k)

    monkeypatch.setattr(script.Course, "train", once)
    with pytest.raises(KeyboardInterrupt):
        run("time_to_quality", tmp_path, *how)
    monkeypatch.setattr(script.Course, "train", train)
    (state_file,) = (tmp_path / "build").rglob("state.json")
    before = json.loads(state_file.read_text(encoding="utf-8"))
    assert len(before["tutorial"]) == 2 and len(before["course"]) == 1
    found = run("time_to_quality", tmp_path, *how)
    for name, curve in found["curves"].items():
        seconds = [point["seconds"] for point in curve]
        assert len(curve) == 2 and 0 < seconds[0] < seconds[1]
        assert curve[0]["fid"] == pytest.approx(before[name][0]["fid"], rel=1e-3)
    assert found["fid_floor"] > 0 and len(table.speed([found])) == 1


@pytest.mark.slow
def test_latent_space_resumes(tmp_path, monkeypatch):
    script = importlib.import_module("latent_space")
    monkeypatch.setattr(script, "build_dir", lambda: tmp_path / "build")
    monkeypatch.setattr(script.trials, "NETWORK_WIDTHS", (8, 8))
    monkeypatch.setattr(script.trials, "OUTER_WIDTHS", (8,) * 2)
    monkeypatch.setattr(script.trials, "AUTOENCODER_WIDTHS", (8, 8))
    monkeypatch.setattr(script.trials, "STEPS", 2)
    how = ["--kl-weights", "0.001", "0.1", "--pictures", "128", "--autoencoder-steps", "2", "--steps", "4"]
    how += ["--slices", "2", "--samples", "8", "--timed-steps", "1", "--rounds", "1"]
    judge = script.trials.judge_pictures

    def interrupted(pictures, wanted):
        if (tmp_path / "build").exists() and "latents, KL 0.1" in state()["networks"]:
            raise KeyboardInterrupt
        return judge(pictures, wanted)

    def state():
        (file,) = (tmp_path / "build").rglob("state.json")
        return json.loads(file.read_text(encoding="utf-8"))

    monkeypatch.setattr(script.trials, "judge_pictures", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run("latent_space", tmp_path, *how)
    before = state()
    assert (
        list(before["autoencoders"]) == ["0.001", "0.1"]
        and len(before["networks"]["latents, KL 0.001"]["0"]) == 2
    )
    monkeypatch.setattr(script.trials, "judge_pictures", judge)
    monkeypatch.setattr(script, "costs", None)  # neither measured nor trained again
    monkeypatch.setattr(script.trials, "trained_autoencoder", None)
    found = run("latent_space", tmp_path, *how)
    assert set(found["networks"]) == {"latents, KL 0.001", "latents, KL 0.1", "folded pixels", "pixels"}
    assert [len(found["networks"][f"latents, KL {w}"][0]) for w in ("0.001", "0.1")] == [2, 1]
    for (curve,) in found["networks"].values():
        seconds = [point["seconds"] for point in curve]
        assert (
            0 < seconds[0]
            and seconds == sorted(seconds)
            and 0 <= curve[-1]["both"] <= curve[-1]["clean"] <= 1
        )
    work = found["costs"]["multiply_adds"]
    assert (
        work["pixels"] > 4 * work["latents"] and found["costs"]["over_latents"]["denoising"]["latents"] == 1
    )


def test_pixels_are_reached_when_as_many_pictures_are_clean_and_right():
    script = importlib.import_module("latent_space")
    curve = [{"seconds": 10.0, "both": 0.2}, {"seconds": 20.0, "both": 0.5}]
    assert script.seconds_to_reach(curve, 0.3) == 20.0 and script.seconds_to_reach(curve, 0.6) is None
    low, high = {"0": [{"both": 0.1}], "1": [{"both": 0.5}]}, {"0": [{"both": 0.4}]}
    rival = {"0": [{"both": 0.9}]}
    assert script.best_weight({"latents, KL 0": low, "latents, KL 0.01": high, "pixels": rival}) == "0.01"


def test_seconds_to_reach():
    from time_to_quality import seconds_to_reach

    curve = [{"seconds": 1.0, "fid": 9.0}, {"seconds": 2.0, "fid": 5.0}, {"seconds": 3.0, "fid": 4.0}]
    assert seconds_to_reach(curve, 5.0) == 2.0 and seconds_to_reach(curve, 1.0) is None


@pytest.mark.slow
def test_models_states_failures_and_resumes(tmp_path, monkeypatch):
    odd = presets.Preset(lambda: keras.Sequential([keras.Input((3,))]))
    monkeypatch.setitem(presets.PRESETS, "odd", odd)
    how = [
        "--names",
        "vae-mnist-2",
        "odd",
        "--ways",
        "plain",
        "bfloat16",
        "--batch-size",
        "2",
        "--steps",
        "1",
    ]
    found = run("models", tmp_path, *how)["results"]
    assert found["vae-mnist-2, plain"]["ok"] and found["vae-mnist-2, bfloat16"]["use"]["ms_per_step"] > 0
    assert not found["odd, plain"]["ok"] and found["odd, plain"]["error"].startswith("TypeError")
    asked = []
    prepare = trials.prepare
    monkeypatch.setattr(
        trials, "prepare", lambda name, **options: asked.append(name) or prepare(name, **options)
    )
    assert run("models", tmp_path, *how)["results"].keys() == found.keys()
    assert asked == ["odd", "odd"]  # what has failed is tried again, and nothing else
    assert keras.config.dtype_policy().name == "float32"
