"""How the weights in ``data/weights`` were trained: one recipe per file, run by ``diffusion-course train NAME``."""

import os
import platform
import time
from collections.abc import Iterable
from graphlib import TopologicalSorter
from pathlib import Path

import keras

from diffusion_course.backend import device_report
from diffusion_course.course.files import publish
from diffusion_course.course.manifest import check_profile
from diffusion_course.course.paths import data_dir
from diffusion_course.course.writing import write_together
from diffusion_course.models import presets
from diffusion_course.models.weights import load_weights, weights_as_bytes
from diffusion_course.recipes import (
    attention,
    autoencoders,
    classifiers,
    conditional,
    contrastive,
    denoising_autoencoders,
    detectors,
    diffusion,
    large_scenes,
    latent_scenes,
    resnet_denoiser,
    scenes_autoencoders,
    vaes,
)
from diffusion_course.recipes.base import Recipe
from diffusion_course.recipes.computing import Computing, plan_computing
from diffusion_course.training.devices import training_on
from diffusion_course.training.fitting import whole_number

RECIPES: dict[str, Recipe] = {
    **autoencoders.RECIPES,
    **classifiers.RECIPES,
    **vaes.RECIPES,
    **denoising_autoencoders.RECIPES,
    **detectors.RECIPES,
    **diffusion.RECIPES,
    **contrastive.RECIPES,
    **conditional.RECIPES,
    **scenes_autoencoders.RECIPES,
    **latent_scenes.RECIPES,
    **large_scenes.RECIPES,
    **resnet_denoiser.RECIPES,
    **attention.RECIPES,
}


def names(every: bool = False) -> tuple[str, ...]:
    """The recipes of the weights that come with the course; with ``every`` all. Each after those that it needs."""
    order = TopologicalSorter({name: recipe.needs for name, recipe in RECIPES.items()}).static_order()
    return tuple(name for name in order if every or name in presets.SHIPPED)


def _card(
    name: str,
    recipe: Recipe,
    minutes: float,
    metrics: dict,
    judged: dict,
    parameters: int,
    command: str,
    how: Computing,
) -> str:
    device = device_report()
    measured = "\n".join(f"| {metric} | {value:.5g} |" for metric, value in metrics.items())
    if judged:
        rows = "\n".join(f"| {metric} | {value:.4g} |" for metric, value in judged.items())
        measured += f"\n\n{recipe.judged}:\n\n| measure | mean |\n|---|---|\n{rows}"
    computed = f"\n| trained in | {how.words()} |" if how != Computing() else ""
    return f"""# {name}

| | |
|---|---|
| made by | `diffusion-course train {command}` |
| model | `diffusion_course.models.presets.build("{name}")`, {parameters:,} parameters, stored as float16 |
| data | {recipe.data} |
| hardware | {", ".join(device["devices"])}, {platform.machine()} |
| software | Keras {device["keras_version"]}, {device["backend"]} {device["backend_version"]} |{computed}
| training time | {minutes:.1f} minutes |
| licence | CC BY 4.0; the data's licence is in `data/LICENSES.md` |

Measured from this file, after rounding to float16:

| metric | value |
|---|---|
{measured}
"""


def check_folder(profile: str, folder: Path | str | None) -> Path | None:
    """Where a training writes: a folder of its own, or None for ``data/weights``, which only whole trainings may fill.

    Args:
        profile: of the training.
        folder: as given by the user; it need not exist yet.

    Returns:
        ``folder``, absolute; None if it is ``data/weights`` or was not given.

    Raises:
        ValueError: a quick training without a folder of its own, a folder elsewhere in ``data/``, or one that cannot be
            written to: hours of training would be lost to it.
    """
    if folder is not None and not str(folder):
        raise ValueError("`folder` must be the path of a folder, not empty. Received: folder=''")
    shipped = data_dir() / "weights"
    chosen = shipped if folder is None else Path(folder).expanduser().resolve()
    if profile == "quick" and chosen == shipped:
        raise ValueError(
            "A quick training must write to a folder of its own (`--folder`): its weights only prove that the recipe "
            f"runs, and would replace the shipped ones. Received: profile='quick', folder={folder}"
        )
    if chosen != shipped and chosen.is_relative_to(data_dir()):
        raise ValueError(f"`folder` must lie outside of data/, or be data/weights. Received: folder={folder}")
    there = next(path for path in (chosen, *chosen.parents) if path.exists())
    if not there.is_dir():
        raise ValueError(f"`folder` must be a folder, but {there} is a file. Received: folder={folder}")
    if not os.access(there, os.W_OK | os.X_OK):
        raise ValueError(
            f"`folder` must be one that may be written to, but {there} may not. Received: folder={folder}"
        )
    return None if chosen == shipped else chosen


