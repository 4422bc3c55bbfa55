"""Pictures as HTML, each with words for those who do not see it. No widget: arrays and text in, text out."""

import base64
import html
import io

import numpy as np
from matplotlib.figure import Figure

from diffusion_course.plots.style import DPI

SMALLEST = 56  # screen pixels of a generated picture: below it nobody sees what the text talks about


def sheet_png(images: np.ndarray, zoom: int = 1, dpi: int = DPI) -> bytes:
    """A row of pictures as PNG bytes, enlarged without smoothing.

    Args:
        images: (N, H, W, 1 or 3) in [0, 1].
        zoom: pixels of the PNG per pixel of a picture.
        dpi: written into the PNG; from it `png_size` knows how large it shall be seen.
    """
    from PIL import Image

    from diffusion_course.plots.grids import montage

    sheet = Image.fromarray(np.uint8(np.round(montage(images, len(images)) * 255)))
    buffer = io.BytesIO()
    sheet.resize((sheet.width * zoom, sheet.height * zoom), Image.Resampling.NEAREST).save(
        buffer, "PNG", dpi=(dpi, dpi)
    )
    return buffer.getvalue()


def whole_zoom(images: np.ndarray, size: float = SMALLEST) -> int:
    """By which whole number to enlarge pictures (N, H, W, C), so that each is about, and at least, so wide."""
    width = images.shape[2]
    return max(-(-SMALLEST // width), round(size / width), 1)


def picture_png(image, size: float = 84) -> bytes:
    """A picture as PNG bytes with twice the pixels of the screen, for where no browser enlarges it.

    Args:
        image, size: as in `image_html`.
    """
    if isinstance(image, bytes):
        return image
    if isinstance(image, Figure):
        from diffusion_course.plots.display import figure_png

        # Always of one size where the figure keeps its text inside; a cropped one would jump as a slider moves.
        return figure_png(image, crop=image.get_layout_engine() is None)
    return sheet_png(image, 2 * whole_zoom(np.asarray(image), size), dpi=2 * DPI)


def image_html(image, alt: str, *, size: float = 84) -> str:
    """An ``<img>`` with its description, sharp on every screen.

    Args:
        image: pictures (N, H, W, 1 or 3) in [0, 1], shown as one row; or a Matplotlib Figure, which is closed; or
            PNG bytes.
        alt: what a reader who cannot see it must know.
        size: wished width of one picture of an array, in screen pixels; rounded to whole multiples of its own.
    """
    if isinstance(image, (Figure, bytes)):
        from diffusion_course.plots.display import png_size

        png, scaling = picture_png(image), ""
        width = png_size(png)[0]
    else:
        image = np.asarray(image)
        png, scaling = (
            sheet_png(image),
            ";image-rendering:pixelated",
        )  # few bytes, and the browser does not blur
        width = ((image.shape[2] + 1) * len(image) - 1) * whole_zoom(image, size)
    data = base64.b64encode(png).decode("ascii")
    return (
        f'<img alt="{html.escape(alt)}" style="width:{width}px;max-width:100%;height:auto{scaling}" '
        f'src="data:image/png;base64,{data}">'
    )


def captioned(image, caption: str, *, note: str = "", alt: str = "", size: float = 84) -> str:
    """A picture with a caption below.

    Args:
        image, size: as in `image_html`.
        caption: plain text.
        note: a second line, bold.
        alt: description; by default caption and note.
    """
    words = html.escape(caption) + (f"<br><b>{html.escape(note)}</b>" if note else "")
    alt = alt or (f"{caption}: {note}" if note else caption)
    return (
        f'<figure style="margin:0 10px 8px 0;text-align:center;line-height:1.3">{image_html(image, alt, size=size)}'
        f"<figcaption>{words}</figcaption></figure>"
    )


def side_by_side(*parts: str) -> str:
    """Parts of HTML beside each other, below each other where there is no room."""
    return f'<div style="display:flex;flex-wrap:wrap;align-items:flex-start">{"".join(parts)}</div>'


def headed(words: str, *parts: str) -> str:
    """A line of plain text in bold, and parts of HTML below it."""
    return f'<div style="line-height:1.4"><div><b>{html.escape(words)}</b></div>{"".join(parts)}</div>'


def with_still(bundle, still: tuple[bytes, str]):
    """Adds to what a widget displays the picture that stands in its place where no kernel runs.

    Args:
        bundle: (data, metadata) by MIME type, or data alone.
        still: PNG bytes at twice the screen's pixels, and its description in words.
    """
    from diffusion_course.plots.display import png_metadata

    data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
    png, alt = still
    picture = {"image/png": base64.b64encode(png).decode("ascii"), "text/plain": alt}
    return {**data, **picture}, {**metadata, "image/png": png_metadata(png, alt)}
