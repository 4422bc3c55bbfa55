"""Draws the picture at the top of the README: sentences, and what the course's text-to-image model made of them.

Run it again when the model's weights change: ``.venv/bin/python assets/hero.py``. The sentences were written before any
picture was seen; none was left out, and the seed is 0.
"""

from io import BytesIO
from pathlib import Path

from matplotlib import pyplot as plt
from PIL import Image

from diffusion_course.pipelines.text_to_image import load_text_to_image
from diffusion_course.plots.display import SHARP
from diffusion_course.plots.prompts import prompt_sheet
from diffusion_course.plots.style import DPI
from diffusion_course.tools.paint import best_model

PROMPTS = (
    "a large red star at the top left on a blue background",
    "a yellow ring above a black square on an orange background",
    "a small white circle in the center on a purple background",
    "a green cross to the left of a purple triangle on a white background",
    "orange background, big blue square, bottom right",
    "a red circle below a yellow star on a green background",
    "a large black ring in the center on a yellow background",
    "a blue triangle to the right of a white cross on a red background",
    "a small orange star at the bottom left on a black background",
    "a purple square above a green circle on a white background",
)

pictures = load_text_to_image(best_model()).generate(PROMPTS, seed=0)
buffer, path = BytesIO(), Path(__file__).with_name("hero.png")
figure = prompt_sheet(pictures, PROMPTS, columns=5, width=8)
figure.savefig(buffer, dpi=SHARP * DPI, bbox_inches="tight", pad_inches=0.05, facecolor="white")
plt.close(figure)
Image.open(buffer).convert("RGB").quantize(128).save(path, optimize=True)
print(path.name, Image.open(path).size, path.stat().st_size, "bytes")
