"""The widget of latents: changes in the right place, their reach counted, controls that arrive, words for everyone."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from diffusion_course.widgets import latent_cells
from diffusion_course.widgets.latent_cells import check_latents, edited, in_words, reach, still_figure

RNG = np.random.default_rng(0)
PICTURES = RNG.random((3, 8, 8, 3), dtype="float32")
LATENTS = RNG.standard_normal((3, 4, 4, 2)).astype("float32")


def decode(z):
    """Every latent fills a square of 2 x 2 pixels; two channels are red and green."""
    large = np.asarray(z).repeat(2, axis=1).repeat(2, axis=2)
    colours = np.concatenate([large, np.zeros_like(large[..., :1])], axis=-1)
    return np.clip(0.5 + colours / 10, 0, 1)


CHANGE = {"row": 1, "column": 3, "channel": 1, "add": 2.0, "mix": 0.0}


def test_one_number_changes_and_no_other():
    before = LATENTS[0].copy()
    changed = edited(LATENTS[0], LATENTS[1], **CHANGE)
    difference = changed - before
    assert difference[1, 3, 1] == pytest.approx(2) and np.count_nonzero(difference) == 1
    np.testing.assert_array_equal(LATENTS[0], before)  # what was given is not changed
    both = edited(LATENTS[0], LATENTS[1], **{**CHANGE, "channel": None}) - before
    assert np.count_nonzero(both) == 2


def test_a_mixture_is_a_mixture_everywhere():
    half = edited(LATENTS[0], LATENTS[1], **{**CHANGE, "add": 0.0, "mix": 0.5})
    np.testing.assert_allclose(half, (LATENTS[0] + LATENTS[1]) / 2, rtol=1e-6)
    np.testing.assert_allclose(
        edited(LATENTS[0], LATENTS[1], **{**CHANGE, "add": 0.0, "mix": 1.0}), LATENTS[1]
    )


def test_reach_counts_pixels_and_frames_them():
    before, after = decode(np.stack([LATENTS[0], edited(LATENTS[0], LATENTS[1], **CHANGE)]))
    assert reach(before, after) == (4, 2, 2)
    assert reach(before, before) == (0, 0, 0)
    assert reach(before, before + 0.01) == (0, 0, 0)  # nobody sees that


def test_words_name_what_was_done():
    assert (
        in_words(1, 3, 1, 2.0, 0.0, (4, 2, 2))
        == "+2 in row 1, column 3, channel 1: 4 pixels changed, within 2 x 2"
    )
    assert in_words(0, 0, None, 0.0, 0.0, (0, 0, 0)) == "latents as they are"
    both = in_words(0, 0, None, -1.0, 0.3, (9, 8, 7))
    assert both.startswith("30% of the other picture's latents; -1 in row 0, column 0, all channels")


def test_widget_follows_its_controls():
    widget = latent_cells(PICTURES, LATENTS, decode)
    assert "+2 in row 2, column 2, all channels" in widget.view.value
    assert widget.view.value.count("<img") == 5 + 2 == widget.view.value.count("alt=")
    seen = {widget.view.value}
    for name, value in (
        ("add", -1.5),
        ("channel", 1),
        ("row", 0),
        ("column", 3),
        ("mix", 0.5),
        ("other", 2),
        ("picture", 1),
    ):
        widget.controls[name].value = value
        assert widget.view.value not in seen, name
        seen.add(widget.view.value)
    assert "50% of the other" in widget.view.value and "channel 1" in widget.view.value


def test_without_a_kernel_a_still_figure_shows_every_channel_and_a_mixture():
    figure, alt = still_figure(PICTURES, LATENTS, decode)
    assert len(figure.axes[0].images) == 2 * (1 + 2 + 1)
    assert "channel 0: 4 pixels changed, within 2 x 2" in alt and "50% of the other" in alt
    plt.close(figure)
    data, metadata = latent_cells(PICTURES, LATENTS, decode)._repr_mimebundle_()
    assert "image/png" in data and "channel 1" in metadata["image/png"]["alt"]


@pytest.mark.parametrize(
    ("pictures", "latents"),
    [
        (PICTURES[:0], LATENTS[:0]),
        (PICTURES, LATENTS[:2]),
        (PICTURES, LATENTS[:, :3]),
        (PICTURES[..., :1], LATENTS),
    ],
)
def test_latents_of_other_pictures_are_refused(pictures, latents):
    with pytest.raises(ValueError, match="one for each of `pictures`.*Received: shapes"):
        check_latents(pictures, latents)
