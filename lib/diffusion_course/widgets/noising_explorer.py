"""Chapter 05's widget: scrub through the steps of a schedule, and see picture, shares and log-SNR."""

import base64
import html
from collections.abc import Mapping

import numpy as np

from diffusion_course.schedules import NoiseSchedule
from diffusion_course.widgets.noising_logic import CurveDrawing, in_words, noisy_picture
from diffusion_course.widgets.word_pictures import sheet_png


def view_html(
    pictures: Mapping[str, np.ndarray],
    curves: CurveDrawing,
    name: str,
    t: int,
    noise: np.ndarray,
    zoom: int = 5,
) -> str:
    """All that the widget shows below its controls.

    Args:
        pictures: name -> (H, W, 1) in [0, 1], all of one size.
        curves: a `CurveDrawing`.
        name: of the schedule.
        t: its step.
        noise: (H, W, 1), standard normal, the same for every picture.
        zoom: screen pixels per picture pixel.
    """
    schedule = curves.schedules[name]
    words, cells = in_words(name, schedule, t), []
    for label, picture in pictures.items():
        png = sheet_png(noisy_picture(picture, noise, schedule, t)[None], zoom)
        cells.append(
            f'<figure style="margin:0 12px 8px 0;text-align:center">'
            f'<img src="data:image/png;base64,{base64.b64encode(png).decode("ascii")}" '
            f'alt="{html.escape(label)}: {html.escape(words)}">'
            f"<figcaption>{html.escape(label)}</figcaption></figure>"
        )
    share = 100 * schedule.alpha_bars[t]
    bar = (
        f'<div aria-hidden="true" style="display:flex;width:560px;max-width:100%;height:14px;border:1px solid #888">'
        f'<div style="width:{share:.2f}%;background:#3f90da"></div>'
        f'<div style="width:{100 - share:.2f}%;background:#94a4a2"></div></div>'
    )
    return (
        f'<div style="line-height:1.4"><div><b>{html.escape(words)}</b></div>{bar}'
        f"<div>blue: the picture's share of the variance; grey: the noise's</div>"
        f'<div style="display:flex;flex-wrap:wrap;align-items:center;margin-top:8px">{"".join(cells)}'
        f"{curves.svg(name, t)}</div></div>"
    )


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
    rows, labels, steps = [], [], {}
    for name, schedule in schedules.items():
        steps[name] = [max(round(share * len(schedule)) - 1, 0) for share in shares]
        for label, picture in pictures.items():
            rows.append(np.stack([noisy_picture(picture, noise, schedule, t) for t in steps[name]]))
            labels.append(f"{name}\n{label}")
    figure = image_rows(rows, labels, [f"{share:.0%} of steps" for share in shares])
    for axes_row, schedule_name in zip(
        np.array(figure.axes).reshape(len(rows), len(shares))[len(pictures) - 1 :: len(pictures)],
        schedules,
        strict=True,
    ):
        for axes, t in zip(axes_row, steps[schedule_name], strict=True):
            axes.set_xlabel(f"{schedules[schedule_name].log_snr[t]:+.1f}", fontsize=8, labelpad=2)
    figure.subplots_adjust(hspace=0.24)
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
    import ipywidgets

    from diffusion_course.widgets.still import still_box

    if not schedules or len({np.shape(p) for p in pictures.values()}) != 1:
        raise ValueError(
            "`pictures` must hold pictures of one size and `schedules` at least one schedule. "
            f"Received: {[np.shape(p) for p in pictures.values()]} and {list(schedules)}"
        )
    curves, shape = CurveDrawing(schedules), np.shape(next(iter(pictures.values())))
    first = next(iter(schedules))
    style, wide = {"description_width": "9em"}, ipywidgets.Layout(width="44em", max_width="100%")
    last = len(schedules[first]) - 1
    t = ipywidgets.IntSlider(last // 5, min=0, max=last, description="step t", style=style, layout=wide)
    name = ipywidgets.Dropdown(options=list(schedules), description="schedule", style=style)
    seed = ipywidgets.IntSlider(0, min=0, max=50, description="seed of the noise", style=style, layout=wide)
    view = ipywidgets.HTML()

    def redraw(_change=None):
        noise = np.random.default_rng(seed.value).standard_normal(shape)
        view.value = view_html(pictures, curves, name.value, t.value, noise)

    def change_schedule(change):
        # Stay at the same share of the way, so that schedules of different lengths compare.
        old, new = len(schedules[change.old]), len(schedules[change.new])
        share = (t.value + 1) / old
        t.unobserve(redraw, "value")
        t.max = new - 1
        t.value = min(max(round(share * new) - 1, 0), new - 1)
        t.observe(redraw, "value")
        redraw()

    redraw()
    for control in (t, seed):
        control.observe(redraw, "value")
    name.observe(change_schedule, "value")

    return still_box([t, name, seed, view], lambda: still_figure(pictures, schedules))
