"""Chapter 08's widget: look at two sets of pictures, guess which a ruler prefers, then read all its numbers."""

from collections.abc import Mapping

import numpy as np

from diffusion_course.widgets.pictures import headed, image_html, side_by_side

SHOWN = 24  # pictures of each set
HIDDEN = "?"


def check_sets(sets: Mapping[str, np.ndarray], numbers: Mapping[str, Mapping[str, float]]) -> list[str]:
    """The names of the sets, if all of them have pictures and the same measures.

    Raises:
        ValueError: fewer than two sets, other names among the numbers, or measures that differ.
    """
    measures = {tuple(row) for row in numbers.values()}
    if len(sets) < 2 or list(sets) != list(numbers) or len(measures) != 1:
        raise ValueError(
            "`sets` must be two or more, and `numbers` must hold the same measures for each of them. "
            f"Received: {list(sets)} and { {name: list(row) for name, row in numbers.items()} }"
        )
    return list(sets)


def table_html(numbers: Mapping[str, Mapping[str, float]], chosen: tuple[str, str], shown: bool) -> str:
    """The measures of two sets below each other; question marks while they are hidden."""
    measures = list(next(iter(numbers.values())))
    head = "".join(f"<th style='padding:2px 10px'>{measure}</th>" for measure in measures)
    rows = "".join(
        f"<tr><td>{name}</td>"
        + "".join(
            f"<td style='text-align:right;padding:2px 10px'>{f'{numbers[name][m]:.3g}' if shown else HIDDEN}</td>"
            for m in measures
        )
        + "</tr>"
        for name in chosen
    )
    return f"<table><tr><th></th>{head}</tr>{rows}</table>"


def view_html(
    sets: Mapping[str, np.ndarray],
    numbers: Mapping[str, Mapping[str, float]],
    left: str,
    right: str,
    shown: bool,
) -> str:
    """All that the widget shows below its controls.

    Args:
        sets: name -> pictures (N, H, W, 1) in [0, 1].
        numbers: name -> measure -> value.
        left, right: which two.
        shown: whether the numbers are.
    """
    sheets = []
    for name in (left, right):
        rows = [
            image_html(sets[name][i : i + 8], f"Pictures {i + 1} to {i + 8} of: {name}")
            for i in range(0, min(SHOWN, len(sets[name])), 8)
        ]
        sheets.append(headed(name, "<div>" + "<br>".join(rows) + "</div>"))
    return side_by_side(*sheets) + table_html(numbers, (left, right), shown)


def still_figure(sets: Mapping[str, np.ndarray], numbers: Mapping[str, Mapping[str, float]]):
    """What the widget shows, for readers without a kernel: eight pictures of every set, with its first measure.

    Returns:
        A Matplotlib Figure and its description in words.
    """
    from diffusion_course.plots.grids import image_rows

    names = check_sets(sets, numbers)
    first = next(iter(numbers[names[0]]))
    words = "; ".join(
        f"{name}: " + ", ".join(f"{measure} {value:.3g}" for measure, value in numbers[name].items())
        for name in names
    )
    figure = image_rows(
        [sets[name][:8] for name in names],
        [f"{name}\n{first} {numbers[name][first]:.3g}" for name in names],
        width=7,
    )
    return figure, f"Eight pictures of each set. {words}. Run the cell to compare two of them."


def ruler_reader(sets: Mapping[str, np.ndarray], numbers: Mapping[str, Mapping[str, float]]):
    """Shows two sets of pictures beside each other, and what a ruler says of them once the learner asks.

    Args:
        sets: name -> pictures (N, H, W, 1) in [0, 1].
        numbers: the same names -> measure -> value, the same measures for all.

    Returns:
        A widget; where no kernel runs, it shows a still figure instead.

    Raises:
        ValueError: see `check_sets`.
    """
    names = check_sets(sets, numbers)
    from diffusion_course.widgets.panel import Panel, stops, switch

    def draw(left, right, shown):
        return view_html(sets, numbers, left, right, shown)

    controls = {
        "left": stops("left", names),
        "right": stops("right", names[::-1]),
        "shown": switch("numbers", False),
    }
    return Panel(draw, controls, lambda: still_figure(sets, numbers))
