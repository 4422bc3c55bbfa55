"""Weights that belong together come from one run, which goes on where it was cut short, and are written together."""

import re
from collections import Counter

import keras
import numpy as np
import pytest
from typer.testing import CliRunner

from diffusion_course import cli, recipes
from diffusion_course.course.files import MissingFile, read_verified, verify_all
from diffusion_course.course.trained import read_trained, trained_in, training_folder
from diffusion_course.models import presets
from diffusion_course.models.presets import Preset
from diffusion_course.models.weights import load_weights
from diffusion_course.recipes import groups
from diffusion_course.recipes.base import Recipe


def bias(model, value=None):
    """A model's bias, which may be set first."""
    if value is not None:
        model.weights[-1].assign([value])
    return float(keras.ops.convert_to_numpy(model.weights[-1])[0])


class Interrupted(Exception):
    """Somebody presses Ctrl-C."""


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course of three presets, each made of those before it: the first says 1 + seed, each other ten times the last.

    Of the first there are shipped weights that say 7. Returns how often each was trained; ``stop`` in it names one
    that is interrupted.
    """
    home = tmp_path / "course"
    (home / "data").mkdir(parents=True)
    (home / "book.toml").write_text("", encoding="utf-8")
    monkeypatch.setenv("DIFFUSION_COURSE_HOME", str(home))

    def tiny():
        return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, name="dense")], name="tiny")

    trained, names = Counter(), ("first", "second", "third")
    trained.stop, trained.home, trained.tidied = None, home, []

    def recipe(name):
        before = names[: names.index(name)][-1:]

        def train(model, profile, seed):
            trained[name] += 1
            if trained.stop == name:
                raise Interrupted
            bias(model, 10 * bias(presets.load_pretrained(*before)) if before else 1 + seed)

        tidy = lambda profile, seed: trained.tidied.append(name)  # noqa: E731
        return Recipe("none", train, lambda m: {"bias": bias(m)}, tidy=tidy, needs=before)

    table = {name: recipe(name) for name in reversed(names)}
    monkeypatch.setattr(recipes, "RECIPES", table)
    for name in names:
        monkeypatch.setitem(presets.PRESETS, name, Preset(tiny))
    monkeypatch.setattr(presets, "SHIPPED", names)
    monkeypatch.setattr(groups, "GROUPS", {"all": ("third",), "two": ("second",)})
    trained.table = table
    recipes.train("first", seed=6)
    trained.clear()
    return trained


def written(folder):
    """What the weight files of a folder say."""
    found = {}
    for path in sorted(folder.glob("*.safetensors")):
        model = presets.build(path.stem)
        load_weights(model, path.read_bytes())
        found[path.stem] = bias(model)
    return found


def quiet(*_):
    pass


def test_scenes_is_what_text_to_image_and_its_inpainting_need_in_order():
    order = groups.members("scenes")
    assert set(order) == {"autoencoder-scenes", "clip-scenes", "unet-scenes", "unet-scenes-inpaint"}
    for name in order:
        assert all(order.index(need) < order.index(name) for need in recipes.RECIPES[name].needs)


def test_each_member_goes_on_from_what_this_run_made(course, tmp_path):
    assert groups.members("all") == ("first", "second", "third")
    found = groups.train_group("all", folder=tmp_path / "mine", say=quiet)
    assert {name: metrics["bias"] for name, metrics in found.items()} == {
        "first": 1,
        "second": 10,
        "third": 100,
    }
    assert written(tmp_path / "mine") == {"first": 1, "second": 10, "third": 100}
    assert sorted(path.suffix for path in (tmp_path / "mine").iterdir()) == 3 * [".md"] + 3 * [".safetensors"]
    card = (tmp_path / "mine" / "second.md").read_text(encoding="utf-8")
    assert "| made by | `diffusion-course train all --profile standard --seed 0` |" in card
    assert bias(presets.load_pretrained("first")) == 7  # as it ships: the training wrote elsewhere


def test_an_interrupted_run_goes_on_and_writes_all_together(course):
    shipped = course.home / "data" / "weights"
    course.stop = "third"
    with pytest.raises(Interrupted):
        groups.train_group("all", say=quiet)
    assert written(shipped) == {"first": 7}  # no mixture of two runs
    course.stop, said = None, []
    groups.train_group("all", say=said.append)
    assert course == {"first": 1, "second": 1, "third": 2}
    assert [re.findall(": (finished before|training)", line) for line in said] == [
        ["finished before"],
        ["finished before"],
        ["training"],
    ]
    assert written(shipped) == {"first": 1, "second": 10, "third": 100}
    assert [problem for _, problem in verify_all() if problem] == []
    load_weights(presets.build("third"), read_verified("weights/third.safetensors"))
    assert not groups.run_folder("all", "standard", 0).exists()
    groups.train_group("all", say=quiet)  # that run is over: a new one
    assert course == {"first": 2, "second": 2, "third": 3}


def test_a_run_of_another_seed_or_profile_is_another_run(course):
    course.stop = "third"
    for seed, profile in ((0, "standard"), (1, "standard"), (0, "full"), (0, "standard")):
        with pytest.raises(Interrupted):
            groups.train_group("all", profile, seed, say=quiet)
    assert course == {"first": 3, "second": 3, "third": 4}
    assert written(groups.run_folder("all", "standard", 1)) == {"first": 2, "second": 20}


def test_what_was_finished_but_changed_since_is_trained_again(course):
    course.stop = "third"
    with pytest.raises(Interrupted):
        groups.train_group("all", say=quiet)
    model = presets.build("second")
    from diffusion_course.models.weights import save_weights

    bias(model, 5.0)
    save_weights(model, groups.run_folder("all", "standard", 0) / "second.safetensors")
    course.stop = None
    groups.train_group("all", say=quiet)
    assert course == {"first": 1, "second": 2, "third": 2}
    assert written(course.home / "data" / "weights") == {"first": 1, "second": 10, "third": 100}


def test_a_need_that_a_recipe_does_not_name_is_no_reason_to_take_the_shipped_weights(course, monkeypatch):
    hasty = Recipe(
        "none", lambda model, profile: presets.load_pretrained("first"), lambda m: {"bias": bias(m)}
    )
    monkeypatch.setitem(recipes.RECIPES, "second", hasty)
    monkeypatch.setattr(groups, "GROUPS", {"hasty": ("second", "first")})
    monkeypatch.setattr(groups, "members", lambda group: ("second", "first"))
    with pytest.raises(MissingFile, match="first.safetensors must be trained before.*`needs`"):
        groups.train_group("hasty", say=quiet)


def test_files_of_a_run_come_before_shipped_ones_only_inside_of_it(course, tmp_path):
    shipped = read_verified("weights/first.safetensors")
    (tmp_path / "first.safetensors").write_bytes(b"mine")
    with trained_in(tmp_path):
        assert read_trained("weights/first.safetensors") == b"mine" and training_folder() == tmp_path
        with trained_in(tmp_path / "empty"):
            assert read_trained("weights/first.safetensors") == shipped
        with trained_in(tmp_path / "empty", awaited=("first",)), pytest.raises(MissingFile):
            read_trained("weights/first.safetensors")
    assert read_trained("weights/first.safetensors") == shipped and training_folder() is None


def test_the_command_trains_groups_and_refuses_what_it_must(course, tmp_path):
    def call(*arguments):
        return CliRunner().invoke(cli.app, ["train", *arguments])

    for wrong in (("none",), ("two", "--profile", "quick"), ("two", "--all")):
        refused = call(*wrong)
        assert refused.exit_code == 2 and "Received" in refused.output and not course
    done = call("two", "--profile", "quick", "--folder", str(tmp_path / "mine"), "--seed", "1")
    assert done.exit_code == 0, done.output
    assert "first (1 of 2): training, profile quick, seed 1" in done.output
    assert "second: bias 20" in done.output and written(tmp_path / "mine") == {"first": 2, "second": 20}
    assert course.tidied[-2:] == ["first", "second"]
    with pytest.raises(ValueError, match="A group must be one of all, two. Received: 'three'"):
        groups.train_group("three")


@pytest.mark.slow
def test_scenes_from_nothing_is_cut_short_goes_on_and_paints(tmp_path, monkeypatch):
    from diffusion_course.pipelines.text_to_image import load_text_to_image
    from diffusion_course.recipes import latent_scenes
    from diffusion_course.training import fitting

    def stop(*_, **__):
        raise Interrupted

    how = {"profile": "quick", "seed": 4_000_000_001, "folder": tmp_path, "say": quiet}
    run = groups.run_folder("scenes", "quick", how["seed"])
    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        # After the last step and its checkpoint, before anything was made of it
        patch.setattr(latent_scenes, "train_stages", lambda *a, **k: stop(latent_scenes_train(*a, **k)))
        latent_scenes_train = recipes.diffusion.train_stages
        groups.train_group("scenes", **how)
    made = {path.name: path.read_bytes() for path in run.glob("*scenes.safetensors")}
    assert set(made) == {"autoencoder-scenes.safetensors", "clip-scenes.safetensors"}
    steps = []
    with monkeypatch.context() as patch:
        load = fitting.load_checkpoint
        patch.setattr(
            fitting, "load_checkpoint", lambda *a, **k: steps.append(load(*a, **k)[0]) or load(*a, **k)
        )
        groups.train_group("scenes", **how)
    assert steps == [20]  # of the U-Net; the others had no checkpoint left or none yet
    for name, content in made.items():
        assert (tmp_path / name).read_bytes() == content
    with trained_in(tmp_path, awaited=groups.members("scenes")):
        pictures = load_text_to_image("unet-scenes").generate(["a red star"], steps=2)
    assert pictures.shape == (1, 32, 32, 3) and np.isfinite(pictures).all() and not run.exists()
