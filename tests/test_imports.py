"""The library's imports run one way; this reads the import statements and fails on any other arrow."""

import ast
import sys
from pathlib import Path

import pytest

import diffusion_course

PACKAGE = Path(diffusion_course.__file__).parent
# Plumbing that anyone may import: where files lie, whether they are whole, and what `book.toml` says.
LEAVES = {
    "startup",
    "course.paths",
    "course.manifest",
    "course.files",
    "course.lock",
    "course.writing",
    "course.trained",
}
ANYTHING = {"widgets", "exercises", "cli", "course", "recipes", "tools", "studio"}  # these may import anyone
MAY_IMPORT = {
    "course.paths": set(),
    "course.manifest": {"course.paths"},
    "course.lock": set(),
    "course.writing": set(),
    "course.files": {"course.paths", "course.lock", "course.writing"},
    "course.trained": {"course.files"},
    "schedules": set(),
    "prediction": set(),
    "variance": {"schedules"},
    "tokenizer": set(),
    "layers": set(),
    "backend": set(),
    "startup": set(),
    "models": {"layers", "backend"},
    "samplers": {"schedules", "prediction", "variance"},
    "training": {"models", "schedules", "prediction", "variance", "backend"},
    "pipelines": {"models", "samplers", "schedules", "prediction", "tokenizer", "backend", "datasets"},
    "datasets": set(),
    "metrics": set(),
    "plots": set(),
}
# datasets, metrics and plots take and give arrays: no part of Jupyter, no learning library beside Keras.
ARRAY_LIBRARIES = {"numpy", "scipy", "skimage", "sklearn", "PIL", "matplotlib", "keras"}
# ... but for the one module in which a figure meets the notebook.
ALSO = {"plots.display": {"IPython"}}
BACKENDS = {"tensorflow", "jax", "torch"}


def imported(source: str, module: str) -> set[str]:
    """Dotted names of all modules that a source imports, anywhere in it, relative imports resolved.

    ``from package import name`` gives ``package.name``, because ``name`` may be a module.
    """
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join([*module.split(".")[: -node.level], *([base] if base else [])])
            names |= {f"{base}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in (
            "import_module",
            "__import__",
        ):
            names |= {
                arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
            }
    return names


def faults(source: str, module: str) -> list[str]:
    """What a module may not import but does.

    Args:
        source: its text.
        module: its dotted name without the package's, e.g. ``models.vae``; a package's own file is ``models.__init__``.
    """
    part = module if module in LEAVES else module.split(".")[0]
    if part != "__init__" and part not in ANYTHING and part not in MAY_IMPORT:
        return [f"{module}: has no rule; add one to {Path(__file__).name} and to the design"]
    allowed = MAY_IMPORT.get(part, set()) | {part} | (set() if part in LEAVES else LEAVES)
    found = []
    for name in sorted(imported(source, f"diffusion_course.{module}")):
        top, *rest = name.split(".")
        if top in BACKENDS and module != "backend":
            found.append(f"{module}: imports {name}; only backend.py may")
        elif top == "diffusion_course":
            # A name from the package's own __init__, e.g. __version__, is no module.
            is_module = rest and (rest[0] in MAY_IMPORT or rest[0] in ANYTHING)
            other = ".".join(rest[:2]) if ".".join(rest[:2]) in LEAVES else rest[0] if rest else ""
            if is_module and part not in ANYTHING and other not in allowed:
                found.append(f"{module}: imports {other}")
        elif part in ("datasets", "metrics", "plots"):
            if top not in sys.stdlib_module_names and top not in ARRAY_LIBRARIES | ALSO.get(module, set()):
                found.append(f"{module}: imports {top}")
    return found


def modules() -> dict[str, Path]:
    return {".".join(p.relative_to(PACKAGE).with_suffix("").parts): p for p in sorted(PACKAGE.rglob("*.py"))}


@pytest.mark.parametrize("module", modules())
def test_imports_run_one_way(module):
    assert faults(modules()[module].read_text(encoding="utf-8"), module) == []


@pytest.mark.parametrize(
    "module, source",
    [
        ("models.vae", "from diffusion_course.schedules import NoiseSchedule"),
        ("models.vae", "from diffusion_course import samplers"),
        ("models.vae", "from ..samplers import ddpm"),
        ("models.vae", "def f():\n    import diffusion_course.samplers.ddim"),
        ("layers.attention", "from diffusion_course.models import unet"),
        ("samplers.ddpm", "from diffusion_course.models.unet import UNet"),
        ("course.paths", "from diffusion_course.course.manifest import load_manifest"),
        ("datasets.images", "import pandas"),
        ("datasets.images", "from diffusion_course.plots import grids"),
        ("plots.grids", "import IPython"),
        ("models.vae", "import tensorflow as tf"),
        ("tools.doctor", "from torch import nn"),
        ("course.run", "import importlib\nimportlib.import_module('jax')"),
        ("training.latent", "from diffusion_course.course import start"),
        ("somewhere_new", "import numpy"),
    ],
)
def test_planted_import_is_caught(module, source):
    (fault,) = faults(source, module)
    assert ("has no rule" in fault) == (module == "somewhere_new")


@pytest.mark.parametrize(
    "module, source",
    [
        (
            "models.vae",
            "import keras\nfrom diffusion_course.layers.gaussian import Sampling\nfrom . import presets",
        ),
        ("models.presets", "from diffusion_course.course.files import read_verified"),
        ("course.run", "from diffusion_course import __version__, backend"),
        ("backend", "import tensorflow, jax, torch"),
        (
            "datasets.images",
            "import io\nimport numpy as np\nfrom diffusion_course.course.paths import data_dir",
        ),
    ],
)
def test_allowed_import_passes(module, source):
    assert faults(source, module) == []
