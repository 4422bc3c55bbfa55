"""What every slider widget needs: a picture with a description, and a still figure for readers without a kernel."""

import base64
import html
from collections.abc import Callable, Sequence


def image_html(png: bytes, alt: str) -> str:
    """An ``<img>`` with its description; ipywidgets' own Image has none for those who do not see it."""
    data = base64.b64encode(png).decode("ascii")
    return f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{data}">'


def still_box(children: Sequence, still: Callable):
    """A column of widgets that shows a still figure where no kernel runs.

    Args:
        children: ipywidgets, from top to bottom.
        still: () -> (Matplotlib Figure, its description in words), called when the column is displayed.

    Returns:
        The column, an ``ipywidgets.VBox``.
    """
    import ipywidgets

    from diffusion_course.plots.display import figure_png

    class StillBox(ipywidgets.VBox):
        def _repr_mimebundle_(self, **kwargs):
            data = super()._repr_mimebundle_(**kwargs)
            figure, alt = still()
            png = base64.b64encode(figure_png(figure)).decode("ascii")
            return {**data, "image/png": png, "text/plain": alt}, {"image/png": {"alt": alt}}

    return StillBox(list(children))
