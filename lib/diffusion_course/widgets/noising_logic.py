"""What the schedule widget shows at one step: noisy pictures, shares, and a place on the log-SNR curves. No widget."""

from collections.abc import Mapping

import numpy as np

from diffusion_course.schedules import NoiseSchedule
from diffusion_course.widgets.chart import Chart

# The part of the log-SNR axis that is drawn; beyond it a curve runs along the frame.
LOG_SNR_LIMITS = (-12.0, 10.0)


def noisy_picture(picture: np.ndarray, noise: np.ndarray, schedule: NoiseSchedule, t: int) -> np.ndarray:
    """One picture after the jump to step t, ready to be looked at.

    Args:
        picture: (H, W, 1) in [0, 1].
        noise: (H, W, 1), standard normal.
        schedule: a NoiseSchedule.
        t: 0 to T - 1.

    Returns:
        (H, W, 1) in [0, 1]: x_t, of which [-1, 1] is shown as black to white; what lies beyond is cut off.

    Raises:
        ValueError: ``t`` is no step of the schedule.
    """
    if not 0 <= t < len(schedule):
        raise ValueError(f"`t` must be from 0 to {len(schedule) - 1}. Received: t={t}")
    x_t = schedule.signal[t] * (2 * picture - 1) + schedule.sigma[t] * noise
    return np.clip((x_t + 1) / 2, 0, 1)


def in_words(name: str, schedule: NoiseSchedule, t: int) -> str:
    """The state of a schedule at step t, in one line."""
    return (
        f"{name}, step {t} of 0 to {len(schedule) - 1}: {schedule.signal[t]:.3f} × picture + "
        f"{schedule.sigma[t]:.3f} × noise; {schedule.alpha_bars[t]:.1%} of the variance is picture; "
        f"log-SNR {schedule.log_snr[t]:+.2f}"
    )


def _share(schedule: NoiseSchedule, t) -> float:
    """How much of a schedule has passed, 0 to 1, so that schedules of any length fit on one axis."""
    return (t + 1) / len(schedule)


def log_snr_chart(schedules: Mapping[str, NoiseSchedule]) -> Chart:
    """The log-SNR of all schedules over the share of their steps."""
    lines = {}
    for name, schedule in schedules.items():
        steps = np.unique(np.linspace(0, len(schedule) - 1, 120).round().astype(int))
        lines[name] = _share(schedule, steps), schedule.log_snr[steps]
    y_ticks = {f"{value:+d}" if value else "0": value for value in range(-12, 11, 4)}
    limits = (0, 1, *LOG_SNR_LIMITS)
    return Chart(lines, {"0": 0, "0.5": 0.5, "1": 1}, y_ticks, limits, ("share of the steps done", "log-SNR"))


def marked(chart: Chart, name: str, schedule: NoiseSchedule, t: int) -> str:
    """The chart with a mark at step t of one schedule, as HTML."""
    words = f"log-SNR curves of all schedules; the dot: {in_words(name, schedule, t)}"
    return chart.svg(words, (name, _share(schedule, t), schedule.log_snr[t]))
