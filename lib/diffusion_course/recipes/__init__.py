"""How the weights in ``data/weights`` were trained: one recipe per file, run by ``diffusion-course train NAME``."""

import os
import platform
import time
from pathlib import Path

import keras

from diffusion_course.backend import device_report
from diffusion_course.course.files import update_sums
from diffusion_course.course.manifest import check_profile
from diffusion_course.course.paths import data_dir
from diffusion_course.models import presets
from diffusion_course.models.weights import save_weights
from diffusion_course.recipes import (
    autoencoders,
    classifiers,
    denoising_autoencoders,
    detectors,
    diffusion,
    resnet_denoiser,
    vaes,
)
from diffusion_course.recipes.base import Recipe

RECIPES: dict[str, Recipe] = {
    **autoencoders.RECIPES,
    **classifiers.RECIPES,
    **vaes.RECIPES,
    **denoising_autoencoders.RECIPES,
    **detectors.RECIPES,
    **diffusion.RECIPES,
    **resnet_denoiser.RECIPES,
}


def names() -> tuple[str, ...]:
    """All recipes: autoencoders, classifiers, variational autoencoders, denoisers, detectors, diffusion networks."""
    return tuple(RECIPES)


def _card(
    name: str,
    recipe: Recipe,
    profile: str,
    seed: int,
    minutes: float,
    metrics: dict,
    judged: dict,
    parameters: int,
) -> str:
    device = device_report()
    measured = "\n".join(f"| {metric} | {value:.5g} |" for metric, value in metrics.items())
    if judged:
        rows = "\n".join(f"| {metric} | {value:.4g} |" for metric, value in judged.items())
        measured += f"\n\n{recipe.judged}:\n\n| measure | mean |\n|---|---|\n{rows}"
    return f"""# {name}

| | |
|---|---|
| made by | `diffusion-course train {name} --profile {profile} --seed {seed}` |
| model | `diffusion_course.models.presets.build("{name}")`, {parameters:,} parameters, stored as float16 |
| data | {recipe.data} |
| hardware | {", ".join(device["devices"])}, {platform.machine()} |
| software | Keras {device["keras_version"]}, {device["backend"]} {device["backend_version"]} |
| training time | {minutes:.1f} minutes |
| licence | CC BY 4.0; the data's licence is in `data/LICENSES.md` |

Measured from this file, after rounding to float16:

| metric | value |
|---|---|
{measured}
"""


def train(
    name: str, profile: str = "standard", seed: int = 0, folder: Path | None = None
) -> dict[str, float]:
    """Trains a preset and writes its weights, model card and checksum.

    Args:
        name: one of `names`.
        profile: ``quick`` only proves that the recipe runs; the shipped files come from ``standard`` or ``full``.
        seed: fixes initial weights and order of the data.
        folder: where to write; ``data/weights`` (with its checksum in ``data/SHA256SUMS``) by default.

    Returns:
        The metrics, measured from the written file.

    Raises:
        ValueError: an unknown recipe or profile.
    """
    if name not in RECIPES:
        raise ValueError(f"A recipe must be one of {', '.join(RECIPES)}. Received: {name!r}")
    check_profile(profile)
    recipe = RECIPES[name]
    keras.utils.set_random_seed(seed)
    model = presets.build(name)
    started = time.monotonic()
    seconds = recipe.train(model, profile)
    minutes = (time.monotonic() - started if seconds is None else seconds) / 60
    shipped = folder is None
    path = data_dir() / presets.weights_file(name) if shipped else Path(folder) / f"{name}.safetensors"
    save_weights(model, path)
    presets.load_weights(model, path.read_bytes(), path.name)
    metrics = recipe.evaluate(model)
    judged = recipe.judge(model) if recipe.judge and profile != "quick" else {}
    card, aside = path.with_suffix(".md"), path.with_suffix(".md.part")
    aside.write_text(
        _card(name, recipe, profile, seed, minutes, metrics, judged, model.count_params()), encoding="utf-8"
    )
    os.replace(aside, card)
    if shipped:
        update_sums([path])
    return metrics
