"""Shows a figure with a caption for everyone and a description for those who cannot see it."""

import base64
import io

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from PIL import Image

from diffusion_course.plots.style import DPI

# Twice the pixels for today's screens, unless that takes more bytes: a notebook of a dozen figures stays below 1 MB.
SHARP, LIMIT = 2, 150_000


def as_pictures(x) -> np.ndarray:
    """From the scale of diffusion, [-1, 1], to that of a screen, [0, 1]; what lies beyond is cut off.

    Args:
        x: array or tensor of any shape, in about [-1, 1].

    Returns:
        A NumPy array of the same shape and float type, in [0, 1]; whole numbers become float32.
    """
    from keras import ops

    x = ops.convert_to_numpy(x)
    if not np.issubdtype(x.dtype, np.floating):
        x = x.astype("float32")
    return np.clip((x + 1) / 2, 0, 1)


def figure_png(figure: Figure, crop: bool = True) -> bytes:
    """The figure as PNG bytes; the figure is closed, so that a notebook does not show it twice.

    Args:
        figure: a Matplotlib figure.
        crop: whether to cut off, or add, what is needed to show everything and no more.
    """
    box = "tight" if crop else None
    png = _rendered(figure, SHARP * DPI, box)
    if len(png) > LIMIT:
        png = _rendered(figure, DPI, box)
    plt.close(figure)
    return png


def _rendered(figure: Figure, dpi: int, box) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, bbox_inches=box, facecolor="white")
    return buffer.getvalue()


def png_size(png: bytes) -> tuple[int, int]:
    """Width and height in screen pixels at which a PNG shall be seen, from the resolution written in it."""
    with Image.open(io.BytesIO(png)) as image:
        scale = DPI / image.info.get("dpi", (DPI, DPI))[0]
        return round(image.width * scale), round(image.height * scale)


def png_metadata(png: bytes, alt: str) -> dict:
    """What a notebook keeps beside a PNG: its description, and the size at which it shall be seen."""
    width, height = png_size(png)
    return {"alt": alt, "width": width, "height": height}


def show(figure: Figure, caption: str, alt: str) -> None:
    """Displays a figure and closes it.

    Args:
        figure: a Matplotlib figure.
        caption: Markdown, printed below: what the figure shows and how to read it.
        alt: plain text in place of the picture: what a reader who cannot see it must know.

    Raises:
        ValueError: caption or alt is empty.
    """
    from IPython.display import Markdown, display

    for name, text in (("caption", caption), ("alt", alt)):
        if not text.strip():
            raise ValueError(f"A figure must have `{name}`. Received: {name}={text!r}")
    png = figure_png(figure)
    data = {"image/png": base64.b64encode(png).decode("ascii"), "text/plain": alt}
    display(data, metadata={"image/png": png_metadata(png, alt)}, raw=True)
    display(Markdown(f"*{caption}*"))
