"""The threshold explorer: its arithmetic, its words, and what moves when a control moves."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from diffusion_course.metrics.detection import Confusion, confusion
from diffusion_course.widgets import threshold_explorer
from diffusion_course.widgets.threshold_logic import Detector, in_words, table_html

RNG = np.random.default_rng(0)
TRUTH = np.arange(300) >= 180
GOOD = np.exp(RNG.normal(size=300) + 3 * TRUTH)
POOR = np.exp(RNG.normal(size=300) / 10 + TRUTH / 10)


@pytest.mark.parametrize("threshold", [0.0, 1.0, 4.0, 1e9])
def test_detector_counts_as_the_library_does(threshold):
    assert Detector.from_scores(GOOD, TRUTH).confusion(threshold) == confusion(GOOD, TRUTH, threshold)


def test_base_rate_changes_precision_and_nothing_else():
    detector = Detector.from_scores(GOOD, TRUTH)
    here, rare = detector.confusion(4.0), detector.confusion(4.0, per_thousand=10)
    np.testing.assert_allclose([rare.recall, rare.false_alarm_rate], [here.recall, here.false_alarm_rate])
    bayes = 0.01 * here.recall / (0.01 * here.recall + 0.99 * here.false_alarm_rate)
    np.testing.assert_allclose(rare.precision, bayes)
    assert rare.precision < here.precision
    np.testing.assert_allclose(rare.caught + rare.missed, 10)
    with pytest.raises(ValueError, match="Received: per_thousand=2000"):
        detector.confusion(4.0, per_thousand=2000)


def test_table_says_the_same_in_words_and_in_html():
    table = Confusion(1234, 5.25, 7, 100.4)
    for text in ("1,234", "5.2", "7", "100"):
        assert text in in_words(table) and text in table_html(table)
    assert "precision none" in in_words(Confusion(0, 3, 0, 5))


@pytest.fixture
def widget():
    return threshold_explorer({"good": GOOD, "poor": POOR}, TRUTH, {"good": 4.0, "poor": 1.1})


def test_moving_the_threshold_changes_table_and_picture(widget):
    threshold, picture = widget.controls["threshold"], widget.view
    before = picture.value
    want = in_words(confusion(GOOD, TRUTH, 4.0))
    assert want in picture.value
    threshold.value = 8.0
    assert picture.value != before and "data:image/png;base64,iVBOR" in picture.value
    assert f"<b>{confusion(GOOD, TRUTH, threshold.value).caught}</b>" in picture.value
    assert not plt.get_fignums(), "a figure that pyplot knows of would be shown twice"


def test_choosing_another_detector_moves_the_slider(widget):
    (name, threshold, share), picture = widget.controls.values(), widget.view
    for chosen, start in (("poor", 1.1), ("good", 4.0), ("poor", 1.1)):
        name.value = chosen
        np.testing.assert_allclose(threshold.value, start, rtol=1e-2)
        low, high = Detector.from_scores({"good": GOOD, "poor": POOR}[chosen], TRUTH).limits()
        np.testing.assert_allclose([threshold.min, threshold.max], np.log10([low, high]))
    share.value = "10 per 1,000 beats"
    assert "normal beats passed" in picture.value


def test_limits_and_value_reach_the_browser_together(widget, wired):
    name, threshold, _ = widget.controls.values()
    wire = wired(threshold)
    name.value = "poor"
    assert wire.sent == [{"min", "max", "value"}], "the browser would cut the old value off at the new limits"


def test_without_a_kernel_there_is_a_still_picture(widget):
    data, metadata = widget._repr_mimebundle_()
    assert data["image/png"].startswith("iVBOR") and "Run the cell" in data["text/plain"]
    assert metadata["image/png"]["alt"] == data["text/plain"]


def test_detectors_must_match_thresholds():
    with pytest.raises(ValueError, match="same detectors"):
        threshold_explorer({"good": GOOD}, TRUTH, {})
    with pytest.raises(ValueError, match="same detectors"):
        threshold_explorer({}, TRUTH, {})
