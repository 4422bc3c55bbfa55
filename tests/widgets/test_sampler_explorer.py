"""The sampler widget: the right pictures, the right point of the plot, quick redraws, words for everyone."""

import time

import numpy as np
import pytest
from matplotlib import pyplot as plt

from diffusion_course.widgets import sampler_explorer
from diffusion_course.widgets.sampler_explorer import (
    check_gallery,
    in_words,
    quality_svg,
    still_figure,
    view_html,
)

CALLS, ETAS = (5, 20), (0.0, 0.5, 1.0)
GALLERY = {
    (n, eta): np.random.default_rng(int(10 * n + 3 * eta)).random((64, 28, 28, 1), dtype="float32")
    for n in CALLS
    for eta in ETAS
}
RATIOS = {(5, 0.0): 40.0, (20, 0.0): 10.0, (5, 1.0): 90.0, (20, 1.0): 8.0}


def test_gallery_is_ordered_and_must_be_whole():
    assert check_gallery(GALLERY) == ([5, 20], [0.0, 0.5, 1.0])
    with pytest.raises(ValueError, match=r"missing \[\(5, 0.5\)\]"):
        check_gallery({key: value for key, value in GALLERY.items() if key != (5, 0.5)})
    with pytest.raises(ValueError, match="one shape"):
        check_gallery({**GALLERY, (5, 0.0): GALLERY[5, 0.0][:3]})
    with pytest.raises(ValueError, match="0 sets"):
        check_gallery({})


def test_words_say_what_was_not_judged():
    assert in_words((5, 1.0), RATIOS) == "5 network calls, eta 1: FID ratio 90.0"
    assert "not judged" in in_words((5, 0.5), RATIOS)


def test_mark_sits_on_the_chosen_point_and_better_is_lower():
    def mark(setting):
        after = quality_svg(RATIOS, setting).split('r="6"')[0].rsplit("<circle ", 1)[1]
        return [float(after.split(f'{key}="')[1].split('"')[0]) for key in ("cx", "cy")]

    (x5, y5), (x20, y20) = mark((5, 0.0)), mark((20, 0.0))
    assert x20 > x5 and y20 > y5  # to the right, and down
    assert mark((5, 1.0))[1] < y5
    chosen, other = quality_svg(RATIOS, (5, 0.0)), quality_svg(RATIOS, (5, 0.5))
    assert 'r="6"' not in other and 'role="img"' in other and "20 network calls, eta 1" in chosen
    assert chosen.count('r="3"') == len(RATIOS) and ">FID ratio<" in chosen


def test_one_judged_setting_is_a_plot_too():
    assert 'r="6"' in quality_svg({(5, 0.0): 3.0}, (5, 0.0))


def test_view_describes_both_rows_of_pictures():
    text = view_html(GALLERY, RATIOS, (5, 0.0), 1)
    assert text.count("<img") == 2 == text.count("alt=") and "17 to 24" in text
    assert "<svg" not in view_html(GALLERY, {}, (5, 0.0), 0)


def test_widget_follows_its_controls_within_a_tenth_of_a_second():
    widget = sampler_explorer(GALLERY, RATIOS)
    (calls, eta, page), view = widget.controls.values(), widget.view
    assert page.max == 4
    seen = {view.value}
    began = time.process_time()
    calls.value, eta.value, page.value = 20, 1.0, 2
    assert (time.process_time() - began) / 3 < 0.1
    assert "20 network calls, eta 1: FID ratio 8.0" in view.value and view.value not in seen
    eta.value = 0.5
    assert "not judged" in view.value


def test_without_a_kernel_a_still_figure_tells_every_number():
    figure, alt = still_figure(GALLERY, RATIOS)
    assert len(figure.axes[0].images) == 6 * 8 and "FID ratio 8.0" in alt and alt.count("not judged") == 2
    plt.close(figure)
    data, metadata = sampler_explorer(GALLERY, RATIOS)._repr_mimebundle_()
    assert "image/png" in data and "Eight generated" in metadata["image/png"]["alt"]
