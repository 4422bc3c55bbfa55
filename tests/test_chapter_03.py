"""Chapter 03's pictures are the ones that its words name."""

import re

import nbformat

from diffusion_course.course.paths import notebooks_dir


def test_labels_are_those_of_the_pictures_beside_them():
    """Of the judged pictures, the last of the test set, only their own labels may be asked."""
    notebook = nbformat.read(notebooks_dir() / "03_denoising_autoencoder.ipynb", as_version=4)
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    (slices,) = re.findall(r"x_judge, y_judge = x_test\[(.*?)\], y_test\[(.*?)\]", code)
    assert slices[0] == slices[1]
    assert code.count("y_test[") == 1
