"""What `diffusion-course paint` does: reads prompts, pictures and masks, paints, and writes once all is whole."""

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from diffusion_course.course.paths import data_dir
from diffusion_course.course.writing import write_together
from diffusion_course.models.published_files import LICENCES, what_is_needed

MODEL, PIXEL_MODEL, INPAINT_MODEL = "unet-scenes", "unet-scenes-pixels", "unet-scenes-inpaint"
PUBLISHED_MODELS = tuple(LICENCES)  # their weights are the user's
FILMS = (".gif", ".png")
FRAME, LAST_FRAME = 120, 2000  # milliseconds that a film shows a frame
LARGEST = 4096  # pixels on each side
STRONGEST = 100  # guidance scale, either way: far beyond it the networks' numbers overflow


class Refused(ValueError):
    """An argument breaks a rule; the message states it."""


@dataclass(frozen=True)
class Order:
    """What to paint, and where to write it; made from the command's arguments by `order`, which checks them.

    Attributes:
        prompts: N texts.
        outs: N paths of PNG files.
        film: path of an animated GIF or PNG, or None.
        init: (h, w, 3) uint8, the picture to begin with, or None.
        mask: (h, w) bool, True where to paint, or None.
        size: side of the written pictures, or None for the model's.
        model: preset, or None for the best one there is.
        weights: folder with the weights of a published model; None for a model of the course.
        options: of `TextToImagePipeline.walks`, and ``strength``.
    """

    prompts: list[str]
    outs: list[Path]
    film: Path | None
    init: np.ndarray | None
    mask: np.ndarray | None
    size: int | None
    model: str | None
    weights: Path | None
    options: dict


def order(
    prompt: str | None,
    prompts_file: Path | None,
    out: Path,
    *,
    film: Path | None = None,
    init: Path | None = None,
    mask: Path | None = None,
    strength: float | None = None,
    size: int | None = None,
    model: str | None = None,
    weights: Path | None = None,
    **options,
) -> Order:
    """Reads and checks what needs no model, so that a mistake is told at once.

    Args:
        prompt, prompts_file: one of both; the file has a prompt on each line, an empty line being the empty prompt.
        out: the picture's PNG file. Of a file of prompts, the folder of 0000.png and so on, or a PNG file in it.
        film, init, mask, strength, size, model, weights, **options: as in `Order`.

    Raises:
        Refused: an argument breaks its rule, or a file cannot be read.
    """
    if (prompt is None) == (prompts_file is None):
        raise Refused(
            "Give either a prompt or --prompts FILE. Received: " + ("neither" if prompt is None else "both")
        )
    if prompts_file is None:
        prompts, outs = [prompt], [_png(out)]
    else:
        prompts = _lines(prompts_file)
        folder = out.parent if out.suffix.lower() == ".png" and not out.is_dir() else out
        outs = [folder / f"{i:04}.png" for i in range(len(prompts))]
    if film is not None and film.suffix.lower() not in FILMS:
        raise Refused(f"--film must end in {' or '.join(FILMS)}. Received: {film}")
    if film is not None and os.path.realpath(film) in {os.path.realpath(path) for path in outs}:
        raise Refused(f"--film and --out must be two files. Received: {film}")
    for path in [*outs, *([film] if film else [])]:
        _check_file(path)
    for path in [outs[0], *([film] if film else [])]:
        _check_place(path)
    for name, given in (("--mask", mask), ("--strength", strength)):
        if given is not None and init is None:
            raise Refused(f"{name} needs --init, the picture to begin with. Received: no --init")
    if mask is not None and strength is not None:
        raise Refused("--strength is of a picture without a hole. Received: --strength with --mask")
    if strength is not None:
        if not 0 <= strength <= 1:
            raise Refused(f"--strength must be from 0 to 1. Received: {strength}")
        options["strength"] = strength
    guidance = options.get("guidance_scale", 1)
    if not -STRONGEST <= guidance <= STRONGEST:
        raise Refused(f"--guidance must be from -{STRONGEST} to {STRONGEST}. Received: {guidance}")
    _check_weights(model, weights)
    picture = None if init is None else np.array(_open("--init", init))
    hole = None if mask is None else _hole(mask, picture.shape[:2])
    return Order(prompts, outs, film, picture, hole, size, model, weights, options)


