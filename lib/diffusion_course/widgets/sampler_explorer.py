"""Chapter 08's widget: choose network calls and eta, see pictures and where they lie on the quality plot."""

import html
import math
from collections.abc import Mapping

import numpy as np

from diffusion_course.plots.style import CLASS_COLOURS
from diffusion_course.widgets.pictures import headed, image_html, side_by_side

Setting = tuple[int, float]  # network calls, eta
SHOWN = 16  # pictures at a time
_W, _H, _LEFT, _RIGHT, _TOP, _BOTTOM = 340, 220, 44, 10, 10, 36


def check_gallery(gallery: Mapping[Setting, np.ndarray]) -> tuple[list[int], list[float]]:
    """All calls and all etas of a gallery, in order.

    Raises:
        ValueError: it is empty, a combination is missing, or its sets differ in size.
    """
    calls, etas = sorted({n for n, _ in gallery}), sorted({eta for _, eta in gallery})
    missing = [(n, eta) for n in calls for eta in etas if (n, eta) not in gallery]
    if not gallery or missing or len({np.shape(p) for p in gallery.values()}) != 1:
        raise ValueError(
            "`gallery` must hold pictures of one shape for every pair of calls and eta. "
            f"Received: {len(gallery)} sets, missing {missing}"
        )
    return calls, etas


def in_words(setting: Setting, ratios: Mapping[Setting, float]) -> str:
    """One setting and its quality as a sentence."""
    calls, eta = setting
    judged = f"FID ratio {ratios[setting]:.1f}" if setting in ratios else "not judged in this run"
    return f"{calls} network calls, eta {eta:g}: {judged}"


def quality_svg(ratios: Mapping[Setting, float], setting: Setting) -> str:
    """The quality plot with the chosen point ringed; its text alternative names all numbers."""
    calls, values = [n for n, _ in ratios], list(ratios.values())
    x0, x1 = math.log(min(calls)), math.log(max(calls))
    y0, y1 = math.log(0.9), math.log(1.2 * max(*values, 2))

    def place(n, ratio):
        x = _LEFT + (_W - _LEFT - _RIGHT) * (math.log(n) - x0) / max(x1 - x0, 1e-9)
        return x, _TOP + (_H - _TOP - _BOTTOM) * (y1 - math.log(max(ratio, 0.9))) / (y1 - y0)

    parts = []
    for value in (1, 2, 5, 10, 20, 50, 100, 200, 500):
        if math.log(value) < y1:
            y = place(min(calls), value)[1]
            dash = ' stroke-dasharray="4 3"' if value == 1 else ""
            parts.append(
                f'<line x1="{_LEFT}" x2="{_W}" y1="{y:.1f}" y2="{y:.1f}" stroke="#999" stroke-width=".6"{dash}/>'
            )
            parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value}</text>')
    for n in sorted(set(calls)):
        x = place(n, 1)[0]
        parts.append(f'<text x="{x:.1f}" y="{_H - _BOTTOM + 16}" text-anchor="middle">{n}</text>')
    middle = (_LEFT + _W) / 2
    parts.append(f'<text x="{middle}" y="{_H - 3}" text-anchor="middle">network calls</text>')
    for k, eta in enumerate(sorted({eta for _, eta in ratios})):
        points = [place(n, ratio) for (n, e), ratio in sorted(ratios.items()) if e == eta]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        colour = CLASS_COLOURS[k % len(CLASS_COLOURS)]
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in points]
        x, y = points[0]
        parts.append(f'<text x="{x + 7:.1f}" y="{y - 5:.1f}">η = {eta:g}</text>')
    if setting in ratios:
        x, y = place(setting[0], ratios[setting])
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="9" fill="none" stroke="currentColor" stroke-width="2"/>'
        )
    told = "; ".join(in_words(s, ratios) for s in sorted(ratios))
    label = html.escape(
        f"FID ratio over network calls. {told}. Chosen: {in_words(setting, ratios)}", quote=True
    )
    return (
        f'<svg role="img" aria-label="{label}" width="{_W}" height="{_H}" viewBox="0 0 {_W} {_H}" '
        f'style="font:11px sans-serif;fill:currentColor;max-width:100%">{"".join(parts)}</svg>'
    )


def view_html(
    gallery: Mapping[Setting, np.ndarray], ratios: Mapping[Setting, float], setting: Setting, page: int
) -> str:
    """All that the widget shows below its controls.

    Args:
        gallery: (calls, eta) -> pictures (N, H, W, 1) in [0, 1]; picture i of every set has the same starting noise.
        ratios: (calls, eta) -> FID ratio, for some or all of them.
        setting: which.
        page: which sixteen pictures.
    """
    words = in_words(setting, ratios)
    first, last = SHOWN * page, min(SHOWN * (page + 1), len(gallery[setting]))
    sheet = "<br>".join(
        image_html(
            gallery[setting][i : min(i + 8, last)],
            f"Generated pictures {i + 1} to {min(i + 8, last)}. {words}",
        )
        for i in range(first, last, 8)
    )
    return headed(words, side_by_side(f"<div>{sheet}</div>", quality_svg(ratios, setting) if ratios else ""))


def still_figure(gallery: Mapping[Setting, np.ndarray], ratios: Mapping[Setting, float]):
    """What the widget shows, for readers without a kernel: eight pictures of every setting.

    Returns:
        A Matplotlib Figure and its description in words.
    """
    from diffusion_course.plots.grids import image_rows

    calls, etas = check_gallery(gallery)
    settings = [(n, eta) for eta in etas for n in calls]
    labels = [
        f"η = {eta:g}, {n} calls" + (f": {ratios[n, eta]:.1f}" if (n, eta) in ratios else "")
        for n, eta in settings
    ]
    figure = image_rows([gallery[s][:8] for s in settings], labels, width=6.5)
    words = "; ".join(in_words(s, ratios) for s in settings)
    return figure, f"Eight generated pictures for each setting. {words}. Run the cell to choose for yourself."


def sampler_explorer(gallery: Mapping[Setting, np.ndarray], ratios: Mapping[Setting, float]):
    """Shows generated pictures for network calls, eta and starting noises that the learner picks.

    Args:
        gallery: (calls, eta) -> pictures (N, H, W, 1) in [0, 1] for every pair, all of one shape; picture i of every
            set has the same starting noise.
        ratios: (calls, eta) -> FID ratio, for some or all of them.

    Returns:
        A widget; where no kernel runs, it shows a still figure instead.

    Raises:
        ValueError: see `check_gallery`.
    """
    calls, etas = check_gallery(gallery)
    from diffusion_course.widgets.panel import Panel, slider, stops

    def draw(calls, eta, page):
        return view_html(gallery, ratios, (calls, eta), page - 1)

    controls = {
        "calls": stops("network calls", calls),
        "eta": stops("eta", [(f"{eta:g}", eta) for eta in etas]),
        "page": slider("noises", 1, max(len(next(iter(gallery.values()))) // SHOWN, 1)),
    }
    return Panel(draw, controls, lambda: still_figure(gallery, ratios))
