"""The guidance widget: the right pictures, marks on the right points, words for everyone, refusals."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from diffusion_course.widgets import guidance_scale
from diffusion_course.widgets.guidance_scale import (
    check_gallery,
    curves_svg,
    in_words,
    still_figure,
    view_html,
)

SCALES = (0.0, 1.0, 3.0, 15.0)
GALLERY = {s: np.random.default_rng(int(s)).random((2, 8, 28, 28, 1), dtype="float32") for s in SCALES}
CURVES = {
    "fidelity": dict(zip(SCALES, (0.1, 0.9, 1.0, 0.95), strict=True)),
    "diversity": dict(zip(SCALES, (1.5, 0.9, 0.7, 0.4), strict=True)),
}
NAMES = ["zero", "one"]


def marks(scale):
    parts = curves_svg(CURVES, SCALES, scale).split('r="6"')[:-1]
    found = [part.rsplit("<circle ", 1)[1] for part in parts]
    return [[float(part.split(f'{key}="')[1].split('"')[0]) for key in ("cx", "cy")] for part in found]


def test_words_name_the_two_scales_that_have_a_name():
    assert in_words(1.0, CURVES) == "scale 1 (guidance off): fidelity 0.90, diversity 0.90"
    assert "without the condition" in in_words(0.0, CURVES) and "(" not in in_words(3.0, CURVES)


def test_both_marks_sit_on_the_chosen_scale_and_more_is_higher():
    (u, fidelity), (v, diversity) = marks(3.0)
    assert u == v and fidelity < diversity  # screen pixels count from the top
    assert [marks(s)[0][0] for s in SCALES] == sorted({marks(s)[0][0] for s in SCALES})
    assert marks(0.0)[0][1] > marks(1.0)[0][1] and marks(15.0)[1][1] > marks(1.0)[1][1]
    assert "scale 15: fidelity 0.95" in curves_svg(CURVES, SCALES, 0.0)  # every number in words


def test_view_shows_the_class_that_was_chosen():
    first, second = (view_html(GALLERY, CURVES, NAMES, 3.0, k) for k in (0, 1))
    assert first.count("<img") == 2 == first.count('alt="Pictures') and "of zero" in first
    assert first != second and "of one" in second


def test_widget_follows_its_controls():
    widget = guidance_scale(GALLERY, CURVES, NAMES)
    scale, label = widget.controls.values()
    assert scale.value == 1 and "guidance off" in widget.view.value
    seen = {widget.view.value}
    for control, value in ((scale, 15.0), (label, 1)):
        control.value = value
        assert widget.view.value not in seen
        seen.add(widget.view.value)
    assert "scale 15" in widget.view.value


def test_without_a_kernel_a_still_figure_tells_every_number():
    figure, alt = still_figure(GALLERY, CURVES, NAMES)
    assert len(figure.axes[0].images) == len(SCALES) * 8
    assert all(in_words(s, CURVES) in alt for s in SCALES)
    plt.close(figure)
    data, metadata = guidance_scale(GALLERY, CURVES, NAMES)._repr_mimebundle_()
    assert "image/png" in data and "Pictures of zero" in metadata["image/png"]["alt"]


@pytest.mark.parametrize(
    ("gallery", "curves", "names", "words"),
    [
        ({}, CURVES, NAMES, "for every scale. Received: shapes"),
        ({**GALLERY, 3.0: GALLERY[3.0][:, :2]}, CURVES, NAMES, "of one shape"),
        (GALLERY, CURVES, ["zero"], "1 classes"),
        (GALLERY, {"fidelity": {1.0: 0.5}}, NAMES, "lacking {'fidelity': \\[0.0, 3.0, 15.0\\]}"),
        (GALLERY, {}, NAMES, "value for every scale"),
    ],
)
def test_refusals(gallery, curves, names, words):
    with pytest.raises(ValueError, match=words):
        check_gallery(gallery, curves, names)
