"""Chapter 06's widget: scrub through a recorded walk from noise to pictures; beside x_t, what the network believes."""

from collections.abc import Sequence

import numpy as np

from diffusion_course.widgets.pictures import captioned, headed


def check_film(x_t: np.ndarray, x0_hat: np.ndarray, steps: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Returns both recordings as arrays in [0, 1], ready to be looked at.

    Args:
        x_t, x0_hat: (S, N, H, W, 1) in about [-1, 1], N pictures at S moments; what lies beyond is cut off.
        steps: S step numbers, falling.

    Raises:
        ValueError: shapes differ, or the steps are not S falling numbers.
    """
    x_t, x0_hat = np.asarray(x_t), np.asarray(x0_hat)
    if x_t.ndim != 5 or not x_t.size or x_t.shape != x0_hat.shape:
        raise ValueError(
            "`x_t` and `x0_hat` must have one shape (S, N, H, W, 1). "
            f"Received: {x_t.shape} and {x0_hat.shape}"
        )
    if len(steps) != len(x_t) or (np.diff(steps) >= 0).any():
        raise ValueError(f"`steps` must be {len(x_t)} falling numbers. Received: {list(steps)}")
    return np.clip((x_t + 1) / 2, 0, 1), np.clip((x0_hat + 1) / 2, 0, 1)


def in_words(x0_hat: np.ndarray, steps: Sequence[int], moment: int) -> str:
    """Where the walk is, and how far the network's belief is from the picture in the end.

    Args:
        x0_hat: (S, N, H, W, 1) in [0, 1].
        steps: S step numbers.
        moment: 0 to S - 1.
    """
    distance = float(np.sqrt(np.mean((x0_hat[moment] - x0_hat[-1]) ** 2)))
    changed = float(np.mean((x0_hat[moment] > 0.5) != (x0_hat[-1] > 0.5)))
    return (
        f"t = {steps[moment]}: the belief is {distance:.3f} (root mean square) away from the final pictures; "
        f"{changed:.1%} of the pixels are still on the wrong side of grey"
    )


def view_html(x_t: np.ndarray, x0_hat: np.ndarray, steps: Sequence[int], moment: int) -> str:
    """Two rows of pictures at one moment, with a line of words above."""
    words = in_words(x0_hat, steps, moment)
    both = {"x_t, where the walk is": x_t, "x0_hat, what the network believes": x0_hat}
    return headed(words, *(captioned(x[moment], name, alt=f"{name}; {words}") for name, x in both.items()))


def still_figure(x_t: np.ndarray, x0_hat: np.ndarray, steps: Sequence[int], columns: int = 8):
    """What the widget shows, for readers without a kernel: the first pictures at several moments.

    Args:
        x_t, x0_hat: (S, N, H, W, 1) in [0, 1].
        steps: S step numbers.
        columns: moments shown at most.

    Returns:
        A Matplotlib Figure and its description in words.
    """
    from diffusion_course.plots.grids import image_rows

    chosen = np.unique(np.linspace(0, len(steps) - 1, columns).round().astype(int))
    rows, labels = [], []
    for n in range(min(2, x_t.shape[1])):
        rows += [x_t[chosen, n], x0_hat[chosen, n]]
        labels += ["x_t", "believed x_0"]
    figure = image_rows(rows, labels, [f"t = {steps[i]}" for i in chosen])
    words = "; ".join(in_words(x0_hat, steps, i) for i in chosen)
    return figure, (
        "A walk from noise to pictures at several moments: the noisy picture, and below it the clean picture that the "
        f"network believes in. {words}. Run the cell to move through all moments."
    )


def denoising_film(x_t: np.ndarray, x0_hat: np.ndarray, steps: Sequence[int]):
    """Scrubs through a recorded walk: x_t and the believed x_0, for several starting noises at once.

    Nothing is computed while the slider moves, so it follows the hand on any machine. It also takes the arrow keys.

    Args:
        x_t, x0_hat: (S, N, H, W, 1) in about [-1, 1], N walks at S moments, the last moment being the clean picture.
        steps: S step numbers, falling.

    Returns:
        A widget; where no kernel runs, it shows a still figure instead.

    Raises:
        ValueError: as in `check_film`.
    """
    x_t, x0_hat = check_film(x_t, x0_hat, steps)
    from diffusion_course.widgets.panel import Panel, slider

    def draw(moment):
        return view_html(x_t, x0_hat, steps, moment)

    last = len(steps) - 1
    controls = {"moment": slider("moment", 0, last, len(steps) // 3)}
    return Panel(draw, controls, lambda: still_figure(x_t, x0_hat, steps))
