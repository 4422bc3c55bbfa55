"""Chapter 03's widget: add noise with a slider, and see what each method makes of it, with its PSNR."""

import textwrap
from collections.abc import Callable, Mapping

import numpy as np

from diffusion_course.metrics.image_quality import psnr
from diffusion_course.widgets.pictures import captioned, side_by_side

Denoise = Callable[[np.ndarray, float], np.ndarray]


def compare(
    clean: np.ndarray,
    noise: np.ndarray,
    level: float,
    told: float,
    methods: Mapping[str, Denoise],
    clip: bool = True,
) -> dict[str, tuple[np.ndarray, float]]:
    """What each method makes of one noisy picture.

    Args:
        clean: (H, W, 1) in [0, 1].
        noise: (H, W, 1), standard normal.
        level: standard deviation of the noise.
        told: the level that the methods are told; it may be wrong.
        methods: name -> (noisy pictures (1, H, W, 1), level) -> pictures of the same shape.
        clip: whether the noisy picture is cut off at 0 and 1.

    Returns:
        name -> (picture (H, W, 1) in [0, 1], PSNR in dB), beginning with "clean" and "noisy".

    Raises:
        ValueError: ``level`` or ``told`` is negative.
    """
    if level < 0 or told < 0:
        raise ValueError(f"`level` and `told` must not be negative. Received: level={level}, told={told}")
    noisy = clean + level * noise
    noisy = (np.clip(noisy, 0, 1) if clip else noisy).astype("float32")[None]
    pictures = {"clean": clean[None], "noisy": noisy, **{name: f(noisy, told) for name, f in methods.items()}}
    shown = {name: np.clip(np.asarray(p), 0, 1) for name, p in pictures.items()}
    return {name: (p[0], float(psnr(p, clean[None])[0])) for name, p in shown.items()}


def comparison_html(results: Mapping[str, tuple[np.ndarray, float]]) -> str:
    """The pictures side by side, each with its name and PSNR below; the best method is marked."""
    best = max(
        (name for name in results if name not in ("clean", "noisy")), key=lambda name: results[name][1]
    )
    notes = {name: f"{value:.1f} dB" + (" ★" if name == best else "") for name, (_, value) in results.items()}
    notes["clean"] = "the original"
    return side_by_side(
        *(
            captioned(picture[None], name, note=notes[name], size=112)
            for name, (picture, _) in results.items()
        )
    )


def still_figure(clean: np.ndarray, methods: Mapping[str, Denoise], levels=(0.1, 0.2, 0.4, 0.8)):
    """What the widget shows, for readers without a kernel: one picture at several levels.

    Returns:
        A Matplotlib Figure and its description in words.
    """
    from diffusion_course.plots.grids import image_rows

    noise = np.random.default_rng(0).standard_normal(clean.shape)
    results = [compare(clean, noise, level, level, methods) for level in levels]
    figure = image_rows(
        [np.stack([picture for picture, _ in r.values()]) for r in results],
        [f"noise {level:g}" for level in levels],
        [textwrap.fill(name, 11) for name in results[0]],
        notes=[[f"{v:.1f} dB" if np.isfinite(v) else "" for _, v in r.values()] for r in results],
    )
    words = "; ".join(
        f"at noise {level:g}: "
        + ", ".join(f"{name} {value:.1f} dB" for name, (_, value) in r.items() if name != "clean")
        for level, r in zip(levels, results, strict=True)
    )
    return figure, f"One picture at four noise levels, noisy and denoised by each method. PSNR {words}."


def noise_slider(pictures: np.ndarray, methods: Mapping[str, Denoise]):
    """Shows a picture with noise of a chosen level, what each method makes of it, and the PSNR of each.

    Args:
        pictures: (N, H, W, 1) in [0, 1], to choose from.
        methods: name -> (noisy pictures (1, H, W, 1), level) -> pictures. The level is what the learner tells the
            methods; by default the true one.

    Returns:
        A widget; where no kernel runs, it shows a still figure instead.

    Raises:
        ValueError: there are no pictures or no methods.
    """
    if not len(pictures) or not methods:
        raise ValueError(
            "`pictures` and `methods` must hold at least one each. "
            f"Received: {len(pictures)} pictures, {len(methods)} methods"
        )
    from diffusion_course.widgets.panel import Panel, slider, switch

    def draw(picture, level, honest, told, seed):
        noise = np.random.default_rng(seed).standard_normal(pictures.shape[1:])
        return comparison_html(compare(pictures[picture], noise, level, level if honest else told, methods))

    controls = {
        "picture": slider("picture", 0, len(pictures) - 1),
        "level": slider("noise level", 0, 1.2, 0.2, step=0.05),
        "honest": switch("tell the methods the true level"),
        "told": slider("level they are told", 0, 1.2, 0.2, step=0.05),
        "seed": slider("seed of the noise", 0, 50),
    }
    controls["told"].disabled = True
    controls["honest"].observe(lambda change: setattr(controls["told"], "disabled", change.new), "value")
    return Panel(draw, controls, lambda: still_figure(pictures[0], methods))
