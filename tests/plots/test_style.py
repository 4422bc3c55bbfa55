"""Figures are readable whatever the user's Matplotlib settings say."""

import os
import subprocess
import sys

DARK = """
figure.facecolor: black
axes.facecolor: black
savefig.facecolor: black
text.color: white
axes.labelcolor: white
axes.edgecolor: white
xtick.color: white
ytick.color: white
text.usetex: True
font.size: 40
"""
_DRAW = """
import hashlib, sys
from diffusion_course import plots
from diffusion_course.plots.display import figure_png
import matplotlib
figure = plots.plot_lines([1, 2, 4], {"a": [1.0, 2.0, 3.0]}, xlabel="step [1]", ylabel="error [1]", title="Title")
print(matplotlib.matplotlib_fname(), hashlib.sha256(figure_png(figure)).hexdigest(), matplotlib.get_backend())
"""


def draw(**variables: str) -> list[str]:
    plain = {name: value for name, value in os.environ.items() if name not in ("MATPLOTLIBRC", "MPLBACKEND")}
    environment = plain | {"MPLBACKEND": "agg"} | variables
    return subprocess.check_output([sys.executable, "-c", _DRAW], env=environment, text=True).split()


def test_the_users_matplotlibrc_changes_no_figure(tmp_path):
    dark = tmp_path / "matplotlibrc"
    dark.write_text(DARK, encoding="utf-8")
    _, plain, _ = draw()
    used, picture, backend = draw(MATPLOTLIBRC=str(dark))
    assert used == str(dark)  # it was read, and yet
    assert picture == plain and backend == "agg"
