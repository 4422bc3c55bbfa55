"""Chapter 16's widget: paint a mask on a picture, say what shall be there, and have it filled."""

import html
import logging
from collections.abc import Callable

import numpy as np

from diffusion_course.pipelines.arguments import checked_mask, checked_pictures
from diffusion_course.widgets.pictures import captioned, side_by_side

SIZE = 224  # screen pixels of the picture that was made


def in_words(prompt: str, mask: np.ndarray) -> str:
    """What was asked for, as a sentence."""
    return f'"{prompt}" in {int(mask.sum())} of {mask.size} pixels'


def view_html(before: np.ndarray, after: np.ndarray, mask: np.ndarray, prompt: str) -> str:
    """Both pictures beside each other, and what has changed in numbers.

    Args:
        before, after: (H, W, 3) in [0, 1].
        mask: (H, W) bool.
        prompt: what was asked for.
    """
    moved = np.abs(after - before).max(axis=-1) > 0
    note = f"{int((moved & ~mask).sum())} pixels outside of the mask have changed"
    return side_by_side(
        captioned(before[None], "before", size=SIZE),
        captioned(after[None], in_words(prompt, mask), note=note, size=SIZE),
    )


def still_figure(before: np.ndarray, after: np.ndarray, mask: np.ndarray, prompt: str):
    """What the widget shows at the start, for readers without a kernel.

    Returns:
        A Matplotlib Figure and its description in words.
    """
    from diffusion_course.plots.editing import with_holes
    from diffusion_course.plots.grids import image_rows

    zoomed = [picture.repeat(4, axis=0).repeat(4, axis=1) for picture in (before, after)]
    row = np.stack([zoomed[0], with_holes(before[None], mask)[0], zoomed[1]])
    figure = image_rows([row], [""], ["given", "the mask", "filled"], width=4.5)
    words = f"A picture, the mask on it, and the picture with the mask filled: {in_words(prompt, mask)}. "
    return figure, words + "Run the cell to paint a mask of your own."


def hole_filler(fill: Callable, pictures: np.ndarray, prompt: str, mask: np.ndarray):
    """Lets the reader paint masks, type prompts and fill, also what was filled before.

    Filling takes a second or more, so it waits for its button. One that fails says why, above the last good picture.

    Args:
        fill: (picture (H, W, 3) in [0, 1], mask (H, W) bool, prompt, seed) -> picture, the mask filled.
        pictures: (N, H, W, 3) in [0, 1], to choose from; the first is filled at once.
        prompt: for the first picture.
        mask: (H, W) of 0 and 1, likewise.

    Returns:
        A widget, with ``painter``, the `mask_painter.MaskPainter`; ``prompt``, ``seed``, ``chosen``, its controls;
        ``go`` and ``keep``, its buttons; ``view`` and ``status``, what they show; and ``result``, the last picture.
        Where no kernel runs, it shows a still figure instead.

    Raises:
        ValueError: pictures that are none, or a mask of another size.
    """
    pictures = np.asarray(pictures)
    if pictures.ndim != 4 or not len(pictures) or pictures.shape[-1] != 3:
        raise ValueError(f"`pictures` must be (N, H, W, 3), at least one. Received: shape {pictures.shape}")
    pictures = checked_pictures(pictures, len(pictures), pictures.shape[1:])
    mask = checked_mask(mask, 1, pictures.shape[1:3])[0, ..., 0] == 1
    return _filler_class()(fill, pictures, prompt, mask)


def _filler_class():
    """The widget's class; made here and not above, because ipywidgets takes a moment to import."""
    import ipywidgets

    from diffusion_course.widgets.mask_painter import MaskPainter
    from diffusion_course.widgets.panel import choice, slider, text
    from diffusion_course.widgets.pictures import with_still

    class HoleFiller(ipywidgets.VBox):
        def __init__(self, fill, pictures, prompt, mask):
            self._fill, self._pictures = fill, pictures
            height, width = mask.shape
            self.painter = MaskPainter(height, width, picture=pictures[0], mask=mask)
            self.chosen = choice("picture", [(f"picture {k + 1}", k) for k in range(len(pictures))])
            self.prompt, self.seed = text("what shall be there", prompt), slider("seed", 0, 99, 0)
            self.go = ipywidgets.Button(description="Fill", button_style="primary")
            self.keep = ipywidgets.Button(description="Go on with it", tooltip="Paint on what was made")
            self.view, self.status = ipywidgets.HTML(), ipywidgets.HTML()
            self._draw()
            self._first = (pictures[0], self.result, mask, prompt)
            self.chosen.observe(self._choose, "value")
            self.go.on_click(self._follow)
            self.keep.on_click(self._go_on)
            buttons = ipywidgets.HBox([self.go, self.keep])
            controls = [self.chosen, self.painter, self.prompt, self.seed, buttons]
            super().__init__([*controls, self.status, self.view])

        def _draw(self) -> None:
            before, mask = self.painter.picture, self.painter.mask
            after = self._fill(before, mask, self.prompt.value, self.seed.value)
            self.result = checked_pictures(after, 1, before.shape)[0]
            self.view.value = view_html(before, self.result, mask, self.prompt.value)

        def _follow(self, _button) -> None:
            self.status.value = "<i>filling …</i>"
            try:
                self._draw()
            except Exception as error:  # whatever goes wrong is said here, not lost in a log
                logging.getLogger(__name__).exception("Filling failed")
                reason = html.escape(f"{type(error).__name__}: {error}")
                self.status.value = f'<div role="alert">This could not be filled. <b>{reason}</b></div>'
            else:
                self.status.value = ""

        def _choose(self, change) -> None:
            self.painter.picture = self._pictures[change["new"]]

        def _go_on(self, _button) -> None:
            self.painter.picture = self.result

        def _repr_mimebundle_(self, **kwargs):
            """The live widget, and beside it a still picture for readers without a kernel."""
            from diffusion_course.plots.display import figure_png

            figure, words = still_figure(*self._first)
            return with_still(super()._repr_mimebundle_(**kwargs), (figure_png(figure), words))

    return HoleFiller
