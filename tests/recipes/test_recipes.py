"""Recipes write weights, card and checksum that belong together, and refuse unknown names."""

import os
import re

import numpy as np
import pytest
from typer.testing import CliRunner

from diffusion_course import cli, recipes
from diffusion_course.course.files import read_verified, verify_all
from diffusion_course.models import presets
from diffusion_course.models.weights import load_weights
from diffusion_course.recipes.base import Recipe


def test_every_preset_has_a_recipe():
    assert set(recipes.names()) == set(presets.SHIPPED)


def test_recipes_come_after_what_they_need(monkeypatch):
    assert recipes.RECIPES["unet-mnist-learned"].needs == ("unet-mnist",)
    assert recipes.RECIPES["unet-fashion"].needs == ("classifier-fashion",)
    for table in (recipes.RECIPES, dict(reversed(recipes.RECIPES.items()))):  # not by the order of the table
        monkeypatch.setattr(recipes, "RECIPES", table)
        order = recipes.names(every=True)
        assert sorted(order) == sorted(table)
        for name, recipe in table.items():
            assert all(order.index(need) < order.index(name) for need in recipe.needs)


def test_quick_recipe_writes_weights_and_card(tmp_path):
    metrics = recipes.train("autoencoder-fashion-2", "quick", seed=3, folder=tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "autoencoder-fashion-2.md",
        "autoencoder-fashion-2.safetensors",
    ]
    model = presets.build("autoencoder-fashion-2")
    load_weights(model, (tmp_path / "autoencoder-fashion-2.safetensors").read_bytes())
    again = recipes.RECIPES["autoencoder-fashion-2"].evaluate(model)
    np.testing.assert_allclose(again["test_mse"], metrics["test_mse"], rtol=1e-5)
    card = (tmp_path / "autoencoder-fashion-2.md").read_text(encoding="utf-8")
    assert "train autoencoder-fashion-2 --profile quick --seed 3" in card
    assert f"| test_mse | {metrics['test_mse']:.5g} |" in card


@pytest.mark.slow
@pytest.mark.parametrize("name", recipes.names())
def test_shipped_weights_do_what_their_card_says(name):
    card = (recipes.data_dir() / presets.weights_file(name)).with_suffix(".md").read_text(encoding="utf-8")
    table = card.split("| metric | value |")[1].split("| measure | mean |")[0]
    stated = {metric: float(value) for metric, value in re.findall(r"\| ([\w.]+) \| ([\d.e-]+) \|", table)}
    measured = recipes.RECIPES[name].evaluate(presets.load_pretrained(name))
    assert set(stated) == set(measured)
    for metric, value in measured.items():
        np.testing.assert_allclose(value, stated[metric], rtol=2e-3, err_msg=metric)


@pytest.mark.parametrize(("name", "least"), [("classifier-mnist", 0.992), ("classifier-fashion", 0.925)])
def test_the_ruler_is_good_enough(name, least):
    assert recipes.RECIPES[name].evaluate(presets.load_pretrained(name))["test_accuracy"] >= least


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="A recipe must be one of .*Received: 'gan'"):
        recipes.train("gan")
    with pytest.raises(ValueError, match="A preset must be one of .*Received: 'gan'"):
        presets.load_pretrained("gan")
    with pytest.raises(ValueError, match="Received: 'fast'"):
        recipes.train("autoencoder-fashion-2", "fast")


# --- publishing

NAME = "autoencoder-fashion-2"
FILE, CARD = f"weights/{NAME}.safetensors", f"weights/{NAME}.md"


