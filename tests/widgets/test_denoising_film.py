"""The denoising film: the slider chooses the moment, the words tell its distance, wrong recordings are refused."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from diffusion_course.widgets import denoising_film
from diffusion_course.widgets.denoising_film import check_film, in_words, still_figure

RNG = np.random.default_rng(0)
STEPS = [40, 20, 0]
X_T = RNG.standard_normal((3, 4, 28, 28, 1))
# The belief goes from all grey over one half white to all white.
BELIEF = np.stack([np.zeros((4, 28, 28, 1)), np.full((4, 28, 28, 1), 0.5), np.ones((4, 28, 28, 1))])


def test_recordings_become_pictures():
    x_t, belief = check_film(X_T, BELIEF, STEPS)
    assert x_t.min() == 0 and x_t.max() == 1  # noise beyond the range is cut off
    np.testing.assert_allclose(belief[:, 0, 0, 0, 0], [0.5, 0.75, 1.0])


def test_words_tell_the_distance_to_the_end():
    _, belief = check_film(X_T, BELIEF, STEPS)
    assert in_words(belief, STEPS, 0).startswith("t = 40: the belief is 0.500")
    assert "100.0% of the pixels" in in_words(belief, STEPS, 0)
    assert "is 0.000" in in_words(belief, STEPS, 2) and "0.0% of" in in_words(belief, STEPS, 2)


@pytest.mark.parametrize(
    ("x_t", "belief", "steps"),
    [(X_T, BELIEF[:2], STEPS), (X_T[0], BELIEF[0], STEPS), (X_T[:0], BELIEF[:0], [])],
)
def test_shapes_must_agree(x_t, belief, steps):
    with pytest.raises(ValueError, match="must have one shape"):
        check_film(x_t, belief, steps)


@pytest.mark.parametrize("steps", [[40, 20], [0, 20, 40], [40, 40, 0]])
def test_steps_must_fall(steps):
    with pytest.raises(ValueError, match="3 falling numbers"):
        denoising_film(X_T, BELIEF, steps)


def test_widget_follows_its_slider():
    widget = denoising_film(X_T, BELIEF, STEPS)
    moment, view = widget.controls["moment"], widget.view
    assert "t = 20" in view.value and view.value.count("<img") == 2 == view.value.count("alt=")
    before = view.value
    moment.value = 2
    assert view.value != before and "t = 0" in view.value
    data, metadata = widget._repr_mimebundle_()
    assert "image/png" in data and "t = 40" in metadata["image/png"]["alt"]


def test_still_figure_shows_two_walks():
    figure, alt = still_figure(*check_film(X_T, BELIEF, STEPS), STEPS)
    assert len(figure.axes[0].images) == 4 * 3 and alt.count("root mean square") == 3
    plt.close(figure)
