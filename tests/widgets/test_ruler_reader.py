"""The widget that compares two sets: pictures of both, numbers only when asked for, words for everyone."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from diffusion_course.widgets.ruler_reader import HIDDEN, check_sets, ruler_reader, still_figure, view_html

SETS = {name: np.random.default_rng(k).random((32, 28, 28, 1), "float32") for k, name in enumerate("abc")}
NUMBERS = {name: {"FID ratio": 1.5 + k, "IS": 9.0 - k} for k, name in enumerate("abc")}


def test_numbers_are_hidden_until_they_are_asked_for():
    hidden, shown = (view_html(SETS, NUMBERS, "a", "c", on) for on in (False, True))
    assert hidden.count(f">{HIDDEN}<") == 4 and ">1.5<" not in hidden
    assert ">1.5<" in shown and ">3.5<" in shown and ">2.5<" not in shown
    assert all(words in shown for words in ("Pictures 1 to 8 of: a", "Pictures 17 to 24 of: c"))


def test_still_names_all_numbers():
    figure, words = still_figure(SETS, NUMBERS)
    assert len(figure.axes[0].images) == 24 and "b: FID ratio 2.5, IS 8" in words
    plt.close(figure)


def test_refuses_sets_without_numbers():
    with pytest.raises(ValueError, match="same measures .* Received"):
        check_sets(SETS, {**NUMBERS, "b": {"IS": 1.0}})
    with pytest.raises(ValueError, match="two or more"):
        ruler_reader({"a": SETS["a"]}, {"a": NUMBERS["a"]})


def test_panel_draws_what_is_chosen():
    panel = ruler_reader(SETS, NUMBERS)
    assert set(panel.controls) == {"left", "right", "shown"}
