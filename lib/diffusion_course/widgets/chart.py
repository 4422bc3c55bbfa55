"""A line chart as SVG that is drawn once; only its marks are made anew, so that it follows a slider on any machine."""

import html
from collections.abc import Mapping

import numpy as np

from diffusion_course.plots.style import CLASS_COLOURS

_DASHES = ("", "8 3", "2 3", "10 3 2 3")  # a second sign beside the colour
_LEFT, _TOP, _BOTTOM, _LEGEND = 46, 12, 40, 150


class Chart:
    """Lines over common axes, a legend to the right, and marks.

    Args:
        lines: name -> (x values, y values); beyond the limits they run along the frame.
        x_ticks, y_ticks: label -> value; y has a grid.
        limits: (x from, x to, y from, y to).
        labels: of the two axes.
        dots: whether to draw the points of a line.
        size: width and height in screen pixels.
    """

    def __init__(
        self,
        lines: Mapping,
        x_ticks: Mapping,
        y_ticks: Mapping,
        limits,
        labels,
        *,
        dots=False,
        size=(560, 260),
    ):
        self._names, self._limits, self._size = list(lines), limits, size
        right, bottom = size[0] - _LEGEND, size[1] - _BOTTOM
        middle = (_TOP + bottom) / 2
        parts = [
            f'<text x="{(_LEFT + right) / 2}" y="{size[1] - 4}" text-anchor="middle">{labels[0]}</text>'
            f'<text x="12" y="{middle}" text-anchor="middle" transform="rotate(-90 12 {middle})">{labels[1]}</text>'
        ]
        for text, value in y_ticks.items():
            y = self._place(limits[0], value)[1]
            parts.append(
                f'<line x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#888" stroke-opacity="0.35"/>'
                f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>'
            )
        for text, value in x_ticks.items():
            x = self._place(value, limits[2])[0]
            parts.append(f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{text}</text>')
        for k, (name, line) in enumerate(lines.items()):
            points = [self._place(*point) for point in zip(*line, strict=True)]
            colour, y = CLASS_COLOURS[k % len(CLASS_COLOURS)], _TOP + 14 + 20 * k
            pen = f'stroke="{colour}" stroke-width="2" stroke-dasharray="{_DASHES[k % 4]}" fill="none"'
            parts.append(
                f'<polyline points="{" ".join(f"{u:.1f},{v:.1f}" for u, v in points)}" {pen}/>'
                f'<line x1="{right + 10}" x2="{right + 36}" y1="{y - 4}" y2="{y - 4}" {pen}/>'
                f'<text x="{right + 42}" y="{y}">{html.escape(name)}</text>'
            )
            parts += [f'<circle cx="{u:.1f}" cy="{v:.1f}" r="3" fill="{colour}"/>' for u, v in points if dots]
        self._fixed = "".join(parts)

    def _place(self, x: float, y: float) -> tuple[float, float]:
        """Where a point lies, in screen pixels."""
        x0, x1, y0, y1 = self._limits
        u, v = (np.clip(x, x0, x1) - x0) / (x1 - x0), (y1 - np.clip(y, y0, y1)) / (y1 - y0)
        return _LEFT + u * (self._size[0] - _LEGEND - _LEFT), _TOP + v * (self._size[1] - _BOTTOM - _TOP)

    def svg(self, words: str, *marks: tuple[str, float, float]) -> str:
        """The chart as HTML.

        Args:
            words: what a reader who cannot see it must know.
            *marks: (name of a line, x, y) of each mark.
        """
        dots = ""
        for name, *point in marks:
            (x, y), colour = self._place(*point), CLASS_COLOURS[self._names.index(name) % len(CLASS_COLOURS)]
            dots += (
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" fill="{colour}" stroke="black" stroke-width="1.5"/>'
            )
        width, height = self._size
        return (
            f'<svg role="img" aria-label="{html.escape(words)}" viewBox="0 0 {width} {height}" font-size="12" '
            f'style="width:{width}px;max-width:100%" fill="currentColor">{self._fixed}{dots}</svg>'
        )
