"""Did the picture follow the text? What pictures show, compared with what was asked for, attribute by attribute.

>>> from diffusion_course.datasets import scenes
>>> reader = SceneReader(scenes)
>>> asked = scenes.sample_scenes(8, seed=0)
>>> alignment(scenes.draw_scenes(asked, seed=0), asked, reader).together
1.0
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from diffusion_course.metrics.scene_reader import SceneReader

ATTRIBUTES = ("size", "colour", "shape", "background", "position", "relation")


@dataclass(frozen=True)
class AlignmentReport:
    """How well N pictures show what was asked for.

    Attributes:
        scenes: what was asked for, N scenes.
        readings: what the pictures show, N scenes or None.
        right: for each of `ATTRIBUTES`, (N,) float: 1 right, 0 wrong, NaN where the scene asked for has no such
            attribute (size and position for two objects, relation for one). No scene, or a wrong number of objects,
            is wrong in all of them, but for the background of the latter. Of two objects, colour and shape count if
            both are right, in whichever order suits them best; the order is the relation's matter.
    """

    scenes: tuple
    readings: tuple
    right: dict[str, np.ndarray]

    @property
    def shares(self) -> dict[str, float]:
        """Share of right pictures for each attribute that any of the scenes has, from 0 to 1."""
        known = {name: values[~np.isnan(values)] for name, values in self.right.items()}
        return {name: float(values.mean()) for name, values in known.items() if len(values)}

    @property
    def exact(self) -> np.ndarray:
        """(N,) bool: every attribute is right."""
        return np.all([np.isnan(values) | (values == 1) for values in self.right.values()], axis=0)

    @property
    def together(self) -> float:
        """Share of pictures with every attribute right, from 0 to 1."""
        return float(self.exact.mean())

    @property
    def product(self) -> float:
        """Product of the shares: what `together` would be if attributes failed independently of each other.

        Of little use for pictures of both kinds at once, which have different attributes.

        Reference: Okawa et al., "Compositional abilities emerge multiplicatively", 2023 (arXiv:2310.09336).
        """
        return float(np.prod(list(self.shares.values())))

    @property
    def found(self) -> float:
        """Share of pictures that show a scene at all, right or wrong, from 0 to 1."""
        return float(np.mean([reading is not None for reading in self.readings]))

    def summary(self) -> dict[str, float]:
        """`shares`, "together", "product" and "found" as one row of a table."""
        return {**self.shares, "together": self.together, "product": self.product, "found": self.found}

    def apart(self, is_held_out: Callable) -> dict[str, "AlignmentReport"]:
        """One report for the seen and one for the held-out combinations.

        Args:
            is_held_out: takes a scene, says whether it was kept from training.

        Returns:
            "seen" and "held out"; without the one that has no pictures.
        """
        groups = {"seen": [], "held out": []}
        for i, scene in enumerate(self.scenes):
            groups["held out" if is_held_out(scene) else "seen"].append(i)
        return {
            name: compare([self.readings[i] for i in members], [self.scenes[i] for i in members])
            for name, members in groups.items()
            if members
        }


def alignment(pictures: np.ndarray, scenes: Sequence, reader: SceneReader) -> AlignmentReport:
    """Reads pictures and compares them with what was asked for.

    With real pictures of the same scenes this gives the ceiling that generated ones can reach.

    Args:
        pictures: (N, 32, 32, 3), uint8.
        scenes: N scenes, what the captions asked for.
        reader: what reads pictures.

    Returns:
        The AlignmentReport.

    Raises:
        ValueError: N is 0, differs, or the pictures are of another shape or type.
    """
    return compare(reader.read(pictures), scenes)


def floor(report: AlignmentReport, rng: np.random.Generator) -> AlignmentReport:
    """What the same pictures reach against shuffled captions: no picture keeps its own.

    Args:
        report: of at least 2 pictures, best of one kind.
        rng: shuffles.

    Returns:
        The AlignmentReport; its scenes are in another order than the given report's.

    Raises:
        ValueError: there is only one picture.
    """
    if len(report.scenes) < 2:
        raise ValueError(f"Captions of at least 2 pictures can be shuffled. Received: {len(report.scenes)}")
    order = rng.permutation(len(report.scenes))
    readings, scenes = [report.readings[i] for i in order], [report.scenes[i] for i in np.roll(order, 1)]
    return compare(readings, scenes)


def compare(readings: Sequence, scenes: Sequence) -> AlignmentReport:
    """Compares what pictures show with what was asked for.

    Args:
        readings: N scenes or None, as `SceneReader.read` gives them.
        scenes: N scenes.

    Returns:
        The AlignmentReport.

    Raises:
        ValueError: N is 0 or differs.
    """
    if len(readings) != len(scenes) or not len(scenes):
        raise ValueError(
            f"There must be a scene for each picture, at least one. Received: {len(readings)} pictures, "
            f"{len(scenes)} scenes"
        )
    rows = [_right(reading, scene) for reading, scene in zip(readings, scenes, strict=True)]
    right = {name: np.array([row.get(name, np.nan) for row in rows], "float64") for name in ATTRIBUTES}
    return AlignmentReport(tuple(scenes), tuple(readings), right)


def _right(reading, scene) -> dict[str, bool]:
    """Which of the attributes that a scene has are right in the reading."""
    names = ("size", "colour", "shape", "background", "position")
    if len(scene.objects) == 2:
        names = ("colour", "shape", "background", "relation")
    right = dict.fromkeys(names, False)
    if reading is None:
        return right
    right["background"] = reading.background == scene.background
    if len(reading.objects) != len(scene.objects):
        return right
    if len(scene.objects) == 1:
        (seen,), (asked,) = reading.objects, scene.objects
        return right | {
            name: getattr(seen, name) == getattr(asked, name)
            for name in ("size", "colour", "shape", "position")
        }
    orders = [
        _equal_parts(reading.objects, scene.objects),
        _equal_parts(reading.objects[::-1], scene.objects),
    ]
    swapped = orders[1].sum() > orders[0].sum()
    colour, shape = orders[int(swapped)].all(1)
    return right | {
        "colour": bool(colour),
        "shape": bool(shape),
        "relation": reading.relation == scene.relation and not swapped,
    }


def _equal_parts(seen: Sequence, asked: Sequence) -> np.ndarray:
    """(2, 2) bool: colour and shape (rows) of each object (columns) are equal."""
    return np.array(
        [
            [getattr(a, name) == getattr(b, name) for a, b in zip(seen, asked, strict=True)]
            for name in ("colour", "shape")
        ]
    )
