"""Colours and sizes that all figures share.

Importing it puts Matplotlib back to its own defaults: a user's ``matplotlibrc`` may draw white on black, or set text
with a TeX that is not installed, while captions speak of colours and notebooks are white. Who wants another style
sets it after the import.
"""

import matplotlib

matplotlib.rcdefaults()  # not the backend: that is the notebook's

# Petroff, "Accessible color sequences for data visualization" (arXiv:2107.02270), ten colours: chosen so that
# readers with a colour-vision deficiency can still tell them apart.
CLASS_COLOURS = (
    "#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6",
    "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd",
)  # fmt: skip
# A second sign for each class, because ten colours are many.
CLASS_MARKERS = ("o", "s", "^", "v", "D", "P", "X", "<", ">", "*")
WIDTH = 8.0  # inches: the width of a notebook's text column at DPI
DPI = 90  # keeps a committed notebook small and is sharp enough at that width
