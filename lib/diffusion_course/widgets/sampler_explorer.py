"""Chapter 09's widget: choose network calls and eta, see pictures and where they lie on the quality plot."""

import math
from collections.abc import Mapping

import numpy as np

from diffusion_course.widgets.chart import Chart
from diffusion_course.widgets.pictures import headed, image_html, side_by_side

Setting = tuple[int, float]  # network calls, eta
SHOWN = 16  # pictures at a time


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
    """The quality plot with the chosen point marked; its text alternative names all numbers."""
    lines = {}
    for (calls, eta), ratio in sorted(ratios.items()):
        line = lines.setdefault(f"eta = {eta:g}", ([], []))
        line[0].append(math.log(calls))
        line[1].append(math.log(ratio))
    x_ticks = {str(n): math.log(n) for n in sorted({n for n, _ in ratios})}
    y_ticks = {
        str(v): math.log(v)
        for v in (1, 2, 5, 10, 20, 50, 100, 200, 500)
        if v < 1.2 * max(*ratios.values(), 2)
    }
    first, *_, last = [*x_ticks.values(), max(x_ticks.values()) + 1e-9]
    limits = (first, last, math.log(0.9), math.log(1.2 * max(*ratios.values(), 2)))
    chart = Chart(lines, x_ticks, y_ticks, limits, ("network calls", "FID ratio"), dots=True, size=(440, 220))
    told = "; ".join(in_words(s, ratios) for s in sorted(ratios))
    words = f"FID ratio over network calls. {told}. Chosen: {in_words(setting, ratios)}"
    if setting not in ratios:
        return chart.svg(words)
    return chart.svg(words, (f"eta = {setting[1]:g}", math.log(setting[0]), math.log(ratios[setting])))


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
