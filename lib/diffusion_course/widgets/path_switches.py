"""Chapter 07's widget: close single paths through a U-Net, and see what each of them carries."""

from collections.abc import Callable, Sequence

import numpy as np

from diffusion_course.widgets.pictures import captioned

Guess = Callable[[np.ndarray, int, Sequence[bool]], np.ndarray]
AddNoise = Callable[[np.ndarray, np.ndarray, int], np.ndarray]


def look(
    pictures: np.ndarray,
    t: int,
    open_paths: Sequence[bool],
    *,
    add_noise: AddNoise,
    guess: Guess,
    seed: int = 0,
) -> dict[str, tuple[np.ndarray, float]]:
    """What the network makes of noisy pictures, with all of its paths and with some of them.

    Args:
        pictures: (N, H, W, 1) in [-1, 1].
        t: the step, which says how much noise.
        open_paths: one truth value per path.
        add_noise: (pictures, noise, t) -> noisy pictures.
        guess: (noisy pictures, t, open paths) -> the clean pictures that the network takes to be behind them,
            (N, H, W, 1), around [-1, 1].
        seed: of the noise.

    Returns:
        name -> (pictures in [0, 1], root mean squared error against the clean ones on that scale).
    """
    noise = np.random.default_rng(seed).standard_normal(pictures.shape, dtype="float32")
    noisy = np.asarray(add_noise(pictures, noise, t))
    rows = {
        "clean": pictures,
        "noisy": noisy,
        "guess, all paths": guess(noisy, t, [True] * len(open_paths)),
        "guess, your paths": guess(noisy, t, list(open_paths)),
    }
    shown = {name: np.clip((np.asarray(x) + 1) / 2, 0, 1) for name, x in rows.items()}
    return {name: (x, float(np.sqrt(np.mean((x - shown["clean"]) ** 2)))) for name, x in shown.items()}


def look_html(rows: dict[str, tuple[np.ndarray, float]]) -> str:
    """The rows below each other, each with its name and its error."""
    labels = {
        name: name if name == "clean" else f"{name}: error {error:.3f}" for name, (_, error) in rows.items()
    }
    return "".join(
        captioned(pictures, labels[name], alt=f"{len(pictures)} pictures, {labels[name]}", size=56)
        for name, (pictures, _) in rows.items()
    )


def still_figure(pictures: np.ndarray, steps: Sequence[int], paths: Sequence[str], **functions):
    """What the widget shows, for readers without a kernel: each path closed alone, at the middle one of the steps.

    Returns:
        A Matplotlib Figure and its description in words.
    """
    from diffusion_course.plots.grids import image_rows

    t = steps[len(steps) // 2]
    rows = look(pictures, t, [True] * len(paths), **functions)
    rows.pop("guess, your paths")
    for i, path in enumerate(paths):
        choice = [k != i for k in range(len(paths))]
        rows[f"without {path}"] = look(pictures, t, choice, **functions)["guess, your paths"]
    figure = image_rows([x for x, _ in rows.values()], list(rows))
    errors = ", ".join(f"{name} {error:.3f}" for name, (_, error) in rows.items() if name != "clean")
    return figure, f"Pictures with the noise of step {t}, and the network's guesses. Errors: {errors}."


def path_switches(
    pictures: np.ndarray, steps: Sequence[int], paths: Sequence[str], *, add_noise: AddNoise, guess: Guess
):
    """Shows noisy pictures and the network's guess; a switch for each path through the network.

    Args:
        pictures: (N, H, W, 1) in [-1, 1].
        steps: steps to choose from, i.e. strengths of noise.
        paths: what the paths are called.
        add_noise, guess: as in `look`; ``guess`` runs at each change, so it must be quick.

    Returns:
        A widget; where no kernel runs, it shows a still figure instead.

    Raises:
        ValueError: there are no pictures, steps or paths.
    """
    if not len(pictures) or not len(steps) or not len(paths):
        raise ValueError(
            "`pictures`, `steps` and `paths` must hold at least one each. "
            f"Received: {len(pictures)}, {len(steps)}, {len(paths)}"
        )
    from diffusion_course.widgets.panel import Panel, slider, stops, switch

    functions = {"add_noise": add_noise, "guess": guess}

    def draw(step, seed, **switches):
        return look_html(look(pictures, step, list(switches.values()), seed=seed, **functions))

    numbers = [int(t) for t in steps]
    controls = {
        "step": stops("step t", numbers, numbers[len(numbers) // 2]),
        "seed": slider("seed of the noise", 0, 50),
        **{f"path {k}": switch(path) for k, path in enumerate(paths)},
    }
    return Panel(draw, controls, lambda: still_figure(pictures, steps, paths, **functions))