def paint(
    job: Order,
    *,
    load: Callable | None = None,
    load_weights: Callable | None = None,
    callback: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Loads the model, paints, and writes all files, or none.

    Args:
        job: from `order`.
        load: (name, kind of pipeline) -> pipeline; by default `load_text_to_image`.
        load_weights: (name, folder, kind of pipeline, side) -> pipeline of a published model; by default
            `load_stable_diffusion`.
        callback: as in `TextToImagePipeline.walks`.

    Returns:
        The files written.

    Raises:
        Refused: there is no such model; a picture, a mask or ``size`` does not fit it.
        ValueError: the pipeline refuses an argument.
        MissingFile, DamagedFile: of the model's files.
    """
    from diffusion_course.pipelines.image_to_image import ImageToImagePipeline
    from diffusion_course.pipelines.inpaint import InpaintPipeline
    from diffusion_course.pipelines.stable_diffusion import SETTINGS, load_stable_diffusion
    from diffusion_course.pipelines.text_to_image import TextToImagePipeline, load_text_to_image

    edit = {} if job.init is None else {"pictures": job.init}
    kind = TextToImagePipeline if job.init is None else ImageToImagePipeline
    if job.mask is not None:
        kind, edit = InpaintPipeline, {**edit, "mask": job.mask}
    options = job.options
    if job.weights is None:
        name = best_model(job.mask is not None) if job.model is None else job.model
        pipeline = (load or load_text_to_image)(name, kind)
        factor = enlargement(job.size, *pipeline.picture_shape[:2])
    else:  # paints at any size itself
        make = load_weights or load_stable_diffusion
        pipeline, factor = make(job.model, job.weights, kind, side=job.size), 1
        options = {**SETTINGS, **options}

    height, width, _ = pipeline.picture_shape
    if job.init is not None:
        edit["pictures"] = reduced(job.init, height, width)
    if job.mask is not None:
        edit["mask"] = reduced_hole(job.mask, height, width)

    how = {**options, **edit, "callback": callback}
    if job.film is None:
        frames = [pipeline.generate(job.prompts, **how)]
    else:
        frames = list(pipeline.film(job.prompts, **how))
    files = {path: png(enlarged(picture, factor)) for path, picture in zip(job.outs, frames[-1], strict=True)}
    if job.film is not None:
        pictures = [enlarged(tiled(frame), factor) for frame in frames]
        files[job.film] = animation(pictures, job.film.suffix.lower())
    write_together(files)
    return list(files)


def best_model(hole: bool = False) -> str:
    """The preset that paints best among those whose weights are there; with a hole the one trained for holes first."""
    candidates = [INPAINT_MODEL] * hole + [MODEL]
    for name in candidates:
        if (data_dir() / "weights" / f"{name}.safetensors").is_file():
            return name
    return PIXEL_MODEL


# --- Pictures as files


def png(picture: np.ndarray) -> bytes:
    """A picture (H, W, 3) uint8 as the bytes of a PNG file."""
    buffer = BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()


def animation(frames: Sequence[np.ndarray], suffix: str) -> bytes:
    """Frames (H, W, 3) uint8 as the bytes of an animated GIF or PNG, which runs again and again.

    Args:
        frames: at least one. A GIF has 256 colours for each of them; a PNG keeps them as they are.
        suffix: ".gif" or ".png".
    """
    images, buffer = [Image.fromarray(frame) for frame in frames], BytesIO()
    duration = [FRAME] * (len(frames) - 1) + [LAST_FRAME]
    more = {"save_all": True, "append_images": images[1:], "duration": duration, "loop": 0}
    images[0].save(buffer, suffix[1:].upper(), **more)
    return buffer.getvalue()


def enlarged(picture: np.ndarray, factor: int) -> np.ndarray:
    """A picture (H, W, 3) in [0, 1] as uint8, each pixel a square of ``factor``."""
    return np.round(255 * picture).astype("uint8").repeat(factor, axis=0).repeat(factor, axis=1)


def enlargement(size: int | None, height: int, width: int) -> int:
    """How many times a picture is enlarged; raises Refused unless ``size`` is a multiple of its height and width."""
    if size is None:
        return 1
    if height != width or size < height or size % height or size > LARGEST:
        raise Refused(f"--size must be a multiple of {height}, up to {LARGEST}. Received: {size}")
    return size // height


def tiled(pictures: np.ndarray) -> np.ndarray:
    """Pictures (N, H, W, 3) side by side in a sheet about as wide as high; white where there is none."""
    n, h, w, c = pictures.shape
    columns = int(np.ceil(np.sqrt(n)))
    rows = -(-n // columns)
    sheet = np.ones((rows * columns, h, w, c), pictures.dtype)
    sheet[:n] = pictures
    return sheet.reshape(rows, columns, h, w, c).transpose(0, 2, 1, 3, 4).reshape(rows * h, columns * w, c)


def reduced(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """A picture (h, w, 3) uint8 as (height, width, 3) float32 in [0, 1]: the mean of each block of pixels."""
    factor = _blocks("--init", picture.shape, height, width)
    blocks = picture.reshape(height, factor, width, factor, 3)
    return (blocks.mean(axis=(1, 3)) / 255).astype("float32")


def reduced_hole(mask: np.ndarray, height: int, width: int) -> np.ndarray:
    """A mask (h, w) bool as (height, width): a pixel is to be painted as soon as a part of it is."""
    factor = _blocks("--mask", mask.shape, height, width)
    return mask.reshape(height, factor, width, factor).any(axis=(1, 3))


def _blocks(name: str, shape, height: int, width: int) -> int:
    factor = shape[0] // height
    if factor < 1 or shape[:2] != (factor * height, factor * width):
        raise Refused(
            f"{name} must have {width} x {height} pixels or a multiple, such as {4 * width} x {4 * height}. "
            f"Received: {shape[1]} x {shape[0]}"
        )
    return factor


# --- Reading


def _check_weights(model: str | None, weights: Path | None) -> None:
    if model in PUBLISHED_MODELS and weights is None:
        raise Refused(f"{what_is_needed(model)}\nName the folder: --weights FOLDER. Received: no --weights")
    if weights is None:
        return
    if model not in PUBLISHED_MODELS:
        raise Refused(f"--weights needs --model {' or '.join(PUBLISHED_MODELS)}. Received: --model {model}")
    if not weights.is_dir():
        raise Refused(f"--weights must be a folder. Received: {weights}")


@contextmanager
def told_warnings(tell: Callable[[str], None]) -> Iterator[None]:
    """Hands each warning of the block over as a sentence, each once."""
    told = set()

    def show(message, *_, **__):
        if str(message) not in told:
            told.add(str(message))
            tell(str(message))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of other libraries
        for kind in _our_warnings():
            warnings.simplefilter("always", kind)
        warnings.showwarning = show
        yield


def _our_warnings() -> tuple[type[Warning], ...]:
    from diffusion_course.pipelines.text_to_image import UnknownWordWarning
    from diffusion_course.tokenizer import TruncationWarning

    return (UnknownWordWarning, TruncationWarning)


def _png(out: Path) -> Path:
    if out.suffix.lower() != ".png":
        raise Refused(f"--out must end in .png. Received: {str(out)!r}")
    return out


def _check_file(path: Path) -> None:
    try:
        folder = path.is_dir()
    except OSError as error:  # a name that is too long
        raise Refused(
            f"A file to write must have a name that this system takes. Received: {error}"
        ) from error
    if folder:
        raise Refused(f"A file to write must not be a folder. Received: {path}")


def _check_place(path: Path) -> None:
    """Refuses a file whose folder cannot be written to."""
    folder = path.parent
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir():
        raise Refused(f"{path} must lie in a folder. Received: {folder}, which is a file")
    try:  # asking for permissions alone says yes where the system says no in the end
        probe = folder / f"{path.name}.{os.getpid()}.probe"  # as long as what is written first
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise Refused(f"{folder} must be a folder that may be written. Received: {error}") from error


def _lines(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"--prompts must be a text file in UTF-8. Received: {error}") from error
    if not lines:
        raise Refused(f"--prompts must have at least one line. Received: {path}, which is empty")
    return lines


def _open(name: str, path: Path) -> Image.Image:
    """A picture file as RGB, on white where it is transparent; raises Refused unless it is one of 8-bit colours."""
    try:
        with Image.open(path) as image:
            image.load()
    except Exception as error:  # a damaged file makes Pillow raise errors of many kinds
        raise Refused(f"{name} must be a picture. Received: {error}") from error
    if image.mode.startswith(("I", "F")):
        raise Refused(f"{name} must have 8 bits per colour. Received: mode {image.mode!r} in {path}")
    if not image.has_transparency_data:
        return image.convert("RGB")
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def _hole(path: Path, size: tuple[int, int]) -> np.ndarray:
    mask = np.array(_open("--mask", path).convert("L"))
    if mask.shape != size:
        raise Refused(
            f"--mask must have the size of --init, {size[1]} x {size[0]}. Received: {mask.shape[1]} x {mask.shape[0]}"
        )
    if not np.isin(mask, (0, 255)).all():
        raise Refused(
            "--mask must be white where to paint and black elsewhere. "
            f"Received: greys such as {mask[(mask > 0) & (mask < 255)][0]} of 255"
        )
    if not mask.any():
        raise Refused(f"--mask must be white in at least one pixel. Received: {path}, which is black")
    return mask == 255
