"""Chapter 03's widget: add noise with a slider, and see what each method makes of it, with its PSNR."""

import base64
import html
import textwrap
from collections.abc import Callable, Mapping

import numpy as np

from diffusion_course.metrics.image_quality import psnr
from diffusion_course.widgets.word_pictures import sheet_png

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


def comparison_html(results: Mapping[str, tuple[np.ndarray, float]], zoom: int = 4) -> str:
    """The pictures side by side, each with its name and PSNR below; the best method is marked."""
    rivals = [name for name in results if name not in ("clean", "noisy")]
    best = max(rivals, key=lambda name: results[name][1])
    cells = []
    for name, (picture, value) in results.items():
        data = base64.b64encode(sheet_png(picture[None], zoom)).decode("ascii")
        label = "the original" if name == "clean" else f"{value:.1f} dB" + (" ★" if name == best else "")
        cells.append(
            f'<figure style="margin:0 8px 8px 0;text-align:center;line-height:1.3">'
            f'<img src="data:image/png;base64,{data}" alt="{html.escape(name)}: {html.escape(label)}">'
            f"<figcaption>{html.escape(name)}<br><b>{html.escape(label)}</b></figcaption></figure>"
        )
    return f'<div style="display:flex;flex-wrap:wrap">{"".join(cells)}</div>'


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
    )
    for axes, (_, value) in zip(
        [a for row in range(len(levels)) for a in figure.axes[row * len(results[0]) :][: len(results[0])]],
        [pair for r in results for pair in r.values()],
        strict=True,
    ):
        if np.isfinite(value):
            axes.set_xlabel(f"{value:.1f} dB", fontsize=8, labelpad=2)
    figure.subplots_adjust(hspace=0.22)
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
    import ipywidgets

    from diffusion_course.widgets.still import still_box

    if not len(pictures) or not methods:
        raise ValueError(
            "`pictures` and `methods` must hold at least one each. "
            f"Received: {len(pictures)} pictures, {len(methods)} methods"
        )
    style, wide = {"description_width": "9em"}, ipywidgets.Layout(width="30em")
    picture = ipywidgets.IntSlider(
        0, min=0, max=len(pictures) - 1, description="picture", style=style, layout=wide
    )
    level = ipywidgets.FloatSlider(
        0.2, min=0, max=1.2, step=0.05, description="noise level", style=style, layout=wide
    )
    honest = ipywidgets.Checkbox(True, description="tell the methods the true level", indent=False)
    told = ipywidgets.FloatSlider(
        0.2,
        min=0,
        max=1.2,
        step=0.05,
        description="level they are told",
        style=style,
        layout=wide,
        disabled=True,
    )
    seed = ipywidgets.IntSlider(0, min=0, max=50, description="seed of the noise", style=style, layout=wide)
    view = ipywidgets.HTML()

    def redraw(_change=None):
        told.disabled = honest.value
        noise = np.random.default_rng(seed.value).standard_normal(pictures.shape[1:])
        believed = level.value if honest.value else told.value
        results = compare(pictures[picture.value], noise, level.value, believed, methods)
        view.value = comparison_html(results)

    redraw()
    for control in (picture, level, honest, told, seed):
        control.observe(redraw, "value")

    return still_box([picture, level, honest, told, seed, view], lambda: still_figure(pictures[0], methods))
