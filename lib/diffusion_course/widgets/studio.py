"""The studio as a widget: type a prompt, watch it denoise, paint a mask, see which word drove which pixel."""

import atexit

import anywidget
import traitlets

from diffusion_course.studio.desk import Desk, Job
from diffusion_course.studio.engine import Engine
from diffusion_course.studio.front import style, widget_script
from diffusion_course.studio.still import still_figure
from diffusion_course.studio.wishes import Refused
from diffusion_course.widgets.pictures import with_still


class Studio(anywidget.AnyWidget):
    """The studio in a notebook; its local page is the same (`diffusion-course studio`).

    Args:
        engine: what paints; by default the best models that there are.

    Attributes:
        desk: where its wishes are painted, in a thread of its own, so that the kernel stays free.

    Raises:
        MissingFile, DamagedFile: of the model's files.
    """

    _esm = widget_script()
    _css = style(page=False)

    about = traitlets.Dict(help="what `Engine.about` says").tag(sync=True)

    def __init__(self, engine: Engine | None = None):
        engine = engine or Engine()
        self.desk, self._jobs = Desk(engine), {}
        atexit.register(self.desk.close)
        super().__init__(about=engine.about())
        self.on_msg(self._hear)

    def _hear(self, _widget, message: dict, _buffers) -> None:
        """A wish, or that nobody waits for one any more; each has the browser's ``id``."""
        asked = message.get("id")
        if message.get("cancel"):
            if asked in self._jobs:
                self._jobs[asked].cancel()
            return
        self._jobs = {name: job for name, job in self._jobs.items() if not job.done.is_set()}
        try:
            self._jobs[asked] = self._hand_in(asked, message.get("wish"))
        except Refused as error:
            refused = {"kind": "refused", "field": error.field, "message": str(error)}
            self.send({"id": asked, "event": refused})

    def _hand_in(self, asked, wanted) -> Job:
        return self.desk.hand_in(wanted, lambda event: self.send({"id": asked, "event": event}))

    def close(self) -> None:
        """Ends what is painted, and the widget."""
        self.desk.close()
        atexit.unregister(self.desk.close)
        super().close()

    def _repr_mimebundle_(self, **kwargs):
        """The live studio, and beside it what it paints of a first prompt, for readers without a kernel."""
        from diffusion_course.plots.display import figure_png

        figure, words = still_figure(self.desk.engine)
        return with_still(super()._repr_mimebundle_(**kwargs), (figure_png(figure), words))
