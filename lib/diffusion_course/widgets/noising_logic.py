"""What the schedule widget shows at one step: noisy pictures, shares, and a place on the log-SNR curves. No widget."""

import html
from collections.abc import Mapping

import numpy as np

from diffusion_course.plots.style import CLASS_COLOURS
from diffusion_course.schedules import NoiseSchedule

# The part of the log-SNR axis that is drawn; beyond it a curve runs along the frame.
LOG_SNR_LIMITS = (-12.0, 10.0)
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 560, 260, 46, 150, 12, 40


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


def _place(share: float, log_snr) -> tuple[float, float]:
    """Where a point of a curve lies on the drawing, in pixels.

    Args:
        share: how much of the schedule has passed, 0 to 1, so that schedules of any length fit on one axis.
        log_snr: natural logarithm of the signal-to-noise ratio.
    """
    low, high = LOG_SNR_LIMITS
    y = (high - float(np.clip(log_snr, low, high))) / (high - low)
    return _LEFT + share * (_WIDTH - _LEFT - _RIGHT), _TOP + y * (_HEIGHT - _TOP - _BOTTOM)


def _share(schedule: NoiseSchedule, t: int) -> float:
    return (t + 1) / len(schedule)


class CurveDrawing:
    """The log-SNR curves of all schedules as SVG; only the dot is made anew for each step.

    Args:
        schedules: name -> NoiseSchedule.
    """

    def __init__(self, schedules: Mapping[str, NoiseSchedule]):
        self.schedules = dict(schedules)
        right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
        parts = []
        for value in range(-12, 11, 4):
            y = _place(0, value)[1]
            parts.append(
                f'<line x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#888" stroke-opacity="0.35"/>'
                f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:+d}</text>'.replace(
                    "+0", "0"
                )
            )
        parts.append(
            f'<text x="{(_LEFT + right) / 2}" y="{_HEIGHT - 4}" text-anchor="middle">share of the steps done</text>'
        )
        for share in (0, 0.5, 1):
            parts.append(
                f'<text x="{_place(share, 0)[0]}" y="{bottom + 16}" text-anchor="middle">{share:g}</text>'
            )
        parts.append(f'<text x="12" y="{(_TOP + bottom) / 2}" text-anchor="middle" '
                     f'transform="rotate(-90 12 {(_TOP + bottom) / 2})">log-SNR</text>')  # fmt: skip
        dashes = ("", "8 3", "2 3", "10 3 2 3")  # a second sign beside the colour
        for k, (name, schedule) in enumerate(self.schedules.items()):
            steps = np.unique(np.linspace(0, len(schedule) - 1, 120).round().astype(int))
            points = [_place(_share(schedule, t), schedule.log_snr[t]) for t in steps]
            line = (
                f'stroke="{CLASS_COLOURS[k]}" stroke-width="2" stroke-dasharray="{dashes[k % 4]}" fill="none"'
            )
            parts.append(f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}" {line}/>')
            y = _TOP + 14 + 20 * k
            parts.append(
                f'<line x1="{right + 10}" x2="{right + 36}" y1="{y - 4}" y2="{y - 4}" {line}/>'
                f'<text x="{right + 42}" y="{y}">{html.escape(name)}</text>'
            )
        self._fixed = "".join(parts)

    def svg(self, name: str, t: int) -> str:
        """The curves with a dot at step t of one schedule."""
        schedule = self.schedules[name]
        x, y = _place(_share(schedule, t), schedule.log_snr[t])
        colour = CLASS_COLOURS[list(self.schedules).index(name)]
        words = html.escape(f"log-SNR curves of all schedules; the dot: {in_words(name, schedule, t)}")
        return (
            f'<svg role="img" aria-label="{words}" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
            f'style="width:{_WIDTH}px;max-width:100%" font-size="12" fill="currentColor">{self._fixed}'
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" fill="{colour}" stroke="black" stroke-width="1.5"/></svg>'
        )
