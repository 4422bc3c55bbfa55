"""Several weight files that belong together, made from nothing by one command: ``diffusion-course train scenes``."""

import hashlib
import json
import shutil
from collections.abc import Callable
from graphlib import TopologicalSorter
from pathlib import Path

from diffusion_course import recipes
from diffusion_course.course.files import publish
from diffusion_course.course.paths import build_dir
from diffusion_course.course.trained import trained_in
from diffusion_course.course.writing import write_together, write_whole

# What a group is for; its members are these and all that they need, see `members`.
GROUPS: dict[str, tuple[str, ...]] = {
    "scenes": ("unet-scenes", "unet-scenes-inpaint"),
    "scenes-96": ("unet-scenes-96",),
}


def members(group: str) -> tuple[str, ...]:
    """The recipes of a group, each after those whose weights it needs.

    Args:
        group: one of ``GROUPS``.

    Raises:
        ValueError: there is no such group; the message lists them.
    """
    if group not in GROUPS:
        raise ValueError(f"A group must be one of {', '.join(GROUPS)}. Received: {group!r}")
    graph, left = {}, list(GROUPS[group])
    while left:
        name = left.pop()
        if name not in graph:
            graph[name] = recipes.RECIPES[name].needs
            left += graph[name]
    return tuple(TopologicalSorter(graph).static_order())


def members_of(name: str) -> tuple[str, ...]:
    """The members of a group; of a recipe, itself."""
    return members(name) if name in GROUPS else (name,)


def run_folder(group: str, profile: str, seed: int) -> Path:
    """Where a run keeps what it has finished, until all of it is."""
    return build_dir() / "trainings" / f"{group}.{profile}.seed-{seed}"


def train_group(
    group: str,
    profile: str = "standard",
    seed: int = 0,
    folder: Path | str | None = None,
    say: Callable[[str], None] = print,
    **how,
) -> dict[str, dict[str, float]]:
    """Trains all members of a group from nothing, each on the weights that this run has made, never on shipped ones.

    A finished member waits in `run_folder`, with a record beside it; a run that was interrupted, called again with the
    same profile and seed, leaves it as it is and goes on with the next, and a member that was cut short goes on from
    its checkpoint. When the last one is finished, all are written together, or none: weights that were made of each
    other never stand beside those of another run. The run is over then; the same call would begin anew. To begin anew
    earlier, delete the folder.

    Args:
        group: one of ``GROUPS``.
        profile, seed, folder: of `recipes.train`.
        say: is told what begins and what was finished before.
        **how: of `recipes.train`.

    Returns:
        Member -> its metrics.

    Raises:
        ValueError: an unknown group, or what `recipes.train` refuses.
    """
    names = members(group)
    profile, seed, folder = recipes.check_training(profile, seed, folder, names, **how)
    run, found = run_folder(group, profile, seed), {}
    command = f"{group} --profile {profile} --seed {seed}"
    for number, name in enumerate(names, start=1):
        place = f"{name} ({number} of {len(names)})"
        found[name] = _finished(run, name)
        if found[name] is not None:
            say(f"{place}: finished before; delete {run} to begin anew")
            continue
        say(f"{place}: training, profile {profile}, seed {seed}")
        with trained_in(run, awaited=names):
            found[name] = recipes.train(name, profile, seed, run, command=command, **how)
        _finish(run, name, found[name])
    files = {path.name: path.read_bytes() for path in sorted(run.iterdir()) if _belongs(path)}
    if folder:
        write_together({folder / file: content for file, content in files.items()})
    else:
        publish({f"weights/{file}": content for file, content in files.items()})
    shutil.rmtree(run)
    return found


def _belongs(path: Path) -> bool:
    """Whether a file of the run is one to publish: no record of it, and nothing that was left half written."""
    return path.suffix not in (".done", ".part", ".old")


def _digest(run: Path, name: str) -> str:
    return hashlib.sha256((run / f"{name}.safetensors").read_bytes()).hexdigest()


def _finish(run: Path, name: str, metrics: dict[str, float]) -> None:
    record = {"sha256": _digest(run, name), "metrics": metrics}
    write_whole(run / f"{name}.done", json.dumps(record).encode())


def _finished(run: Path, name: str) -> dict[str, float] | None:
    """The metrics of a member that this run has finished; None if it has not, or if its weights changed since."""
    try:
        record = json.loads((run / f"{name}.done").read_bytes())
        return record["metrics"] if record["sha256"] == _digest(run, name) else None
    except FileNotFoundError:
        return None