class Broken(Exception):
    """What goes wrong, or who presses Ctrl-C, at one step of a training."""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A course folder of its own, in which a recipe that moves one weight was published with the value 1."""
    (tmp_path / "course" / "data").mkdir(parents=True)
    (tmp_path / "course" / "book.toml").write_text("", encoding="utf-8")
    monkeypatch.setenv("DIFFUSION_COURSE_HOME", str(tmp_path / "course"))
    data = recipes.data_dir()
    use(monkeypatch, 1.0)
    recipes.train(NAME)
    return data


def use(monkeypatch, value, **changes):
    """Replaces the recipe by one that sets the last bias to ``value``."""

    def move(model, profile, **seed):
        assert seed == ({"seed": 5} if "tidy" in changes else {})
        model.weights[-1].assign(np.full(model.weights[-1].shape, value))

    def read(model):
        return {"bias": float(np.mean(model.weights[-1]))}

    recipe = Recipe(**{"data": "none", "train": move, "evaluate": read, "judge": read, **changes})
    monkeypatch.setitem(recipes.RECIPES, NAME, recipe)


def published(data):
    """The value in the weights, in the card and on the disk as a whole: every file with its checksum."""
    assert [problem for _, problem in verify_all() if problem] == []
    model = presets.build(NAME)
    load_weights(model, read_verified(FILE))
    stated = float((data / CARD).read_text(encoding="utf-8").split("| bias | ")[1].split(" |")[0])
    assert float(np.mean(model.weights[-1])) == stated
    assert sorted(p.name for p in data.rglob("*") if p.is_file()) == sorted(
        ["SHA256SUMS", f"{NAME}.md", f"{NAME}.safetensors"]
    )
    return stated


def test_weights_card_and_checksum_are_published_together(home, monkeypatch):
    assert published(home) == 1
    use(monkeypatch, 2.0)
    assert recipes.train(NAME, folder=home / "weights") == {"bias": 2}  # the default, by its name
    assert published(home) == 2


@pytest.mark.parametrize("step", ["train", "evaluate", "judge", "card", "rename 1", "rename 2", "rename 3"])
def test_whatever_fails_leaves_the_old_three(home, monkeypatch, step):
    def fail(*_):
        raise Broken

    use(monkeypatch, 2.0, **({step: fail} if step in ("train", "evaluate", "judge") else {}))
    calls, replace = [], os.replace

    def replace_or_fail(*paths):
        calls.append(paths)
        return fail() if step == f"rename {len(calls)}" else replace(*paths)

    with monkeypatch.context() as patch, pytest.raises(Broken):
        patch.setattr(os, "replace", replace_or_fail)
        if step == "card":
            patch.setattr(recipes, "device_report", fail)
        recipes.train(NAME)
    assert published(home) == 1
    use(monkeypatch, 3.0)
    recipes.train(NAME)
    assert published(home) == 3


def test_checkpoints_go_when_the_weights_are_safe(home, monkeypatch):
    seen = []
    use(monkeypatch, 2.0, tidy=lambda profile, seed: seen.append((profile, seed, published(home))))
    recipes.train(NAME, "full", seed=5)
    assert seen == [("full", 5, 2)]


def test_a_quick_training_never_publishes(home, monkeypatch, tmp_path):
    use(monkeypatch, 2.0)
    for folder in (None, home / "weights", home / "mnist" / ".." / "weights"):
        with pytest.raises(ValueError, match="must write to a folder of its own.*Received: profile='quick'"):
            recipes.train(NAME, "quick", folder=folder)
    with pytest.raises(ValueError, match="must lie outside of data/"):
        recipes.train(NAME, folder=home / "elsewhere")
    assert published(home) == 1
    recipes.train(NAME, "quick", folder=tmp_path / "mine")
    assert sorted(p.name for p in (tmp_path / "mine").iterdir()) == [f"{NAME}.md", f"{NAME}.safetensors"]
    assert published(home) == 1


def test_the_command_takes_a_folder_and_no_profile_from_the_environment(home, monkeypatch, tmp_path):
    def call(*arguments):
        return CliRunner().invoke(cli.app, ["train", NAME, *arguments])

    use(monkeypatch, 2.0)
    monkeypatch.setenv("COURSE_PROFILE", "quick")
    refused = call("--profile", "quick")
    assert refused.exit_code == 2 and "--folder" in refused.output and published(home) == 1
    assert call("--profile", "quick", "--folder", str(tmp_path / "mine")).exit_code == 0
    assert (tmp_path / "mine" / f"{NAME}.safetensors").is_file() and published(home) == 1
    done = call()
    assert done.exit_code == 0 and "profile standard" in done.output and published(home) == 2


@pytest.mark.parametrize("kind", ["a file", "in a file", "empty", "read-only"])
def test_a_folder_that_cannot_be_written_is_refused_before_training(home, monkeypatch, tmp_path, kind):
    def train(*_):
        raise AssertionError("training began")

    use(monkeypatch, 2.0, train=train)
    file = tmp_path / "file"
    file.write_text("mine", encoding="utf-8")
    folder = {"a file": file, "in a file": file / "a" / "b", "empty": "", "read-only": tmp_path / "new"}[kind]
    if kind == "read-only":  # the superuser may write anywhere
        monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path)
    with pytest.raises(ValueError, match="`folder` must be .*Received: folder="):
        recipes.train(NAME, folder=folder)
    result = CliRunner().invoke(cli.app, ["train", NAME, "--folder", str(folder)])
    assert result.exit_code == 2 and "`folder` must be" in result.output
    assert file.read_text(encoding="utf-8") == "mine" and published(home) == 1


@pytest.mark.parametrize("seed", [-1, 2**32, 99999999999999999999, 1.0, True])
def test_a_seed_out_of_range_is_refused(seed):
    with pytest.raises(ValueError, match="`seed` must be an integer from 0 to 4294967295. Received: seed="):
        recipes.train(NAME, seed=seed)
