"""The panel that all slider widgets share: controls by name, and a picture that a pure function draws from them.

A widget is a function from the values of its controls to a picture, and a dictionary of controls:

    def draw(word, seed):
        return generate(word, seed), f"{word}, seed {seed}"

    return Panel(draw, {"word": text("word", "Bag"), "seed": slider("seed", 0, 50)})
"""

import asyncio
import html
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager

import ipywidgets

from diffusion_course.widgets.pictures import image_html, picture_png, with_still

QUICK = 0.25  # seconds: a picture drawn in less follows the hand
REST = 0.3  # seconds without a change, after which a slower one is drawn

_STYLE = {"description_width": "11em"}


def _wide() -> ipywidgets.Layout:
    return ipywidgets.Layout(width="40em", max_width="100%")


def slider(label: str, low: float, high: float, value: float | None = None, step: float = 1):
    """A slider from low to high; over whole numbers if low, high and step are whole."""
    whole = all(float(number).is_integer() for number in (low, high, step))
    kind, cast = (ipywidgets.IntSlider, int) if whole else (ipywidgets.FloatSlider, float)
    limits = {"min": cast(low), "max": cast(high), "step": cast(step)}
    start = cast(low if value is None else value)
    return kind(start, **limits, description=label, style=_STYLE, layout=_wide())


def log_slider(label: str, value: float, low: float = -3, high: float = 3):
    """A slider from 10 to the power of low to 10 to the power of high."""
    return ipywidgets.FloatLogSlider(
        value, base=10, min=low, max=high, step=0.005, description=label, readout_format=".3g",
        style=_STYLE, layout=_wide(),
    )  # fmt: skip


def stops(label: str, options: Sequence, value=None):
    """A slider over a few given values, or over (name, value) pairs."""
    chosen = {} if value is None else {"value": value}
    return ipywidgets.SelectionSlider(
        options=list(options), **chosen, description=label, style=_STYLE, layout=_wide()
    )


def choice(label: str, options: Sequence):
    """A list to choose from; it begins with the first."""
    return ipywidgets.Dropdown(options=list(options), description=label, style=_STYLE)


def switch(label: str, value: bool = True):
    """A box to tick."""
    return ipywidgets.Checkbox(value, description=label, indent=False)


def text(label: str, value: str = ""):
    """A line to type into."""
    return ipywidgets.Text(value, description=label, style=_STYLE, layout=_wide())


@contextmanager
def rearranged(control):
    """Limits and value of a slider, set inside this context, reach the browser together.

    One after the other, the browser would cut the old value off at the new limits, and send that back.
    """
    with control.hold_sync(), control.hold_trait_notifications():
        yield


class Panel(ipywidgets.VBox):
    """Controls, and below them what a function draws from their values.

    A picture that is drawn quickly follows the hand: while Python is busy, the browser keeps only the newest position.
    A slow one waits until the hand rests, so that no queue builds up. A function that fails while the learner moves
    a control says so above the last good picture; one that fails at the start fails in the learner's cell.

    Args:
        draw: called with the controls' values by name. Returns HTML, or (picture, words): the picture as in
            `image_html`; the words are its caption and its description.
        controls: name -> ipywidget with a ``value``, from top to bottom.
        still: () -> (Matplotlib Figure, its description in words), shown where no kernel runs; called when the panel
            is displayed. By default the first picture, with its words.
        size: of one picture, as in `image_html`.

    Attributes:
        controls: as given.
        view: the ``ipywidgets.HTML`` with the picture.
        status: the ``ipywidgets.HTML`` with an error, or a word that a slow picture is on its way.

    Raises:
        ValueError: ``draw`` returns HTML and there is no ``still``.
    """

    def __init__(self, draw: Callable, controls: Mapping, still: Callable | None = None, *, size: float = 84):
        self.controls, self._draw, self._still, self._size = dict(controls), draw, still, size
        self.view, self.status = ipywidgets.HTML(), ipywidgets.HTML()
        self._shown, self._seconds, self._timer = None, 0.0, None
        self._first = self._redraw()
        if still is None and isinstance(self._first, str):
            raise ValueError("`still` is needed where `draw` returns HTML. Received: still=None")
        super().__init__([*self.controls.values(), self.status, self.view])
        for control in self.controls.values():
            control.observe(self._changed, "value")

    def _redraw(self):
        values = {name: control.value for name, control in self.controls.items()}
        if values == self._shown:  # one move of the learner may change several controls
            return None
        self._shown, began = None, time.perf_counter()
        drawn = self._draw(**values)
        self.view.value = drawn if isinstance(drawn, str) else self._html(*drawn)
        self._shown, self._seconds = values, time.perf_counter() - began
        return drawn

    def _html(self, picture, words: str) -> str:
        image = image_html(picture, words, size=self._size)
        return f'{image}<div style="line-height:1.4">{html.escape(words)}</div>'

    def _changed(self, _change) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            loop = None
        if self._timer is not None:
            self._timer.cancel()
        if loop is None or self._seconds < QUICK:
            self._follow()
        else:
            self.status.value = "<i>drawing …</i>"
            self._timer = loop.call_later(REST, self._follow)

    def _follow(self) -> None:
        self._timer, words = None, ""
        try:
            self._redraw()
        except Exception as error:  # whatever the learner's function raises is shown here, not lost in a log
            logging.getLogger(__name__).exception("Drawing failed")
            reason = html.escape(f"{type(error).__name__}: {error}")
            words = f'<div role="alert">This picture could not be drawn. <b>{reason}</b> Below is the one before.</div>'
        self.status.value = words

    def _repr_mimebundle_(self, **kwargs):
        """The live panel, and beside it a still picture for readers without a kernel."""
        from diffusion_course.plots.display import figure_png

        if self._still is None:
            picture, words = self._first
            png = picture_png(picture, self._size)
        else:
            figure, words = self._still()
            png = figure_png(figure)
        return with_still(super()._repr_mimebundle_(**kwargs), (png, words))
