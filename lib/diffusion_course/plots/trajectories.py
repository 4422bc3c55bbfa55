"""Denoising step by step: films, and quality against the number of steps."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from diffusion_course.plots.grids import check_images, montage, sheet_axes
from diffusion_course.plots.style import CLASS_COLOURS, CLASS_MARKERS, WIDTH


def film(frames: np.ndarray, steps: Sequence, *, columns: int = 16, width: float = WIDTH) -> Figure:
    """Pictures while they come out of the noise: a row per picture, time from left to right.

    Args:
        frames: (S, N, H, W, 1 or 3), N pictures at S moments, in [0, 1] (values outside are clipped).
        steps: S labels, one per moment, e.g. the step t.
        columns: at most so many moments are shown, evenly spread, the first and the last among them; at least 2.
        width: wished width of the figure in inches, as in `image_grid`.

    Raises:
        ValueError: a shape, number or ``columns`` breaks these rules.
    """
    frames = np.asarray(frames)
    if frames.ndim != 5 or not frames.size or len(steps) != len(frames) or columns < 2:
        raise ValueError(
            "`frames` must be (S, N, H, W, C) with S `steps`, and `columns` at least 2. "
            f"Received: shape {frames.shape}, {len(steps)} steps, columns={columns}"
        )
    chosen = np.unique(np.linspace(0, len(frames) - 1, min(columns, len(frames))).round().astype(int))
    shown = frames[chosen].swapaxes(0, 1)  # (N, S, H, W, C)
    check_images(shown[0], "frames")
    sheet = montage(shown.reshape(-1, *shown.shape[2:]), columns=len(chosen))
    pitch = frames.shape[3] + 1  # a picture and its gap
    axes = sheet_axes(sheet, len(chosen), pitch, width)
    axes.imshow(sheet, cmap="gray", vmin=0, vmax=1, interpolation="nearest", aspect="auto")
    axes.set_xticks(
        np.arange(len(chosen)) * pitch + pitch / 2 - 1, [str(steps[i]) for i in chosen], fontsize=9
    )
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    return axes.figure


def steps_against_quality(
    lines: Mapping[str, tuple],
    *,
    floor: float = 1.0,
    xlabel: str = "network calls",
    ylabel: str = "FID ratio to real pictures",
) -> Figure:
    """What does another network call buy? One line per sampler, both axes logarithmic.

    Args:
        lines: name -> (calls, quality) or (calls, quality, spread), each of one length, all calls and qualities
            above 0; the band reaches ``spread`` up and down.
        floor: what real pictures get; a dashed line.
        xlabel, ylabel: of the axes.

    Raises:
        ValueError: no lines, or one that breaks these rules.
    """
    if not 0 < len(lines) <= len(CLASS_COLOURS):
        raise ValueError(f"`lines` must hold 1 to {len(CLASS_COLOURS)} lines. Received: {len(lines)}")
    figure, axes = plt.subplots(figsize=(6.8, 3.8))
    ticks, ends = set(), []
    for k, (name, line) in enumerate(lines.items()):
        columns = [np.asarray(values, "float64") for values in line]
        if len(columns) not in (2, 3) or len({c.shape for c in columns}) != 1 or columns[0].ndim != 1:
            raise ValueError(
                "Each line must be (calls, quality) or (calls, quality, spread) of one length. "
                f"Received: {name} with shapes {[c.shape for c in columns]}"
            )
        calls, quality = columns[:2]
        if not calls.size or not ((calls > 0) & (quality > 0)).all():
            raise ValueError(f"Calls and qualities must be above 0. Received: {name} with {calls}, {quality}")
        order = np.argsort(calls)
        calls, quality = calls[order], quality[order]
        axes.plot(calls, quality, marker=CLASS_MARKERS[k], color=CLASS_COLOURS[k])
        if len(columns) == 3:
            spread = columns[2][order]
            # A band below 0 has no place on a logarithmic axis.
            low = np.maximum(quality - spread, quality / 10)
            axes.fill_between(calls, low, quality + spread, color=CLASS_COLOURS[k], alpha=0.2, lw=0)
        ticks |= set(calls)
        ends.append((calls[-1], quality[-1], name, CLASS_COLOURS[k]))
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.axhline(floor, color="0.3", ls="--", lw=1)
    axes.annotate(
        "real pictures", (0.01, floor), xycoords=("axes fraction", "data"), xytext=(0, 3),
        textcoords="offset points", color="0.3", fontsize=9,
    )  # fmt: skip
    axes.set_xticks(_apart(sorted(ticks)), [f"{v:g}" for v in _apart(sorted(ticks))])
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("")
    low, high = axes.get_ylim()
    low = min(low, 0.9 * floor)  # keeps the floor's line off the frame
    axes.set_ylim(low, high)
    axes.set_yticks([v * 10**p for p in range(-3, 6) for v in (1, 2, 5) if low <= v * 10**p <= high])
    axes.minorticks_off()
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.grid(alpha=0.3)
    _label_ends(axes, ends)
    return figure


def _apart(values: list[float], ratio: float = 1.25) -> list[float]:
    """Those of increasing values that have room for a label on a logarithmic axis."""
    kept = values[:1]
    for value in values[1:]:
        if value / kept[-1] >= ratio:
            kept.append(value)
    return kept


def _label_ends(axes, ends, gap: float = 0.075) -> None:
    """Names beside the right ends of lines, moved up where they would cover each other."""
    to_axes = axes.transData + axes.transAxes.inverted()
    places = []
    for x, y, name, colour in ends:
        places.append((float(np.clip(to_axes.transform((x, y))[1], 0, 1)), name, colour))
    last = -1.0
    for height, name, colour in sorted(places, key=lambda place: place[0]):
        last = max(height, last + gap)
        # Letters darker than the line are easier to read; a dot in the line's colour ties them to it.
        axes.text(1.02, last, "\u25cf", color=colour, transform=axes.transAxes, va="center", fontsize=10)
        axes.text(1.055, last, name, color="0.15", transform=axes.transAxes, va="center", fontsize=10)
