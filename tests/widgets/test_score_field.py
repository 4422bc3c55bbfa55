"""The field widget: the walk is Langevin dynamics, arrows point uphill, words say what the path did."""

import re

import numpy as np
import pytest
from matplotlib import pyplot as plt

from diffusion_course.datasets.mixture import GaussianMixture, three_humps
from diffusion_course.widgets import score_field
from diffusion_course.widgets.score_field import SIDE, STEPS, field_svg, in_words, still_figure, walk

TOY = three_humps()


def test_without_noise_the_particle_climbs_to_the_top_of_the_nearest_hump():
    path = walk(TOY, TOY.centres[2] + [0.5, 0.3], 0.3, 0.5, noisy=False)
    heights = TOY.log_density(path, 0.3)
    assert len(path) == STEPS + 1 and (np.diff(heights) > -1e-9).all()
    np.testing.assert_allclose(path[-1], TOY.centres[2], atol=1e-3)


def test_walks_in_a_field_of_one_hump_have_its_spread():
    hump = GaussianMixture([[0.0, 0.0]], [1.0], [1.0])
    ends = np.array([walk(hump, (0, 0), 0.5, 0.4, seed=s)[-1] for s in range(300)])
    assert ends.std() == pytest.approx(np.sqrt(1.25 / (1 - 0.1 / 5)), rel=0.1)


def test_at_low_noise_it_stays_and_at_high_noise_it_wanders():
    low, high = (walk(TOY, TOY.centres[1], s, 0.2) for s in (0.2, 3.0))
    assert "changed 0 times; it ends nearest to hump 2" in in_words(TOY, low, 0.2)
    assert int(re.search(r"changed (\d+) times", in_words(TOY, high, 3.0))[1]) > 3


def test_arrows_point_to_the_only_hump_and_the_path_ends_at_the_dot():
    hump = GaussianMixture([[0.0, 0.0]], [0.5], [1.0])
    path = walk(hump, (3.0, 0.0), 1.0, 0.2)
    svg = field_svg(hump, path, 1.0)
    lines = re.findall(r'<line x1="([\d.]+)" y1="([\d.]+)" x2="([\d.]+)" y2="([\d.]+)"', svg)
    middle = SIDE / 2
    for x0, y0, x1, y1 in np.array(lines, float):
        if np.hypot(x1 - middle, y1 - middle) > 30:
            assert np.hypot(x1 - middle, y1 - middle) < np.hypot(x0 - middle, y0 - middle)
    last = re.search(r'([\d.]+),([\d.]+)" fill="none" stroke="#bd1f01"', svg)
    assert f'cx="{last[1]}" cy="{last[2]}" r="6"' in svg


def test_widget_follows_every_control():
    widget = score_field(TOY)
    seen = {widget.view.value}
    for name, value in (
        ("sigma", 0.2),
        ("x", 3.0),
        ("y", -2.0),
        ("size", 0.8),
        ("seed", 4),
        ("noisy", False),
    ):
        widget.controls[name].value = value
        assert widget.view.value not in seen, name
        seen.add(widget.view.value)
    assert "Noise 0.2" in widget.view.value


def test_still_shows_three_levels_and_says_what_happened():
    figure, words = still_figure(TOY, (0.2, 1.0, 3.0))
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["noise 0.2", "noise 1", "noise 3"]
    assert words.count("nearest hump changed") == 3
    plt.close(figure)


@pytest.mark.parametrize("sigmas", [(), (0.0, 1.0), (2.0, 1.0)])
def test_refuses(sigmas):
    with pytest.raises(ValueError, match="Received"):
        score_field(TOY, sigmas)
    with pytest.raises(ValueError, match="1 dimensions"):
        score_field(GaussianMixture([[0.0]], [1.0], [1.0]))
