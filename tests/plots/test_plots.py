"""Figures hold what they were given; the helpers around them keep their rules."""

import base64
import io

import numpy as np
import pytest
from keras import ops
from matplotlib import pyplot as plt
from PIL import Image

from diffusion_course import plots
from diffusion_course.plots.display import figure_png, png_size
from diffusion_course.plots.grids import WIDEST, montage, whole_scale

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


def test_latent_map_writes_names_in_the_middle_of_their_codes():
    codes = np.array([[0.0, 0.0], [2.0, 4.0], [9.0, 1.0]])
    figure = plots.latent_map(codes, np.array([0, 0, 2]), ["a", "b", "c"], names=True)
    assert {t.get_text(): t.get_position() for t in figure.axes[0].texts} == {"a": (1, 2), "c": (9, 1)}


def test_pictures_of_a_decoded_plane_are_large_enough_to_see():
    figure = plots.decoded_plane(
        lambda z: np.zeros((len(z), 28, 28, 1)), ((0, 1), (0, 1)), columns=14, rows=2
    )
    width = figure.get_figwidth() * figure.axes[0].get_position().width
    assert width * 90 / 14 >= 56


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


def test_image_rows_places_pictures_labels_and_notes():
    figure = plots.image_rows(
        [IMAGES, IMAGES[::-1]], ["a", "b"], list("vwxyz"), notes=[list("ABCDE"), [""] * 5]
    )
    (axes,) = figure.axes
    np.testing.assert_array_equal([i.get_array()[0, 0] for i in axes.images[5:]], IMAGES[::-1, 0, 0, 0])
    assert [t.get_text() for t in axes.get_xticklabels()] == list("vwxyz")
    assert [t.get_text() for t in axes.get_yticklabels()] == ["a", "b"]
    assert [t.get_text() for t in axes.texts] == [*"ABCDE", *[""] * 5]
    assert axes.get_yticks()[0] < axes.get_yticks()[1] and axes.yaxis_inverted()


@pytest.mark.parametrize("notes", [[["x"] * 5], [["x"] * 5, ["x"]]])
def test_image_rows_refuses_notes_that_do_not_fit(notes):
    with pytest.raises(ValueError, match="notes of lengths"):
        plots.image_rows([IMAGES, IMAGES], ["a", "b"], notes=notes)


@pytest.mark.parametrize(
    ("draw", "columns"),
    [
        (lambda x: plots.image_rows([x[:12]], ["twelve"], list("abcdefghijkl")), 12),
        (lambda x: plots.image_grid(x, 16), 16),
        (lambda x: plots.image_grid(x, 8, "title", width=5), 8),
        (lambda x: plots.film(x[:, None], range(16)), 16),
    ],
)
def test_pictures_are_seen_at_56_pixels_or_more_and_each_pixel_is_a_whole_square(draw, columns):
    noise = np.random.default_rng(0).integers(0, 2, (16, 28, 28, 1)).astype("float32")
    png = figure_png(draw(noise))
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("L"))
    assert png_size(png)[0] == pytest.approx(pixels.shape[1] / 2, abs=1) and png_size(png)[0] >= 56 * columns
    wanted = np.kron(255 * noise[0, ..., 0], np.ones((4, 4)))
    windows = np.lib.stride_tricks.sliding_window_view(pixels, wanted.shape)
    coarse = (windows[..., ::16, ::16] == wanted[::16, ::16]).all(axis=(-1, -2))
    assert any((windows[y, x] == wanted).all() for y, x in np.argwhere(coarse))


def test_scales_fill_the_width_and_never_the_page():
    assert whole_scale(28, columns=4, width=8) == 10  # 70 of 72 screen pixels per picture pixel of the width
    assert whole_scale(28, columns=12, width=8) == 4  # the width would give 3: below 56 screen pixels
    assert whole_scale(28, columns=24, width=8) == 2  # there is no room for 4
    assert 0 < whole_scale(512, columns=8, width=8) < 1
    for columns in range(1, 40):
        assert whole_scale(28, columns, 8) * 28 * columns <= WIDEST * 2 * 90


def test_figure_becomes_a_png_of_twice_the_pixels_and_is_closed():
    figure = plt.figure(figsize=(4, 2))
    png = figure_png(figure, crop=False)
    picture = Image.open(io.BytesIO(png))
    assert picture.format == "PNG" and picture.size == (720, 360) and png_size(png) == (360, 180)
    assert not plt.fignum_exists(figure.number)


def test_a_figure_of_many_bytes_is_kept_at_the_pixels_of_the_screen():
    png = figure_png(plots.image_grid(np.random.default_rng(0).random((64, 28, 28, 3)), 16))
    assert Image.open(io.BytesIO(png)).width == png_size(png)[0]


@pytest.mark.parametrize("kind", [np.asarray, ops.convert_to_tensor])
def test_as_pictures_is_for_arrays_and_tensors(kind):
    got = plots.as_pictures(kind(np.array([[-3, -1, 0, 0.5, 1, 9]], "float32")))
    assert type(got) is np.ndarray and got.dtype == np.float32
    np.testing.assert_array_equal(got, [[0, 0, 0.5, 0.75, 1, 1]])


def test_as_pictures_halves_whole_numbers_too():
    np.testing.assert_array_equal(plots.as_pictures(np.array([-1, 0, 1])), [0, 0.5, 1])


@pytest.mark.parametrize(("caption", "alt"), [("", "words"), ("words", " ")])
def test_show_wants_words(caption, alt):
    with pytest.raises(ValueError, match="A figure must have"):
        plots.show(plots.image_grid(IMAGES), caption, alt)


def test_show_emits_picture_description_and_caption(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda *args, **kwargs: shown.append((args, kwargs)))
    plots.show(plots.image_grid(IMAGES), "What it shows", "What one must know")
    (data,), options = shown[0]
    told = options["metadata"]["image/png"]
    assert data["text/plain"] == told["alt"] == "What one must know"
    picture = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert picture.size == pytest.approx((2 * told["width"], 2 * told["height"]), abs=1)
    assert shown[1][0][0].data == "*What it shows*"
