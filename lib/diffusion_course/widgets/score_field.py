"""Chapter 10's widget: drop a particle into the score field of a noise level, and watch Langevin dynamics move it."""

import html
from collections.abc import Sequence

import numpy as np

from diffusion_course.plots.style import CLASS_COLOURS
from diffusion_course.widgets.pictures import headed

STEPS, SIDE, LIMIT, ARROWS = 150, 420, 6.0, 17  # of a walk; screen pixels; of both axes; arrows in a row


def walk(mixture, start, sigma: float, size: float, *, noisy: bool = True, seed: int = 0) -> np.ndarray:
    """The path of one particle, (STEPS + 1, 2).

    Args:
        mixture: has ``score(x, sigma)`` of points (N, 2), like `datasets.mixture.GaussianMixture`.
        start: (2,).
        sigma: noise level of the field, above 0.
        size: of a step, as a share of sigma**2.
        noisy: False leaves the noise of the steps out: then it only climbs.
        seed: of that noise.
    """
    rng, step = np.random.default_rng(seed), size * sigma**2
    path = [np.asarray(start, "float64")]
    for _ in range(STEPS):
        z = rng.standard_normal(2) if noisy else 0.0
        path.append(path[-1] + step / 2 * mixture.score(path[-1][None], sigma)[0] + step**0.5 * z)
    return np.array(path)


def in_words(mixture, path: np.ndarray, sigma: float) -> str:
    """What a path did, as a sentence: which hump it was nearest to, and how often that changed."""
    nearest = mixture.hump_of(path)
    changes = int((np.diff(nearest) != 0).sum())
    shares = ", ".join(
        f"{share:.0%}" for share in np.bincount(nearest, minlength=len(mixture.shares)) / len(path)
    )
    times = "once" if changes == 1 else f"{changes} times"
    return (
        f"Noise {sigma:g}: {STEPS} steps, nearest hump changed {times}; it ends nearest to hump {nearest[-1] + 1}. "
        f"Share of the time near each hump: {shares}"
    )


def _place(points) -> np.ndarray:
    """Points of the plane in screen pixels, (N, 2); what lies outside stays at the rim."""
    points = np.clip(points, -LIMIT, LIMIT)
    return (points * [1, -1] / LIMIT + 1) * SIDE / 2


def field_svg(mixture, path: np.ndarray, sigma: float) -> str:
    """Humps, arrows of the score (of one length; darker where the density is higher) and the path, as HTML."""
    ticks = np.linspace(-LIMIT, LIMIT, ARROWS)
    grid = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    arrows = mixture.score(grid, sigma)
    arrows = 0.3 * arrows / np.maximum(np.linalg.norm(arrows, axis=1, keepdims=True), 1e-12)
    density = np.exp(mixture.log_density(grid, sigma))
    shade = 0.25 + 0.75 * (density / density.max()) ** 0.3
    parts = [f'<rect width="{SIDE}" height="{SIDE}" fill="none" stroke="#888"/>']
    for centre, width, share in zip(mixture.centres, mixture.widths, mixture.shares, strict=True):
        x, y = _place(centre[None])[0]
        radius = 2 * width / LIMIT * SIDE / 2
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="none" stroke="currentColor" '
            f'stroke-dasharray="4 3"/>'
            f'<text x="{x:.1f}" y="{y - radius - 5:.1f}" text-anchor="middle">{share:.0%}</text>'
        )
    for (x0, y0), (x1, y1), grey in zip(_place(grid - arrows), _place(grid + arrows), shade, strict=True):
        parts.append(
            f'<line x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}" stroke="{CLASS_COLOURS[0]}" '
            f'stroke-width="1.5" stroke-opacity="{grey:.2f}"/>'
            f'<circle cx="{x1:.1f}" cy="{y1:.1f}" r="2" fill="{CLASS_COLOURS[0]}" fill-opacity="{grey:.2f}"/>'
        )
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in _place(path))
    (x0, y0), (x1, y1) = _place(path[[0, -1]])
    parts.append(
        f'<polyline points="{line}" fill="none" stroke="{CLASS_COLOURS[2]}" stroke-width="1.5" stroke-opacity="0.8"/>'
        f'<circle cx="{x0:.1f}" cy="{y0:.1f}" r="5" fill="none" stroke="{CLASS_COLOURS[2]}" stroke-width="2"/>'
        f'<circle cx="{x1:.1f}" cy="{y1:.1f}" r="6" fill="{CLASS_COLOURS[2]}"/>'
    )
    words = html.escape(f"Arrows of the score, and the path of a particle. {in_words(mixture, path, sigma)}")
    return (
        f'<svg role="img" aria-label="{words}" viewBox="0 0 {SIDE} {SIDE}" font-size="12" '
        f'style="width:{SIDE}px;max-width:100%" fill="currentColor">{"".join(parts)}</svg>'
    )


def still_figure(mixture, sigmas: Sequence[float], size: float = 0.2):
    """What the widget shows, for readers without a kernel: one particle at the lowest, a middle and the highest level.

    Returns:
        A Matplotlib Figure and its description in words.
    """
    from diffusion_course.plots.planes import plane_grid, plane_panels

    chosen = [sigmas[0], sigmas[len(sigmas) // 2], sigmas[-1]]
    paths = {f"noise {s:g}": walk(mixture, (1.0, 0.5), s, size)[:, None] for s in chosen}
    fields = {f"noise {s:g}": mixture.score(plane_grid(LIMIT, ARROWS), s) for s in chosen}
    figure = plane_panels(list(paths), limit=LIMIT, fields=fields, paths=paths)
    words = "; ".join(in_words(mixture, paths[f"noise {s:g}"][:, 0], s) for s in chosen)
    return (
        figure,
        f"One particle in the fields of three noise levels. {words}. Run the cell to choose for yourself.",
    )


def score_field(mixture, sigmas: Sequence[float] = (0.2, 0.5, 1.0, 1.5, 2.0, 3.0)):
    """Shows the score field of a noise level, and the path of a particle that the learner drops into it.

    Args:
        mixture: a `datasets.mixture.GaussianMixture` of points in a plane.
        sigmas: noise levels to choose from, rising, above 0.

    Returns:
        A widget; where no kernel runs, it shows a still figure instead.

    Raises:
        ValueError: the points are not in a plane, or the levels break their rule.
    """
    if mixture.centres.shape[1] != 2 or not len(sigmas) or sigmas[0] <= 0 or (np.diff(sigmas) <= 0).any():
        raise ValueError(
            "`mixture` must be in a plane, and `sigmas` rise from above 0. "
            f"Received: {mixture.centres.shape[1]} dimensions, sigmas {sigmas}"
        )
    from diffusion_course.widgets.panel import Panel, slider, stops, switch

    def draw(sigma, x, y, size, noisy, seed):
        path = walk(mixture, (x, y), sigma, size, noisy=noisy, seed=seed)
        return headed(in_words(mixture, path, sigma), field_svg(mixture, path, sigma))

    controls = {
        "sigma": stops("noise level", [(f"{s:g}", s) for s in sigmas], sigmas[len(sigmas) // 2]),
        "x": slider("start, across", -LIMIT, LIMIT, 1.0, step=0.5),
        "y": slider("start, up", -LIMIT, LIMIT, 0.5, step=0.5),
        "size": slider("step / noise level²", 0.02, 1.0, 0.2, step=0.02),
        "noisy": switch("add noise in each step"),
        "seed": slider("seed of the noise", 0, 50),
    }
    return Panel(draw, controls, lambda: still_figure(mixture, sigmas))