def check_training(
    profile: str, seed: int, folder: Path | str | None, names: Iterable[str] = (), **how
) -> tuple[str, int, Path | None]:
    """What a training is told, checked before it begins.

    Args:
        profile, seed, folder: as `train` takes them.
        names: recipes that are to be trained.
        **how: of `computing.plan_computing`.

    Returns:
        profile, seed, and folder as `check_folder` returns it.

    Raises:
        ValueError: an unknown recipe or profile, a seed out of its range, a folder that `check_folder` refuses, none
            for weights that do not come with the course, or a way to compute that `plan_computing` refuses.
    """
    check_profile(profile)
    checked = profile, whole_number("seed", seed, 0, 2**32 - 1), check_folder(profile, folder)
    for name in names:
        if name not in RECIPES:
            raise ValueError(f"A recipe must be one of {', '.join(RECIPES)}. Received: {name!r}")
        if name not in presets.SHIPPED and checked[-1] is None:
            raise ValueError(
                f"{name} does not come with the course: its weights need a folder of their own (`--folder`). "
                f"Received: folder={folder}"
            )
        plan_computing(name, RECIPES[name], profile, **how)
    return checked


def train(
    name: str,
    profile: str = "standard",
    seed: int = 0,
    folder: Path | str | None = None,
    *,
    command: str | None = None,
    devices: int = 1,
    dtype: str | None = None,
    jit_compile: bool | None = None,
) -> dict[str, float]:
    """Trains a preset, measures it, and then writes its weights, model card and checksum: all of them or none.

    Args:
        name: one of `names`.
        profile: ``quick`` only proves that the recipe runs; the shipped files come from ``standard`` or ``full``.
        seed: fixes initial weights and order of the data; 0 to 2^32 - 1.
        folder: where to write; ``data/weights`` (with its checksum in ``data/SHA256SUMS``) by default.
        command: what the card says after ``diffusion-course train``; by default the call itself.
        devices, dtype, jit_compile: of `computing.plan_computing`: how to compute, which a profile decides else.

    Returns:
        The metrics, measured from the bytes that are written, in float32 and on one device.

    Raises:
        ValueError: an unknown recipe or profile, a seed out of its range, a folder that `check_folder` refuses, or a
            way to compute that `plan_computing` refuses.
    """
    ways = {"devices": devices, "dtype": dtype, "jit_compile": jit_compile}
    profile, seed, folder = check_training(profile, seed, folder, [name], **ways)
    recipe = RECIPES[name]
    how = plan_computing(name, recipe, profile, **ways)
    keras.utils.set_random_seed(seed)
    with training_on(how.devices, jit_compile=how.jit_compile):
        model = presets.build(name, how.dtype)
        started = time.monotonic()
        seconds = recipe.train(model, profile, **({"seed": seed} if recipe.tidy else {}))
        minutes = (time.monotonic() - started if seconds is None else seconds) / 60
        weights = weights_as_bytes(model)
    if how != Computing():
        model = presets.build(name)
    load_weights(model, weights, name)
    metrics = recipe.evaluate(model)
    judged = recipe.judge(model) if recipe.judge and profile != "quick" else {}
    if command is None:
        command = f"{name} --profile {profile} --seed {seed}" + (" --folder FOLDER" if folder else "")
    card = _card(name, recipe, minutes, metrics, judged, model.count_params(), command, how).encode()
    # Nothing was written so far: whatever fails or is interrupted before leaves the old files as they are.
    files = {f"{name}.safetensors": weights, f"{name}.md": card, **(recipe.also() if recipe.also else {})}
    if folder:
        write_together({folder / file: content for file, content in files.items()})
    else:
        publish({f"weights/{file}": content for file, content in files.items()})
    if recipe.tidy:
        recipe.tidy(profile, seed)
    return metrics
