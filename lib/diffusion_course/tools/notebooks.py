"""Notebooks as files: read, write, and normalise for git."""

import copy
import hashlib
from base64 import b64decode, b64encode
from io import BytesIO
from pathlib import Path

import nbformat
import numpy as np
from nbformat import NotebookNode
from PIL import Image

from diffusion_course.course import paths
from diffusion_course.course.writing import write_whole

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
INJECTED_TAG = "injected-parameters"  # papermill's
_KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
_LANGUAGE = {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"}
HIDDEN_TAG = "hide-input"  # cells that only draw; the book folds them, and so does JupyterLab
_CELL_NOISE = ("papermill", "execution", "ExecuteTime", "collapsed", "scrolled")


class NotACleanRun(ValueError):
    """An executed notebook is not fit to be committed."""


def read(path: Path) -> NotebookNode:
    """The notebook in a file, brought to nbformat 4."""
    return nbformat.reads(Path(path).read_text(encoding="utf-8"), as_version=4)


def write(notebook: NotebookNode, path: Path) -> None:
    """Writes a notebook as JSON, indented by one, ended by a newline; aside first, then renamed."""
    nbformat.validate(notebook)
    write_whole(Path(path), (nbformat.writes(notebook).rstrip("\n") + "\n").encode())


def tags(cell: NotebookNode) -> list[str]:
    """The tags of a cell; an empty list where it has none."""
    return cell.metadata.get("tags", [])


def drop_injected_parameters(notebook: NotebookNode) -> NotebookNode:
    """Takes out the cell that papermill injected, and takes its number out of the execution counts.

    Only counts above the injected one move, each down by one: a notebook that ran out of order stays so.

    Args:
        notebook: changed in place.

    Returns:
        The same notebook.
    """
    for injected in [cell for cell in notebook.cells if INJECTED_TAG in tags(cell)]:
        notebook.cells.remove(injected)
        gone = injected.execution_count
        for cell in notebook.cells:
            if cell.cell_type != "code" or gone is None:
                continue
            for counted in (cell, *(o for o in cell.outputs if o.output_type == "execute_result")):
                if counted.execution_count is not None and counted.execution_count > gone:
                    counted.execution_count -= 1
    return notebook


def shrink_png(png: bytes, palettes: tuple[int, ...] = (32, 64, 128)) -> bytes:
    """The same picture with a palette, if that is smaller and looks the same; else the bytes as they are.

    "Looks the same": the mean absolute difference is at most 1.5 of 255, and at most one pixel in a thousand is off
    by more than 32 in a channel.

    Args:
        png: a PNG file.
        palettes: their sizes, 2 to 256 each; the first that looks the same is taken.

    Returns:
        A PNG file.
    """
    with Image.open(BytesIO(png)) as image:
        if image.mode not in ("RGB", "RGBA"):
            return png
        dpi = image.info.get("dpi")
        if image.mode == "RGBA" and image.getextrema()[3] != (255, 255):
            return png  # Pillow's better quantisers know no transparency
        rgb = image.convert("RGB")
    for colours in palettes:
        small = rgb.quantize(colours, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        error = np.abs(np.asarray(small.convert("RGB"), np.int16) - np.asarray(rgb, np.int16))
        if error.mean() <= 1.5 and (error.max(axis=-1) > 32).mean() <= 1e-3:
            break
    else:
        return png
    buffer = BytesIO()
    small.save(buffer, "PNG", optimize=True, **({"dpi": dpi} if dpi else {}))
    return min(png, buffer.getvalue(), key=len)


def _clean_outputs(outputs: list[NotebookNode]) -> list[NotebookNode]:
    kept = []
    for output in outputs:
        output.get("metadata", {}).pop("papermill", None)
        data = output.get("data")
        if data is not None and WIDGET_VIEW in data:
            if not {"image/png", "image/svg+xml", "text/html"} & set(data):
                continue  # a widget alone, e.g. a progress bar: dead without its kernel
            del data[WIDGET_VIEW]
        if data is not None and "image/png" in data:
            png = b64decode(data["image/png"])
            smaller = shrink_png(png)
            if smaller is not png:
                data["image/png"] = b64encode(smaller).decode("ascii")
        kept.append(output)
    return kept


def _stable_ids(notebook: NotebookNode) -> None:
    """Keeps the ids that are there; a missing or doubled one becomes a digest of source and position."""
    seen = set()
    for index, cell in enumerate(notebook.cells):
        if not cell.get("id") or cell.id in seen:
            cell.id = hashlib.sha256(f"{index}\n{cell.source}".encode()).hexdigest()[:8]
        seen.add(cell.id)


def _fold(cell: NotebookNode) -> None:
    """Folds the code of a cell in JupyterLab if and only if it is tagged so: what somebody folded by hand opens."""
    jupyter = cell.metadata.setdefault("jupyter", NotebookNode())
    jupyter.pop("source_hidden", None)
    if HIDDEN_TAG in tags(cell):
        jupyter["source_hidden"] = True
    if not jupyter:
        del cell.metadata["jupyter"]


def clean(notebook: NotebookNode) -> NotebookNode:
    """Normalises a notebook for git: no trace of when, where and by what it ran; small pictures; stable ids.

    Cells tagged ``hide-input`` are folded in JupyterLab too, and no others.

    Args:
        notebook: left as it is.

    Returns:
        A new notebook; cleaning it again changes nothing.
    """
    notebook = drop_injected_parameters(copy.deepcopy(notebook))
    if notebook.nbformat_minor < 5:
        notebook = nbformat.v4.upgrade(notebook)
        for cell in notebook.cells:  # upgrading draws random ids
            cell.pop("id", None)
    notebook.metadata = NotebookNode(
        kernelspec=NotebookNode(_KERNELSPEC),
        language_info=NotebookNode(_LANGUAGE),
        **{
            key: value
            for key, value in notebook.metadata.items()
            if key not in ("kernelspec", "language_info", "papermill", "widgets")
        },
    )
    for cell in notebook.cells:
        for key in _CELL_NOISE:
            cell.metadata.pop(key, None)
        if not cell.metadata.get("tags", True):
            del cell.metadata["tags"]  # papermill gives every cell an empty list
        _fold(cell)
        if cell.cell_type == "code":
            cell.outputs = _clean_outputs(cell.outputs)
    _stable_ids(notebook)
    return notebook


def _names(output: NotebookNode, folder: Path) -> bool:
    """Whether a folder is named in what an output shows as text."""
    shown = {"stream": output.get("text", ""), **output.get("data", {})}
    return any(str(folder) in str(text) for kind, text in shown.items() if not kind.startswith("image/"))


def clean_file(target: Path, source: Path | None = None, profile: str = "standard") -> bool:
    """Cleans a notebook file, or replaces it by the cleaned form of an executed copy.

    Args:
        target: the committed notebook.
        source: an executed copy as `diffusion-course run` leaves it; ``target`` itself if None.
        profile: the profile that ``source`` must have been executed in.

    Returns:
        Whether ``target`` changed.

    Raises:
        NotACleanRun: ``source`` ended in an error, ran in another profile, or shows where the course lies here.
    """
    notebook = read(source or target)
    if source is not None:
        ran = notebook.metadata.get("papermill", {}).get("parameters", {}).get("profile")
        if ran != profile:
            raise NotACleanRun(
                f"{source.name} must have been executed in profile {profile!r}. Received: {ran!r}"
            )
        for number, cell in enumerate(notebook.cells, 1):
            if any(output.output_type == "error" for output in cell.get("outputs", [])):
                raise NotACleanRun(f"{source.name} must hold no error. Received: an error in cell {number}")
            here = paths.course_root()
            if any(_names(output, here) for output in cell.get("outputs", [])):
                raise NotACleanRun(
                    f"{source.name} must not name the folder of the course here. Received: {here} in cell {number}"
                )
    before = target.read_bytes() if target.exists() else None
    write(clean(notebook), target)
    return target.read_bytes() != before
