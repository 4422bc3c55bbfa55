"""Figures hold what they were given; the helpers around them keep their rules."""

import io

import numpy as np
import pytest
from matplotlib import pyplot as plt
from PIL import Image

from diffusion_course import plots
from diffusion_course.plots.display import figure_png
from diffusion_course.plots.grids import montage

IMAGES = np.arange(5, dtype="float32")[:, None, None, None] / 10 * np.ones((5, 3, 4, 1), "float32")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_montage_places_every_picture():
    sheet = montage(IMAGES, columns=2)
    assert sheet.shape == (3 * 4 - 1, 2 * 5 - 1)
    assert np.all(sheet[0:3, 0:4] == IMAGES[0, 0, 0, 0]) and np.all(sheet[8:11, 0:4] == IMAGES[4, 0, 0, 0])
    assert np.all(sheet[3] == 1) and np.all(sheet[8:, 5:] == 1)


def test_montage_clips_and_keeps_colour():
    sheet = montage(np.full((1, 2, 2, 3), 7.0), columns=1, gap=0)
    assert sheet.shape == (2, 2, 3) and sheet.max() == 1


@pytest.mark.parametrize("shape", [(5, 28, 28), (5, 28, 28, 2), (28, 28)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="Received: shape"):
        plots.image_grid(np.zeros(shape))


def test_image_rows_refuses_uneven_rows():
    with pytest.raises(ValueError, match="lengths"):
        plots.image_rows([IMAGES, IMAGES[:2]], ["a", "b"])


def test_plane_points_read_like_a_page():
    points = plots.plane_points(((0, 4), (10, 12)), columns=4, rows=2)
    np.testing.assert_allclose(points[0], [0.5, 11.5])  # top left
    np.testing.assert_allclose(points[3], [3.5, 11.5])
    np.testing.assert_allclose(points[-1], [3.5, 10.5])  # bottom right
    assert points.dtype == np.float32


def test_decoded_plane_tints_exactly_the_empty_cells():
    codes = np.array([[0.5, 1.5], [1.5, 0.5]])  # top left and bottom right of a 2 x 2 plane
    figure = plots.decoded_plane(
        lambda z: np.zeros((len(z), 1, 1, 1)), ((0, 2), (0, 2)), columns=2, rows=2, codes=codes
    )
    sheet = figure.axes[0].images[0].get_array()
    tinted = sheet[..., 0] > sheet[..., 2]
    assert tinted.tolist() == [[False, True], [True, False]]


def test_latent_map_draws_every_class_once():
    rng = np.random.default_rng(0)
    labels = np.arange(30) % 3
    figure = plots.latent_map(rng.normal(size=(30, 2)), labels, ["a", "b", "c"])
    drawn = figure.axes[0].collections
    assert [len(c.get_offsets()) for c in drawn] == [10, 10, 10]
    assert len({tuple(c.get_facecolor()[0]) for c in drawn}) == 3


def test_latent_map_refuses_other_dimensions():
    with pytest.raises(ValueError, match=r"\(N, 2\). Received: shape \(4, 3\)"):
        plots.latent_map(np.zeros((4, 3)), np.zeros(4, int), ["a"])


def test_lines_hold_their_values_and_lengths():
    figure = plots.plot_lines([1, 2, 4], {"a": [3, 2, 1]}, xlabel="x", ylabel="y", log_x=True)
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_ydata(), [3, 2, 1])
    with pytest.raises(ValueError, match="3 values. Received: b with 2"):
        plots.plot_lines([1, 2, 4], {"b": [1, 2]}, xlabel="x", ylabel="y")


def test_figure_becomes_a_png_and_is_closed():
    figure = plots.image_grid(IMAGES)
    picture = Image.open(io.BytesIO(figure_png(figure)))
    assert picture.format == "PNG" and picture.width > 300
    assert not plt.fignum_exists(figure.number)


@pytest.mark.parametrize(("caption", "alt"), [("", "words"), ("words", " ")])
def test_show_wants_words(caption, alt):
    with pytest.raises(ValueError, match="A figure must have"):
        plots.show(plots.image_grid(IMAGES), caption, alt)


def test_show_emits_picture_description_and_caption(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda *args, **kwargs: shown.append((args, kwargs)))
    plots.show(plots.image_grid(IMAGES), "What it shows", "What one must know")
    (data,), options = shown[0]
    assert data["text/plain"] == options["metadata"]["image/png"]["alt"] == "What one must know"
    assert shown[1][0][0].data == "*What it shows*"
