"""Shows a figure with a caption for everyone and a description for those who cannot see it."""

import base64
import io

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from diffusion_course.plots.style import DPI


def figure_png(figure: Figure) -> bytes:
    """The figure as PNG bytes; the figure is closed, so that a notebook does not show it twice."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, bbox_inches="tight", facecolor="white")
    plt.close(figure)
    return buffer.getvalue()


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
    png = base64.b64encode(figure_png(figure)).decode("ascii")
    display({"image/png": png, "text/plain": alt}, metadata={"image/png": {"alt": alt}}, raw=True)
    display(Markdown(f"*{caption}*"))
