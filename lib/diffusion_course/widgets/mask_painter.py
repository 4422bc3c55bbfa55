"""Chapter 16's mask painter: mark pixels of a small picture on an enlarged one, with the mouse or the keys.

>>> painter = MaskPainter(4, 6)
>>> painter.mask.shape, int(painter.mask.sum())
((4, 6), 0)
"""

from importlib.resources import files

import anywidget
import numpy as np
import traitlets

from diffusion_course.pipelines.arguments import checked_mask, checked_pictures
from diffusion_course.plots.style import DPI
from diffusion_course.widgets.pictures import sheet_png, with_still

_HERE = files(__package__)
LARGEST = 256  # pixels on each side
ZOOM = 8  # pixels of the still picture per pixel of the mask, enough for stripes
SOURCE = _HERE.joinpath("mask_painter.js").read_text(encoding="utf-8")
STYLE = _HERE.joinpath("mask_painter.css").read_text(encoding="utf-8")


class MaskPainter(anywidget.AnyWidget):
    """A picture to paint a mask on; where no kernel runs, a still of both stands in its place.

    The brush moves by mouse, by touch, or by the arrow keys; then the space bar paints and the Delete key erases. With
    the Shift key held down, the mouse erases.

    Args:
        height, width: of picture and mask, 1 to 256 pixels.
        picture: (H, W, 3) in [0, 1], what to see below the mask; None for a plain ground.
        mask: (H, W) of 0 and 1 (or False and True), to begin with; by default nothing is painted.
        label: what the mask is for, told to readers who do not see it.

    Attributes:
        mask: (H, W) bool, True where it is painted: what the hand painted last, or what Python set. It can be observed:
            ``painter.observe(f, "mask")``.
        picture: (H, W, 3) float32 in [0, 1], or None; can be set.

    Raises:
        ValueError: height or width out of range, or a picture or a mask breaks its rule, now or when it is set.
    """

    _esm = SOURCE + "\nexport default { render: renderMaskPainter };\n"
    _css = STYLE

    height = traitlets.Int().tag(sync=True)
    width = traitlets.Int().tag(sync=True)
    label = traitlets.Unicode().tag(sync=True)
    pixels = traitlets.Bytes(help="uint8, the picture, row by row; empty for none").tag(sync=True)
    cells = traitlets.CBytes(help="uint8, the mask, row by row").tag(sync=True)  # C: a view comes back
    mask = traitlets.Any(help="(H, W) bool")

    def __init__(self, height: int, width: int, *, picture=None, mask=None, label: str = "Mask to paint"):
        for name, value in (("height", height), ("width", width)):
            if not 1 <= value <= LARGEST:
                raise ValueError(f"`{name}` must be from 1 to {LARGEST} pixels. Received: {name}={value}")
        empty = np.zeros((height, width), bool)
        super().__init__(height=height, width=width, label=label, cells=empty.astype(np.uint8).tobytes())
        self.picture, self.mask = picture, empty if mask is None else mask

    @property
    def picture(self) -> np.ndarray | None:
        """What is seen below the mask."""
        return self._picture

    @picture.setter
    def picture(self, picture) -> None:
        if picture is not None:
            picture = checked_pictures(picture, 1, (self.height, self.width, 3))[0]
        self._picture = picture
        self.pixels = b"" if picture is None else np.round(255 * picture).astype(np.uint8).tobytes()

    @traitlets.validate("mask")
    def _checked(self, proposal) -> np.ndarray:
        return checked_mask(proposal["value"], 1, (self.height, self.width))[0, ..., 0] == 1

    @traitlets.validate("cells")
    def _painted(self, proposal) -> bytes:
        cells = np.frombuffer(proposal["value"], np.uint8)
        if cells.shape != (self.height * self.width,) or cells.max() > 1:
            raise ValueError(
                f"`cells` must be {self.height * self.width} bytes of 0 and 1. Received: {len(cells)} bytes"
            )
        return proposal["value"]

    @traitlets.observe("mask")
    def _to_browser(self, change) -> None:
        self.cells = change["new"].astype(np.uint8).tobytes()

    @traitlets.observe("cells")
    def _from_browser(self, change) -> None:
        mask = np.frombuffer(change["new"], np.uint8).reshape(self.height, self.width) == 1
        if not np.array_equal(mask, self.mask):
            self.mask = mask

    def _repr_mimebundle_(self, **kwargs):
        """The live painter, and beside it a still of picture and mask for readers without a kernel."""
        png = sheet_png(striped(self._picture, self.mask)[None], zoom=2, dpi=2 * DPI)
        share = f"{int(self.mask.sum())} of {self.mask.size} pixels are painted"
        return with_still(
            super()._repr_mimebundle_(**kwargs), (png, f"{self.label}: {share}, seen as stripes.")
        )


def striped(picture: np.ndarray | None, mask: np.ndarray) -> np.ndarray:
    """A picture, enlarged, with stripes where the mask is: seen on every colour.

    Args:
        picture: (H, W, 3) in [0, 1], or None for grey.
        mask: (H, W) bool.

    Returns:
        (8 H, 8 W, 3) float32 in [0, 1].
    """
    picture = np.full((*mask.shape, 3), 0.5) if picture is None else picture
    large, hole = (x.repeat(ZOOM, axis=0).repeat(ZOOM, axis=1) for x in (picture, mask))
    y, x = np.indices(hole.shape)
    stripe = (x + y) % ZOOM < ZOOM // 4
    covered = np.where(stripe[..., None], 0.2 * large + 0.8, 0.55 * large)
    return np.where(hole[..., None], covered, large).astype("float32")
