"""The schedule widget: the right mixture, curves with a dot at the right place, quick redraws, words for everyone."""

import time

import numpy as np
import pytest
from matplotlib import pyplot as plt

from diffusion_course.schedules import NoiseSchedule
from diffusion_course.widgets import noising_explorer
from diffusion_course.widgets.noising_explorer import still_figure, view_html
from diffusion_course.widgets.noising_logic import in_words, log_snr_chart, marked, noisy_picture

RAMP = np.tile(np.linspace(0, 1, 28)[:, None, None], (1, 28, 1))
PICTURES = {"ramp": RAMP, "turned <over>": RAMP[::-1]}
SCHEDULES = {"linear": NoiseSchedule.linear(1000), "short": NoiseSchedule.cosine(50)}


def test_noisy_picture_is_the_jump_shown_from_black_to_white():
    noise = np.random.default_rng(0).standard_normal(RAMP.shape)
    schedule = SCHEDULES["linear"]
    x_t = np.asarray(schedule.add_noise((2 * RAMP - 1)[None], noise[None], 300))[0]
    got = noisy_picture(RAMP, noise, schedule, 300)
    np.testing.assert_allclose(got, np.clip((x_t + 1) / 2, 0, 1), atol=1e-6)
    assert got.min() == 0 and got.max() == 1


@pytest.mark.parametrize("t", [-1, 50])
def test_steps_outside_the_schedule_are_refused(t):
    with pytest.raises(ValueError, match=f"from 0 to 49. Received: t={t}"):
        noisy_picture(RAMP, RAMP, SCHEDULES["short"], t)


def test_words_tell_every_number():
    words = in_words("linear", SCHEDULES["linear"], 999)
    assert "step 999 of 0 to 999" in words and "0.006 × picture" in words and "log-SNR -10.12" in words


def test_dot_runs_down_its_curve():
    chart = log_snr_chart(SCHEDULES)

    def dot(name, t):
        after = marked(chart, name, SCHEDULES[name], t).split("<circle ")[1]
        return [float(after.split(f'{key}="')[1].split('"')[0]) for key in ("cx", "cy")]

    places = np.array([dot("linear", t) for t in (0, 250, 500, 999)])
    assert (np.diff(places, axis=0) > 0).all()  # to the right and down
    assert dot("short", 49)[0] == dot("linear", 999)[0]  # both at the end of the axis
    assert marked(chart, "linear", SCHEDULES["linear"], 0).count("<polyline") == 2


def test_view_describes_its_pictures_and_escapes_names():
    text = view_html(PICTURES, log_snr_chart(SCHEDULES), "short", SCHEDULES["short"], 10, np.zeros_like(RAMP))
    assert (
        text.count("<img") == 2 == text.count("alt=")
        and "turned &lt;over&gt;" in text
        and "<over>" not in text
    )
    assert 'role="img" aria-label="log-SNR curves' in text


def test_widget_follows_its_controls_and_keeps_its_place_when_the_length_changes():
    widget = noising_explorer(PICTURES, SCHEDULES)
    (t, name, seed), view = widget.controls.values(), widget.view
    seen = {view.value}
    t.value = 499
    seen.add(view.value)
    name.value = "short"
    assert (t.max, t.value) == (49, 24)
    seen.add(view.value)
    seed.value = 3
    seen.add(view.value)
    assert len(seen) == 4
    name.value = "linear"
    assert (t.max, t.value) == (999, 499)


def test_length_and_step_reach_the_browser_together(wired):
    t, name, _ = noising_explorer(PICTURES, SCHEDULES).controls.values()
    wire = wired(t)
    name.value = "short"
    assert wire.sent == [{"max", "value"}], "the browser would cut the old step off at the new length"


def test_redraw_takes_less_than_a_tenth_of_a_second():
    t = noising_explorer(PICTURES, SCHEDULES).controls["t"]
    seconds = []
    for value in range(300, 320):
        start = time.process_time()
        t.value = value
        seconds.append(time.process_time() - start)
    assert np.median(seconds) < 0.1


def test_without_a_kernel_there_is_a_still_figure():
    data, metadata = noising_explorer(PICTURES, SCHEDULES)._repr_mimebundle_()
    assert "image/png" in data and "log-SNR" in metadata["image/png"]["alt"]
    figure, alt = still_figure(PICTURES, SCHEDULES, shares=(0.001, 1.0))
    assert len(figure.axes[0].images) == 2 * 2 * 2 and "-10.1" in alt
    plt.close(figure)


@pytest.mark.parametrize(
    "pictures, schedules", [({}, SCHEDULES), (PICTURES, {}), ({"a": RAMP, "b": RAMP[1:]}, SCHEDULES)]
)
def test_bad_input_is_refused(pictures, schedules):
    with pytest.raises(ValueError, match="pictures of one size"):
        noising_explorer(pictures, schedules)
