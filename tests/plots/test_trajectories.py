"""Films show the right picture in the right place; curves hold what they were given."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from diffusion_course.plots.trajectories import film, steps_against_quality

FRAMES = (np.arange(40) / 40)[:, None, None, None, None] * np.ones((40, 3, 5, 4, 1))
FRAMES = FRAMES * np.array([1, 0.5, 0.25])[None, :, None, None, None]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def texts(figure):
    return [t.get_text() for t in figure.axes[0].texts]


def test_film_has_time_to_the_right_and_a_row_per_picture():
    axes = film(FRAMES, range(39, -1, -1)).axes[0]
    sheet = np.asarray(axes.images[0].get_array())
    assert sheet.shape == (3 * 6 - 1, 16 * 5 - 1)
    labels = [t.get_text() for t in axes.get_xticklabels()]
    assert len(labels) == 16 and labels[0] == "39" and labels[-1] == "0"
    for column, label in enumerate(labels):
        for row, factor in enumerate((1, 0.5, 0.25)):
            assert sheet[6 * row, 5 * column] == pytest.approx(factor * (39 - int(label)) / 40)


def test_film_shows_all_of_a_short_one_and_colour():
    axes = film(np.zeros((3, 2, 4, 4, 3)), ["a", "b", "c"]).axes[0]
    assert axes.images[0].get_array().shape == (9, 14, 3)
    assert [t.get_text() for t in axes.get_xticklabels()] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("frames", "steps", "columns"),
    [
        (FRAMES, range(3), 16),
        (FRAMES[0], range(3), 16),
        (FRAMES, range(40), 1),
        (FRAMES[..., :0], range(40), 4),
    ],
)
def test_film_refuses(frames, steps, columns):
    with pytest.raises(ValueError, match="`frames` must be"):
        film(frames, steps, columns=columns)


def test_quality_lines_bands_floor_and_names():
    figure = steps_against_quality({"DDPM": ([50, 10], [2, 9]), "DDIM": ([10, 50], [3, 1.5], [0.2, 0.1])})
    axes = figure.axes[0]
    np.testing.assert_array_equal(axes.lines[0].get_xydata(), [[10, 9], [50, 2]])  # sorted
    np.testing.assert_array_equal(axes.lines[2].get_ydata(), [1, 1])
    assert len(axes.collections) == 1
    band = axes.collections[0].get_paths()[0].vertices
    assert band[:, 1].min() == pytest.approx(1.4) and band[:, 1].max() == pytest.approx(3.2)
    assert axes.get_xscale() == "log" and {"DDPM", "DDIM", "real pictures"} <= set(texts(figure))


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ({}, "1 to 10"),
        ({"a": ([1, 2], [1])}, "of one length. Received: a"),
        ({"a": ([1, 2],)}, "of one length"),
        ({"a": ([0, 2], [1, 1])}, "above 0. Received: a"),
        ({"a": ([1, 2], [1, np.nan])}, "above 0. Received: a"),
    ],
)
def test_quality_refuses(lines, words):
    with pytest.raises(ValueError, match=words):
        steps_against_quality(lines)


def test_names_do_not_cover_each_other():
    """Lines that end together still have names apart."""
    figure = steps_against_quality({name: ([1, 2], [2, 1.001]) for name in "abcd"})
    heights = sorted(t.get_position()[1] for t in figure.axes[0].texts if t.get_text() in set("abcd"))
    assert np.diff(heights).min() > 0.07
