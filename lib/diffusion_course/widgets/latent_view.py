"""The wiring of the latent explorer: what travels to the browser, and the one request that comes back."""

import logging
from importlib.resources import files

import anywidget
import numpy as np
import traitlets

from diffusion_course.widgets.latent_figure import fallback_alt, fallback_figure, small_png
from diffusion_course.widgets.latent_logic import LatentMap, checked_place, class_style, decode_one
from diffusion_course.widgets.pictures import with_still

_HERE = files(__package__)


class LatentExplorer(anywidget.AnyWidget):
    """A map of codes with a point to drag, and the picture that the decoder makes of it.

    Made by `latent_explorer`, which documents the arguments.
    """

    _esm = _HERE.joinpath("latent_explorer.js").read_text(encoding="utf-8")
    _css = _HERE.joinpath("latent_explorer.css").read_text(encoding="utf-8")

    scene = traitlets.Dict(help="what never changes: limits, classes, sizes").tag(sync=True)
    points = traitlets.Bytes(help="float32, x and y of each drawn code").tag(sync=True)
    labels = traitlets.Bytes(help="uint8, class of each drawn code").tag(sync=True)
    pixels = traitlets.Bytes(help="uint8, the decoded picture, row by row").tag(sync=True)
    answer = traitlets.Dict(help="what belongs to `pixels`: id, place, words, nearest code, or error").tag(
        sync=True
    )
    # The browser knows what it asked; echoing it back would double the messages of every move.
    request = traitlets.Dict(help="a move of the learner: id, x, y").tag(sync=True, echo_update=False)

    def __init__(
        self, decode, latent_map: LatentMap, start: tuple[float, float], image_shape: tuple[int, int]
    ):
        self._decode = decode
        self._map = latent_map
        self._image_shape = image_shape
        self._start = latent_map.clamp(start)
        self._fallback = None
        drawn, labels = latent_map.subsample()
        # Decoded before anything is shown: a decoder of the wrong shape must fail in the learner's cell.
        first = decode_one(decode, self._start, image_shape)
        super().__init__(
            scene={
                "limits": list(latent_map.limits),
                "classes": [
                    {"name": name, "colour": class_style(i)[0], "marker": class_style(i)[1]}
                    for i, name in enumerate(latent_map.class_names)
                ],
                "height": image_shape[0],
                "width": image_shape[1],
                "start": list(self._start),
            },
            points=drawn.astype("<f4").tobytes(),
            labels=labels.astype(np.uint8).tobytes(),
            pixels=first.tobytes(),
            answer=self._answer("first", self._start),
        )

    @property
    def z(self) -> tuple[float, float]:
        """Where the point is, in latent units."""
        return self.answer["x"], self.answer["y"]

    @property
    def picture(self) -> np.ndarray:
        """The decoded picture at `z`: uint8, shape (height, width)."""
        return np.frombuffer(self.pixels, np.uint8).reshape(self._image_shape)

    def move(self, x: float, y: float) -> None:
        """Moves the point from Python, as if it had been dragged.

        Args:
            x: first latent coordinate; moved onto the map where it lies outside.
            y: second latent coordinate, likewise.

        Raises:
            ValueError: x or y is not a finite number, or the decoder's answer is not a picture.
        """
        place = self._map.clamp(checked_place((x, y), "place"))
        self._show("python", place)

    @traitlets.observe("request")
    def _on_request(self, change) -> None:
        ask = change["new"]
        try:
            self._show(ask["id"], self._map.clamp(checked_place((ask["x"], ask["y"]), "place")))
        except (
            Exception
        ) as error:  # whatever the learner's decoder raises is shown in the widget, not lost in a log
            logging.getLogger(__name__).exception("The decoder failed at %s", ask)
            self.answer = {**self.answer, "id": ask.get("id"), "error": f"{type(error).__name__}: {error}"}

    def _show(self, request_id: str, place: tuple[float, float]) -> None:
        pixels = decode_one(self._decode, place, self._image_shape).tobytes()
        with self.hold_sync():  # pixels and words in one message: the browser never pairs old with new
            self.pixels = pixels
            self.answer = self._answer(request_id, place)

    def _answer(self, request_id: str, place: tuple[float, float]) -> dict:
        near = self._map.nearest(place)
        return {
            "id": request_id,
            "x": place[0],
            "y": place[1],
            "near": [float(value) for value in self._map.points[near.index]],
            "far": near.far,
            "text": self._map.describe(place),
            "error": None,
        }

    def _still(self) -> tuple[bytes, str]:
        if self._fallback is None:
            pictures = {
                kind: (place, decode_one(self._decode, place, self._image_shape))
                for kind, place in self._map.probes(self._start).items()
            }
            png = small_png(fallback_figure(self._map, pictures))
            self._fallback = png, fallback_alt(self._map, pictures)
        return self._fallback

    def _repr_mimebundle_(self, **kwargs):
        """The live view, and beside it a still picture for readers without a kernel."""
        return with_still(super()._repr_mimebundle_(**kwargs), self._still())
