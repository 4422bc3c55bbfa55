"""Recipes write weights, card and checksum that belong together, and refuse unknown names."""

import re

import numpy as np
import pytest

from diffusion_course import recipes
from diffusion_course.models import presets
from diffusion_course.models.weights import load_weights


def test_every_preset_has_a_recipe():
    assert set(recipes.names()) == set(presets.PRESETS)


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


@pytest.mark.parametrize("name", recipes.names())
def test_shipped_weights_do_what_their_card_says(name):
    card = (recipes.data_dir() / presets.weights_file(name)).with_suffix(".md").read_text(encoding="utf-8")
    table = card.split("| metric | value |")[1].split("Its samples")[0]
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
