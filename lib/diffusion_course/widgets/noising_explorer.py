"""Chapter 05's widget: scrub through the steps of a schedule, and see picture, shares and log-SNR."""

from collections.abc import Mapping

import numpy as np

from diffusion_course.schedules import NoiseSchedule
from diffusion_course.widgets.chart import Chart
from diffusion_course.widgets.noising_logic import in_words, log_snr_chart, marked, noisy_picture
from diffusion_course.widgets.pictures import captioned, headed, side_by_side


def view_html(
    pictures: Mapping[str, np.ndarray],
    chart: Chart,
    name: str,
    schedule: NoiseSchedule,
    t: int,
    noise: np.ndarray,
) -> str:
    """All that the widget shows below its controls.

    Args:
        pictures: name -> (H, W, 1) in [0, 1], all of one size.
        chart: the curves of all schedules.
        name, schedule, t: a schedule and its step.
        noise: (H, W, 1), standard normal, the same for every picture.
    """
    words, share = in_words(name, schedule, t), 100 * schedule.alpha_bars[t]
    bar = (
        f'<div aria-hidden="true" style="display:flex;width:560px;max-width:100%;height:14px;border:1px solid #888">'
        f'<div style="width:{share:.2f}%;background:#3f90da"></div>'
        f'<div style="width:{100 - share:.2f}%;background:#94a4a2"></div></div>'
        f"<div>blue: the picture's share of the variance; grey: the noise's</div>"
    )
    shown = {label: noisy_picture(picture, noise, schedule, t)[None] for label, picture in pictures.items()}
    cells = [captioned(x, label, alt=f"{label}: {words}", size=140) for label, x in shown.items()]
    return headed(words, bar, side_by_side(*cells, marked(chart, name, schedule, t)))


def still_figure(
    pictures: Mapping[str, np.ndarray],
    schedules: Mapping[str, NoiseSchedule],
    shares=(0.05, 0.2, 0.4, 0.6, 0.8, 1.0),
):
    """What the widget shows, for readers without a kernel: every schedule at the same shares of its steps.

    Returns:
        A Matplotlib Figure and its description in words.
    """
    from diffusion_course.plots.grids import image_rows

    noise = np.random.default_rng(0).standard_normal(next(iter(pictures.values())).shape)
    rows, labels, notes, steps = [], [], [], {}
    for name, schedule in schedules.items():
        steps[name] = [max(round(share * len(schedule)) - 1, 0) for share in shares]
        for label, picture in pictures.items():
            rows.append(np.stack([noisy_picture(picture, noise, schedule, t) for t in steps[name]]))
            labels.append(f"{name}\n{label}")
            notes.append([""] * len(shares))
        notes[-1] = [f"{schedule.log_snr[t]:+.1f}" for t in steps[name]]
    figure = image_rows(rows, labels, [f"{share:.0%} of steps" for share in shares], notes=notes)
    words = "; ".join(
        f"{name}: " + ", ".join(f"{schedules[name].log_snr[t]:+.1f}" for t in steps[name])
        for name in schedules
    )
    return figure, (
        f"Pictures under the noise of each schedule, after {', '.join(f'{s:.0%}' for s in shares)} of its steps. "
        f"Below them the log-SNR. {words}. Run the cell to move through the steps yourself."
    )


def noising_explorer(pictures: Mapping[str, np.ndarray], schedules: Mapping[str, NoiseSchedule]):
    """Shows pictures at a step of a schedule that the learner picks, with shares and place on the log-SNR curve.

    The sliders move by mouse or by keyboard: arrow keys by one step, Page Up and Page Down by several, Home and End
    to the first and the last.

    Args:
        pictures: name -> (H, W, 1) in [0, 1], all of one size.
        schedules: name -> NoiseSchedule.

    Returns:
        A widget; where no kernel runs, it shows a still figure instead.

    Raises:
        ValueError: there are no pictures or no schedules, or the pictures differ in size.
    """
    if not schedules or len({np.shape(p) for p in pictures.values()}) != 1:
        raise ValueError(
            "`pictures` must hold pictures of one size and `schedules` at least one schedule. "
            f"Received: {[np.shape(p) for p in pictures.values()]} and {list(schedules)}"
        )
    from diffusion_course.widgets.panel import Panel, choice, rearranged, slider

    chart, shape = log_snr_chart(schedules), np.shape(next(iter(pictures.values())))

    def draw(t, name, seed):
        noise = np.random.default_rng(seed).standard_normal(shape)
        return view_html(pictures, chart, name, schedules[name], t, noise)

    last = len(next(iter(schedules.values()))) - 1
    t, name = slider("step t", 0, last, last // 5), choice("schedule", schedules)

    def stay_at_the_same_share(change):
        old, new = len(schedules[change.old]), len(schedules[change.new])
        share = (t.value + 1) / old
        with rearranged(t):
            t.max = new - 1
            t.value = min(max(round(share * new) - 1, 0), new - 1)

    name.observe(stay_at_the_same_share, "value")
    controls = {"t": t, "name": name, "seed": slider("seed of the noise", 0, 50)}
    return Panel(draw, controls, lambda: still_figure(pictures, schedules))
