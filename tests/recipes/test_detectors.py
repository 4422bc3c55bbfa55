"""The recipe of chapter 04: what it measures, and that the shipped file does what its card says."""

import numpy as np
import pytest

from diffusion_course import recipes
from diffusion_course.course.paths import data_dir
from diffusion_course.models import presets
from diffusion_course.recipes import detectors

NAME = "anomaly-ecg"


@pytest.mark.slow
def test_shipped_weights_do_what_their_card_says():
    card = (data_dir() / presets.weights_file(NAME)).with_suffix(".md").read_text(encoding="utf-8")
    measured = recipes.RECIPES[NAME].evaluate(presets.load_pretrained(NAME))
    for metric, value in measured.items():
        stated = float(card.split(f"| {metric} | ")[1].split(" |")[0])
        np.testing.assert_allclose(value, stated, atol=2e-3)
    assert measured["test_auroc"] > 0.988 and measured["test_accuracy"] > 0.97


def test_a_few_epochs_already_help():
    untrained = recipes.RECIPES[NAME].evaluate(presets.build(NAME))
    model = presets.build(NAME)
    recipes.RECIPES[NAME].train(model, "quick")
    trained = recipes.RECIPES[NAME].evaluate(model)
    assert trained["test_auroc"] > 0.9 > untrained["test_auroc"]


@pytest.mark.parametrize("rate", [0.02, 0.1])
def test_recall_grows_with_the_false_alarms_allowed(rate):
    model = presets.load_pretrained(NAME)
    strict = detectors.evaluate_anomaly_detector(model, false_alarm_rate=0.005)
    assert (
        detectors.evaluate_anomaly_detector(model, false_alarm_rate=rate)["test_recall"]
        > strict["test_recall"]
    )
