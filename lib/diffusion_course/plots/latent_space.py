"""Latents that are pictures themselves, and what an autoencoder's settings make of them and of a diffusion model."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from diffusion_course.plots.style import CLASS_COLOURS, CLASS_MARKERS

COLOURS = "PuOr"  # orange below 0, purple above, white at 0: two ends that everyone can tell apart


def channel_pictures(latents: np.ndarray, side: int, *, limit: float = 2.5) -> list[np.ndarray]:
    """Each channel of latents as coloured pictures, large enough to stand below what they are latents of.

    Args:
        latents: (N, h, w, c), with a deviation of about 1.
        side: of the pictures; a multiple of h and w.
        limit: values beyond it, on either side of 0, have the strongest colour.

    Returns:
        c arrays (N, side, side, 3) in [0, 1].

    Raises:
        ValueError: latents of another shape, a side that is no multiple, or a limit that is not positive.
    """
    latents = np.asarray(latents)
    if latents.ndim != 4 or side % latents.shape[1] or side % latents.shape[2] or not limit > 0:
        raise ValueError(
            "`latents` must be (N, h, w, c), `side` a multiple of h and w, and `limit` positive. "
            f"Received: shape {latents.shape}, side={side}, limit={limit}"
        )
    tall, wide = side // latents.shape[1], side // latents.shape[2]
    large = latents.repeat(tall, axis=1).repeat(wide, axis=2)  # (N, side, side, c)
    shares = np.clip((large / limit + 1) / 2, 0, 1)
    return [colormaps[COLOURS](shares[..., k])[..., :3] for k in range(latents.shape[-1])]


def settings_panels(
    settings: Sequence[str], panels: Mapping[str, Mapping[str, Sequence[float]]], *, xlabel: str
) -> Figure:
    """Lines over a few settings that lie evenly beside each other, a panel for each kind of measure.

    Args:
        settings: S names, from left to right.
        panels: label of a vertical axis -> name of a line -> S values.
        xlabel: what the settings are.

    Raises:
        ValueError: there is no panel, or a line of another length.
    """
    if not panels:
        raise ValueError("`panels` must hold at least one. Received: none")
    wide = {1: 6.8, 2: 4.6}.get(len(panels), 3.5)
    figure, axes = plt.subplots(1, len(panels), figsize=(wide * len(panels), 3.5), squeeze=False)
    places = range(len(settings))
    for ax, (label, lines) in zip(axes[0], panels.items(), strict=True):
        for k, (name, values) in enumerate(lines.items()):
            if len(values) != len(settings):
                raise ValueError(
                    f"Each line must have {len(settings)} values. Received: {name} with {len(values)}"
                )
            ax.plot(places, values, marker=CLASS_MARKERS[k], color=CLASS_COLOURS[k], label=name)
        ax.set_xticks(places, settings)
        ax.set_xlabel(xlabel)
        ax.set_ylabel(label)
        ax.grid(alpha=0.3)
        if len(lines) > 1:
            ax.legend(frameon=False, fontsize=9)
    figure.tight_layout()
    return figure


def quality_over_time(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    ylabel: str,
    xlabel: str = "seconds of training",
) -> Figure:
    """How good each way became with training, each at its own times; all begin at nothing.

    Args:
        curves: name -> (seconds, quality), each of one length, seconds rising.
        ylabel, xlabel: of the axes.

    Raises:
        ValueError: there are no curves, or one that breaks these rules.
    """
    if not curves:
        raise ValueError("`curves` must hold at least one. Received: none")
    figure, axes = plt.subplots(figsize=(6.8, 3.6))
    for k, (name, (seconds, quality)) in enumerate(curves.items()):
        if len(seconds) != len(quality) or list(seconds) != sorted(set(seconds)):
            raise ValueError(
                f"Each curve must have rising seconds and as many values. Received: {name} with {seconds}, {quality}"
            )
        pen = {"marker": CLASS_MARKERS[k], "color": CLASS_COLOURS[k], "label": name}
        axes.plot([0, *seconds], [0, *quality], **pen)
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=9)
    figure.tight_layout()
    return figure
