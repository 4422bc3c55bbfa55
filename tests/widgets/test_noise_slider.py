"""The noise slider: the right numbers, the told level, and pictures that describe themselves."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from diffusion_course.widgets import noise_slider
from diffusion_course.widgets.noise_slider import compare, comparison_html, still_figure

CLEAN = np.tile(np.linspace(0, 1, 28, dtype="float32")[:, None, None], (1, 28, 1))
NOISE = np.random.default_rng(0).standard_normal(CLEAN.shape)
METHODS = {"perfect": lambda y, s: CLEAN[None], "told <grey>": lambda y, s: np.full_like(y, s)}


def test_compare_measures_each_method():
    results = compare(CLEAN, NOISE, 0.2, 0.5, METHODS)
    assert list(results) == ["clean", "noisy", "perfect", "told <grey>"]
    noisy = np.clip(CLEAN + 0.2 * NOISE, 0, 1)
    np.testing.assert_allclose(results["noisy"][1], -10 * np.log10(np.mean((noisy - CLEAN) ** 2)), rtol=1e-5)
    assert results["perfect"][1] == np.inf
    assert np.all(results["told <grey>"][0] == 0.5)


def test_html_marks_the_best_and_escapes_names():
    text = comparison_html(
        compare(CLEAN, NOISE, 0.2, 0.2, {"a": lambda y, s: y, "b<": lambda y, s: (y + CLEAN) / 2})
    )
    assert text.count("★") == 2 and "b&lt;" in text and "<b<" not in text  # once in the alt text, once below
    assert text.count("<img") == 4 == text.count("alt=")


def test_negative_levels_are_refused():
    with pytest.raises(ValueError, match="must not be negative. Received: level=-1"):
        compare(CLEAN, NOISE, -1, 0, METHODS)


def test_still_figure_tells_every_number():
    figure, alt = still_figure(CLEAN, {"copy": lambda y, s: y}, levels=(0.1, 0.8))
    assert len(figure.axes[0].images) == 6 and alt.count("copy") == 2
    plt.close(figure)


def test_widget_follows_its_controls():
    told = []
    widget = noise_slider(CLEAN[None], {"copy": lambda y, s: told.append(s) or y})
    _, level, honest, believed, _ = widget.controls.values()
    view = widget.view
    before = view.value
    level.value = 0.6
    assert view.value != before and told[-1] == 0.6 and believed.disabled
    honest.value = False
    believed.value = 0.1
    assert told[-1] == 0.1 and not believed.disabled
    data, metadata = widget._repr_mimebundle_()
    assert "noisy" in metadata["image/png"]["alt"] and "image/png" in data


def test_widget_needs_pictures_and_methods():
    with pytest.raises(ValueError, match="at least one each"):
        noise_slider(CLEAN[None], {})
