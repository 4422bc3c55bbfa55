"""Examples in docstrings are run: what they show is what happens."""

import doctest
import importlib
from pathlib import Path

import pytest

import diffusion_course

PACKAGE = Path(diffusion_course.__file__).parent
MODULES = [
    ".".join(("diffusion_course", *path.relative_to(PACKAGE).with_suffix("").parts))
    for path in sorted(PACKAGE.rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]
# Where an example says more than words: mathematics that fits on a line.
WITH_EXAMPLES = {"schedules", "prediction", "tokenizer", "layers.folding", "samplers.base", "samplers.noise"}


def test_the_mathematics_has_examples():
    assert {f"diffusion_course.{name}" for name in WITH_EXAMPLES} <= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_examples_show_what_happens(name):
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.attempted > 0 and result.failed == 0
