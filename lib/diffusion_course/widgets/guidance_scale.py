"""Chapter 13's widget: a guidance scale, pictures of one class at that scale, and where it lies on the curves."""

from collections.abc import Mapping, Sequence

import numpy as np

from diffusion_course.widgets.chart import Chart
from diffusion_course.widgets.pictures import headed, image_html, side_by_side

Curves = Mapping[str, Mapping[float, float]]
SHOWN = 8  # pictures of a class at most


def check_gallery(gallery: Mapping[float, np.ndarray], curves: Curves, classes: Sequence[str]) -> list[float]:
    """All scales of a gallery, in order.

    Raises:
        ValueError: there are no pictures, sets of different shape, another number of classes, or a curve that lacks a
            scale of the gallery.
    """
    shapes = {np.shape(pictures) for pictures in gallery.values()}
    if len(shapes) != 1 or len(next(iter(shapes))) != 5 or next(iter(shapes))[0] != len(classes):
        raise ValueError(
            "`gallery` must hold pictures (classes, N, H, W, C) of one shape for every scale. "
            f"Received: shapes {sorted(shapes)}, {len(classes)} classes"
        )
    lacking = {name: sorted(set(gallery) - set(curve)) for name, curve in curves.items()}
    if not curves or any(lacking.values()):
        raise ValueError(f"Each of `curves` must have a value for every scale. Received: lacking {lacking}")
    return sorted(gallery)


def in_words(scale: float, curves: Curves) -> str:
    """One scale and its numbers as a sentence."""
    name = {0: "without the condition", 1: "guidance off"}.get(scale)
    told = ", ".join(f"{name} {curve[scale]:.2f}" for name, curve in curves.items())
    return f"scale {scale:g}{f' ({name})' if name else ''}: {told}"


def curves_svg(curves: Curves, scales: Sequence[float], scale: float) -> str:
    """The curves with a mark on each; the text alternative names all numbers. Scales lie evenly beside each other."""
    place = {s: float(k) for k, s in enumerate(scales)}
    lines = {name: ([place[s] for s in scales], [curve[s] for s in scales]) for name, curve in curves.items()}
    top = max(1.0, *(value for curve in curves.values() for value in curve.values())) * 1.05
    y_ticks = {f"{v:g}": v for v in np.arange(0, top, 0.25 if top < 1.6 else 0.5)}
    chart = Chart(
        lines,
        {f"{s:g}": place[s] for s in scales},
        y_ticks,
        (0.0, max(len(scales) - 1.0, 1e-9), 0.0, top),
        ("guidance scale", "share, or ratio to real pictures"),
        dots=True,
        size=(520, 240),
    )
    told = "; ".join(in_words(s, curves) for s in scales)
    return chart.svg(
        f"Curves over the guidance scale. {told}. Chosen: {in_words(scale, curves)}",
        *((name, place[scale], curve[scale]) for name, curve in curves.items()),
    )


def view_html(
    gallery: Mapping[float, np.ndarray], curves: Curves, classes: Sequence[str], scale: float, k: int
) -> str:
    """All that the widget shows below its controls.

    Args:
        gallery, curves, classes: as in `guidance_scale`.
        scale: which.
        k: number of the class.
    """
    words = in_words(scale, curves)
    pictures = gallery[scale][k][:SHOWN]
    sheet = "<br>".join(
        image_html(pictures[i : i + 4], f"Pictures {i + 1} to {i + 4} of {classes[k]}, {words}", size=84)
        for i in range(0, len(pictures), 4)
    )
    return headed(words, side_by_side(f"<div>{sheet}</div>", curves_svg(curves, sorted(gallery), scale)))


def still_figure(gallery: Mapping[float, np.ndarray], curves: Curves, classes: Sequence[str]):
    """What the widget shows, for readers without a kernel: pictures of the first class at every scale.

    Returns:
        A Matplotlib Figure and its description in words.
    """
    from diffusion_course.plots.grids import image_rows

    scales = check_gallery(gallery, curves, classes)
    labels = [f"{s:g}: " + " / ".join(f"{curve[s]:.2f}" for curve in curves.values()) for s in scales]
    figure = image_rows([gallery[s][0][:SHOWN] for s in scales], labels, width=6.5)
    told = "; ".join(in_words(s, curves) for s in scales)
    names = " / ".join(curves)
    words = f"Pictures of {classes[0]}, a row for each guidance scale, with {names}. {told}. "
    return figure, words + "Run the cell to choose for yourself."


def guidance_scale(gallery: Mapping[float, np.ndarray], curves: Curves, classes: Sequence[str]):
    """Shows what a guidance scale does to the pictures of a class, and what it is worth over all classes.

    Args:
        gallery: scale -> pictures (K, N, H, W, C) in [0, 1], N of each class; picture i of a class has the same
            starting noise at every scale.
        curves: name -> scale -> number, e.g. the share that shows what was asked for, and diversity.
        classes: names of the K classes.

    Returns:
        A widget; where no kernel runs, it shows a still figure instead.

    Raises:
        ValueError: see `check_gallery`.
    """
    scales = check_gallery(gallery, curves, classes)
    from diffusion_course.widgets.panel import Panel, choice, stops

    def draw(scale, label):
        return view_html(gallery, curves, classes, scale, label)

    controls = {
        "scale": stops("guidance scale", [(f"{s:g}", s) for s in scales], 1 if 1 in scales else scales[0]),
        "label": choice("class", [(name, k) for k, name in enumerate(classes)]),
    }
    return Panel(draw, controls, lambda: still_figure(gallery, curves, classes))
