"""Points, densities, arrows and paths in a plane, several panels beside each other."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from diffusion_course.plots.style import CLASS_COLOURS


def plane_grid(limit: float, count: int) -> np.ndarray:
    """Points of a square grid from -limit to limit, (count**2, 2), row by row from below."""
    ticks = np.linspace(-limit, limit, count)
    return np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)


def plane_panels(
    titles: Sequence[str],
    *,
    limit: float,
    densities: Mapping[str, np.ndarray] | None = None,
    fields: Mapping[str, np.ndarray] | None = None,
    points: Mapping[str, np.ndarray] | None = None,
    paths: Mapping[str, np.ndarray] | None = None,
    columns: int = 3,
    side: float = 3.1,
) -> Figure:
    """Square panels of the plane from -limit to limit; what a panel has no entry for, it does not show.

    Args:
        titles: of the panels, and the keys of the rest.
        limit: of both axes.
        densities: values (G * G,) on `plane_grid`, shown as filled contours.
        fields: vectors (G * G, 2) on `plane_grid`, shown as arrows of equal length: their direction is what they tell.
        points: (N, 2).
        paths: (S, P, 2), P paths of S points; a dot marks where a path ends.
        columns: panels in a row.
        side: of a panel, in inches.

    Raises:
        ValueError: no panels, or a key that is no title.
    """
    layers = {"densities": densities, "fields": fields, "points": points, "paths": paths}
    unknown = {key for layer in layers.values() for key in layer or ()} - set(titles)
    if not titles or unknown:
        raise ValueError(
            f"Every panel must have its title. Received: {list(titles)}, and also {sorted(unknown)}"
        )
    rows = -(-len(titles) // columns)
    wide = min(columns, len(titles))
    figure, panels = plt.subplots(rows, wide, figsize=(side * wide, (side + 0.25) * rows), squeeze=False)
    for ax in panels.flat[len(titles) :]:
        ax.set_axis_off()
    for ax, title in zip(panels.flat, titles, strict=False):
        if densities and title in densities:
            values = np.asarray(densities[title])
            count = round(len(values) ** 0.5)
            ticks = np.linspace(-limit, limit, count)
            ax.contourf(ticks, ticks, values.reshape(count, count), levels=9, cmap="Greys", alpha=0.7)
        if fields and title in fields:
            arrows = np.asarray(fields[title])
            at = plane_grid(limit, round(len(arrows) ** 0.5))
            arrows = arrows / np.maximum(np.linalg.norm(arrows, axis=1, keepdims=True), 1e-12)
            ax.quiver(*at.T, *arrows.T, color=CLASS_COLOURS[0], pivot="mid", width=0.006, scale=22)
        if points and title in points:
            ax.plot(*np.asarray(points[title]).T, ".", ms=2, alpha=0.4, color=CLASS_COLOURS[0])
        if paths and title in paths:
            path = np.asarray(paths[title])
            ax.plot(path[..., 0], path[..., 1], color=CLASS_COLOURS[2], lw=0.9, alpha=0.8)
            ax.plot(*path[-1].T, "o", ms=3.5, color="0.1")
        ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
        ax.set_title(title, loc="left", fontsize=10)
        ax.tick_params(labelsize=8)
    figure.tight_layout()
    return figure
