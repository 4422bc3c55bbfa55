"""Latents as pictures and curves over settings: right colours in right places, every value drawn, refusals."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from diffusion_course.plots import channel_pictures, quality_over_time, settings_panels


def test_each_latent_fills_its_square_and_sign_is_colour():
    latents = np.zeros((1, 2, 2, 3))
    latents[0, 0, 1, 2], latents[0, 1, 0, 2] = 5.0, -5.0
    first, _, third = channel_pictures(latents, 8)
    assert first.shape == (1, 8, 8, 3) and np.ptp(first) < 0.03  # nothing there: one colour, nearly white
    assert (third[0, :4, 4:] == third[0, 0, 7]).all() and (third[0, 4:, :4] == third[0, 7, 0]).all()
    red, blue = third[0, 7, 0], third[0, 0, 7]
    assert red[0] > red[2] and blue[2] > blue[1]  # orange below zero, purple above
    np.testing.assert_array_equal(channel_pictures(np.full((1, 1, 1, 1), 9.0), 4)[0][0, 0, 0], blue)


@pytest.mark.parametrize(
    ("shape", "side", "limit"), [((2, 3, 4), 12, 1), ((1, 3, 3, 1), 8, 1), ((1, 2, 2, 1), 8, 0)]
)
def test_what_cannot_be_enlarged_is_refused(shape, side, limit):
    with pytest.raises(ValueError, match="multiple of h and w.*Received: shape"):
        channel_pictures(np.zeros(shape), side, limit=limit)


def test_a_panel_for_each_measure_and_a_mark_for_each_setting():
    figure = settings_panels(
        ["0", "0.001", "0.1"],
        {"dB": {"PSNR": [30, 29, 20]}, "share": {"right": [0.2, 0.8, 0.4], "clean": [0.1, 0.9, 0.3]}},
        xlabel="KL weight",
    )
    left, right = figure.axes
    assert list(left.lines[0].get_ydata()) == [30, 29, 20] and not left.get_legend()
    assert [text.get_text() for text in right.get_xticklabels()] == ["0", "0.001", "0.1"]
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["right", "clean"]
    plt.close(figure)


def test_curves_begin_at_nothing_and_keep_their_own_times():
    figure = quality_over_time({"latents": ([10, 20], [0.5, 0.9]), "pixels": ([15], [0.1])}, ylabel="share")
    first, second = figure.axes[0].lines
    assert list(first.get_xdata()) == [0, 10, 20] and list(first.get_ydata()) == [0, 0.5, 0.9]
    assert list(second.get_xdata()) == [0, 15]
    plt.close(figure)


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda: settings_panels(["a"], {}, xlabel="x"), "at least one"),
        (lambda: settings_panels(["a"], {"y": {"line": [1, 2]}}, xlabel="x"), "1 values. Received: line"),
        (lambda: quality_over_time({}, ylabel="y"), "at least one"),
        (lambda: quality_over_time({"a": ([2, 1], [0, 1])}, ylabel="y"), "rising seconds.*a with"),
        (lambda: quality_over_time({"a": ([1, 2], [1])}, ylabel="y"), "as many values"),
    ],
)
def test_refusals(draw, words):
    with pytest.raises(ValueError, match=words):
        draw()
    plt.close("all")
