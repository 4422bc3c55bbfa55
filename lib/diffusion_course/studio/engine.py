"""The studio's engine: loads the pipelines, paints a wish, and tells of each step what can be seen. No page, no thread.

An event is a dictionary that JSON can carry; its ``kind`` says what it is:

- "began": ``words`` of the prompt, ``warnings``; once, before the first frame;
- "frame": ``step`` of ``steps``, ``t``, as base64 of bytes ``noisy`` and ``belief`` (H W 3), and as base64 of 16-bit
  numbers ``maps`` (words H W; 65535: the pixel looked at nothing but that word), or None where no step was taken;
- "done": ``seconds``, ``picture`` (H W 3), and ``maps``, the mean over all steps.
"""

import base64
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields

import numpy as np

from diffusion_course.models.attention_maps import map_reader
from diffusion_course.pipelines.image_to_image import ImageToImagePipeline
from diffusion_course.pipelines.inpaint import InpaintPipeline
from diffusion_course.pipelines.text_to_image import SAMPLERS, TextToImagePipeline, load_text_to_image
from diffusion_course.pipelines.word_maps import watch, word_map, words_of
from diffusion_course.studio.wishes import BEGINNINGS, DEFAULTS, NUMBERS, Wish, wish
from diffusion_course.tools.paint import best_model, told_warnings

EMPTY = "The prompt is empty: it leaves all to chance."


class Engine:
    """Paints wishes with the best models that there are.

    Args:
        load: (preset, kind of pipeline) -> pipeline.
        model, hole_model: presets, the second for holes; by default the best whose weights are there.

    Raises:
        MissingFile, DamagedFile: of the model's files.
    """

    def __init__(
        self,
        load: Callable = load_text_to_image,
        model: str | None = None,
        hole_model: str | None = None,
    ):
        named = model if hole_model is None else hole_model
        self.model = best_model() if model is None else model
        self.hole_model = best_model(hole=True) if named is None else named
        painting = load(self.model, TextToImagePipeline)
        self.size = painting.picture_shape[:2]
        if self.hole_model == self.model:
            filling = _as(InpaintPipeline, painting)
        else:
            filling = load(self.hole_model, InpaintPipeline)
        read = map_reader(painting.diffusion.network, compiled=True)
        same = filling.diffusion.network is painting.diffusion.network
        other = read if same else map_reader(filling.diffusion.network, compiled=True)
        self._readers = dict(zip(BEGINNINGS, (read, read, other), strict=True))
        self._pipelines = dict(
            zip(BEGINNINGS, (painting, _as(ImageToImagePipeline, painting), filling), strict=True)
        )

    def about(self) -> dict:
        """What a face must know of models, sizes and limits: the names below, each a value of JSON."""
        return {
            "model": self.model,
            "hole_model": self.hole_model,
            "height": self.size[0],
            "width": self.size[1],
            "samplers": list(SAMPLERS),
            "numbers": {
                name: dict(zip(("min", "max", "step"), limits, strict=False))
                for name, limits in NUMBERS.items()
            },
            "defaults": DEFAULTS,
        }

    def check(self, asked) -> Wish:
        """The `Wish` that is asked for; raises `wishes.Refused` if it breaks a rule. Needs no time."""
        return wish(asked, self.size)

    def paint(self, wanted: Wish) -> Iterator[dict]:
        """Paints a wish; see this module's first lines for what it yields. Each step is taken when it is asked for."""
        began, pipeline = time.monotonic(), self._pipelines[wanted.begin]
        words = words_of(pipeline.tokenizer, wanted.prompt)
        how = {"steps": wanted.steps, "seed": wanted.seed, "sampler": wanted.sampler}
        how |= {"guidance_scale": wanted.guidance, "negative": wanted.negative}
        if wanted.begin != "noise":
            how["pictures"] = wanted.picture
        how |= {"noise": {}, "picture": {"strength": wanted.strength}, "hole": {"mask": wanted.mask}}[
            wanted.begin
        ]

        count = {"step": 0, "steps": 0}

        def counted(step: int, steps: int) -> None:
            count.update(step=step, steps=steps)

        looks = watch(pipeline, wanted.prompt, **how, callback=counted, read=self._readers[wanted.begin])
        told = [EMPTY] if not wanted.prompt.strip() else []
        with told_warnings(told.append):
            look = next(looks)
        yield {"kind": "began", "words": [[word, bool(columns)] for word, columns in words], "warnings": told}

        total, taken = np.zeros((len(words), *self.size), "float32"), 0
        while look is not None:
            maps = self._maps(look.maps, words) if look.maps else None
            if maps is not None:
                total, taken = total + maps, taken + 1
            noisy, belief = (_known(p, wanted) for p in (pipeline.decode(look.x)[0], look.pictures[0]))
            seen = {"noisy": _packed(noisy), "belief": _packed(belief)}
            yield {
                "kind": "frame",
                **count,
                "t": look.t,
                **seen,
                "maps": _packed_maps(maps),
            }
            look = next(looks, None)
        yield {
            "kind": "done",
            "seconds": round(time.monotonic() - began, 2),
            "picture": _packed(noisy),
            "maps": _packed_maps(total / taken if taken else None),
        }

    def _maps(self, maps, words: Sequence[tuple[str, list[int]]]) -> np.ndarray:
        shown = [word_map(maps, columns, self.size)[0] for _, columns in words]
        return np.array(shown, "float32").reshape(len(words), *self.size)


def _as(kind: type[TextToImagePipeline], pipeline: TextToImagePipeline) -> TextToImagePipeline:
    """A pipeline of another kind with the same parts."""
    return kind(**{field.name: getattr(pipeline, field.name) for field in fields(pipeline)})


def _known(picture: np.ndarray, wanted: Wish) -> np.ndarray:
    """Outside of the hole each pixel is that of the picture."""
    return picture if wanted.mask is None else np.where(wanted.mask[..., None], picture, wanted.picture)


def _packed(values: np.ndarray, kind: str = "u1") -> str:
    """Values in [0, 1] as base64 of whole numbers, of which 1 is the largest."""
    whole = np.round(np.iinfo(kind).max * np.clip(values, 0, 1)).astype(kind)
    return base64.b64encode(whole.tobytes()).decode("ascii")


def _packed_maps(maps: np.ndarray | None) -> str | None:
    """Maps in [0, 1], of which a word gets few hundredths: bytes would be too coarse."""
    return None if maps is None else _packed(maps, "<u2")
