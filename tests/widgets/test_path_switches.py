"""The path switches: errors that are right, switches that reach the network, pictures that describe themselves."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from diffusion_course.widgets.path_switches import look, look_html, path_switches, still_figure

PICTURES = np.linspace(-1, 1, 3 * 16, dtype="float32").reshape(3, 4, 4, 1)
PATHS = ["bridges <top>", "deep path"]


def add_noise(pictures, noise, t):
    return pictures + t / 100 * noise


def guess(noisy, t, open_paths):
    """Knows the answer with all paths open, and is off by 0.2 for each closed one."""
    return PICTURES + 0.2 * open_paths.count(False)


FUNCTIONS = {"add_noise": add_noise, "guess": guess}


def test_errors_are_on_the_scale_of_the_pictures():
    rows = look(PICTURES - 0.5, 0, [True, False], add_noise=add_noise, guess=lambda x, t, p: x + 0.1)
    assert list(rows) == ["clean", "noisy", "guess, all paths", "guess, your paths"]
    shown = np.clip((PICTURES - 0.5 + 1) / 2, 0, 1)
    wanted = np.sqrt(np.mean((np.clip((PICTURES + 0.6) / 2, 0, 1) - shown) ** 2))
    np.testing.assert_allclose(rows["guess, your paths"][1], wanted, rtol=1e-5)
    assert rows["clean"][1] == 0 == rows["noisy"][1]


def test_noise_follows_step_and_seed():
    one, same, other = (look(PICTURES, 50, [True, True], seed=s, **FUNCTIONS)["noisy"][0] for s in (1, 1, 2))
    assert np.array_equal(one, same) and not np.array_equal(one, other)


def test_only_your_row_loses_paths():
    rows = look(PICTURES, 50, [False, False], **FUNCTIONS)
    assert rows["guess, all paths"][1] == 0 and rows["guess, your paths"][1] > 0.1


def test_html_describes_every_row_and_escapes():
    text = look_html({"a <b>": (np.zeros((2, 4, 4, 1)), 0.25)})
    assert "a &lt;b&gt;: error 0.250" in text and text.count("<img") == 1 == text.count("alt=")


def test_still_figure_closes_each_path_once():
    figure, alt = still_figure(PICTURES, [10, 50, 90], PATHS, **FUNCTIONS)
    assert "step 50" in alt and all(f"without {path}" in alt for path in PATHS)
    assert len(figure.axes[0].images) == 3 * (3 + len(PATHS))
    plt.close(figure)


def test_widget_follows_its_controls():
    calls = []

    def watched(noisy, t, open_paths):
        calls.append((t, list(open_paths)))
        return guess(noisy, t, open_paths)

    widget = path_switches(PICTURES, [10, 50, 90], PATHS, add_noise=add_noise, guess=watched)
    (step, seed, _, second), view = widget.controls.values(), widget.view
    before = view.value
    second.value = False
    assert calls[-1] == (50, [True, False]) and view.value != before
    step.value = 90
    assert calls[-1] == (90, [True, False])
    before = view.value
    seed.value = 3
    assert view.value != before
    data, metadata = widget._repr_mimebundle_()
    assert "image/png" in data and "deep path" in metadata["image/png"]["alt"]


def test_widget_needs_something_to_show():
    with pytest.raises(ValueError, match="at least one each. Received: 3, 1, 0"):
        path_switches(PICTURES, [1], [], add_noise=add_noise, guess=guess)
