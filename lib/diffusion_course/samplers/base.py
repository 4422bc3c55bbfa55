"""What all samplers share: one step, `step`, and the walk from noise to a picture that repeats it.

A sampler is a table with a row of numbers per step of its schedule. With them one step goes from x_t to x_prev:

    x0_hat = clip(c_x x_t + c_p prediction)         what the network takes the clean picture to be
    ahead  = x0_hat + m (x0_hat - x0_hat before)    where that is heading; m is 0 but for DPM-Solver++
    x_prev = a ahead + b x_t + s z                  z is standard normal noise

That is `step`, and repeating it for each row, from the noisiest down, is all of sampling:

    x, before = x_T, None
    for row in rows:
        prediction = denoise(x, row["t"], **conditions)
        x, before = step(x, prediction, row, clip=clip, before=before, z=noise())

The walk below does this, and may start in the middle, turn back and be corrected on the way.

An oracle, which always knows that the picture is 0.5, is followed to it from any noise:

    >>> from diffusion_course.samplers.ddim import DDIMSampler
    >>> schedule = NoiseSchedule.cosine(1000)
    >>> oracle = lambda x, t: (x - 0.5 * schedule.signal[int(t[0])]) / schedule.sigma[int(t[0])]
    >>> for point in DDIMSampler(schedule)(oracle, [[1.3], [-0.4]], steps=3):
    ...     print(point.t, f"{point.alpha_bar:.2f}", [f"{x:.2f}" for x in np.ravel(point.x)])
    999 0.25 ['1.38', '-0.10']
    666 0.74 ['1.09', '0.23']
    332 1.00 ['0.50', '0.50']

`DDPMSampler`, `DDIMSampler` and `DPMSolverSampler` differ in a, b, s and m alone. Chapters 06 and 08 build all three by
hand. Nothing is compiled here: nearly all of the time goes into the network, which `models.denoiser.Denoiser` compiles.
"""

from collections.abc import Callable, Iterator, Mapping
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from diffusion_course.prediction import check_prediction, x0_weights
from diffusion_course.samplers.noise import PictureNoise
from diffusion_course.schedules import NoiseSchedule


def step(x, prediction, row: Mapping[str, float], *, clip=None, before=None, z=0.0):
    """One step of any sampler.

    Args:
        x: (B, ..., C), pictures at the level where the step begins.
        prediction: like ``x``, what the network said.
        row: the step's numbers ``c_x``, ``c_p``, ``a``, ``b``, ``s`` and ``m``, as in this module's first lines.
        clip: (lowest, highest) value of x0_hat, or None.
        before: x0_hat of the step before, or None where there was none: then nothing is looked ahead.
        z: like ``x``, standard normal noise; 0 where ``s`` is.

    Returns:
        x_prev and x0_hat, both like ``x``.
    """
    x0_hat = row["c_x"] * x + row["c_p"] * prediction
    if clip is not None:
        x0_hat = ops.clip(x0_hat, *clip)
    ahead = x0_hat if before is None or row["m"] == 0 else x0_hat + row["m"] * (x0_hat - before)
    return row["a"] * ahead + row["b"] * x + row["s"] * z, x0_hat


class Point(NamedTuple):
    """Where a walk is after a step.

    Attributes:
        x: (B, ..., C), the pictures now; after the last step they are finished.
        x0_hat: like ``x``, what the network took the clean pictures to be in this step.
        t: the step that the network was told, in the numbering of the schedule that it was trained with.
        alpha_bar: the level of ``x`` now: the share of the picture's variance in it, 1 at the end of a walk down.
    """

    x: Any
    x0_hat: Any
    t: int
    alpha_bar: float


class Sampler:
    """The walk from noise to a picture; subclasses say in `coefficients` which step it takes.

    Args:
        schedule: the NoiseSchedule that the network was trained with.
        prediction: what the network returns: "noise", "x0" or "velocity".
        clip: (lowest, highest) value of x0_hat, the range of the training data; None leaves it as it is, as for
            latents, which have no range.

    Attributes:
        schedule, prediction, clip: as above.

    Raises:
        ValueError: an unknown kind of prediction, or a clip that is no range.
    """

    def __init__(
        self,
        schedule: NoiseSchedule,
        *,
        prediction: str = "noise",
        clip: tuple[float, float] | None = (-1.0, 1.0),
    ):
        self.schedule, self.prediction = schedule, check_prediction(prediction)
        self.clip = checked_clip(clip)

    def coefficients(self, schedule: NoiseSchedule) -> dict[str, np.ndarray]:
        """The columns a, b and s, and m where the sampler looks ahead, of a schedule that is respaced already.

        Returns:
            A dict of (len(schedule),) float64 arrays.
        """
        raise NotImplementedError(f"{type(self).__name__} must say which step it takes.")

    def table(self, steps=None) -> dict[str, np.ndarray]:
        """The numbers that this sampler computes with.

        Args:
            steps: how many steps, evenly spread over the schedule, or the list of those to visit (it must end with
                the schedule's last one); None visits all.

        Returns:
            A dict of (steps,) arrays, row 0 being the last step before the clean picture: ``t`` (int64), what the
            network is told, in the numbering of the schedule that it was trained with; the rest float64: ``c_x``,
            ``c_p``, ``a``, ``b``, ``s``, ``m`` as in this module's first lines, ``alpha_bar`` and ``alpha_bar_next``,
            the levels where the step begins and ends, and what a subclass adds.
        """
        schedule = self.schedule if steps is None else self.schedule.respace(steps)
        c_x, c_p = x0_weights(self.prediction, schedule.signal, schedule.sigma)
        levels = {"alpha_bar": schedule.alpha_bars, "alpha_bar_next": schedule.alpha_bars_prev}
        columns = {"m": np.zeros(len(schedule)), **self.coefficients(schedule)}
        return {"t": schedule.timesteps, "c_x": c_x, "c_p": c_p, **columns, **levels}

    def __call__(
        self,
        denoise: Callable,
        x_T,
        *,
        steps=None,
        seed: int = 0,
        first: int = 0,
        skip: int = 0,
        resample: tuple[int, int] | None = None,
        adjust: Callable[[Point], Any] | None = None,
        **conditions,
    ) -> Iterator[Point]:
        """Walks from noise to a picture, and shows each point on the way.

        Args:
            denoise: ``denoise(x, t, **conditions)`` with x (B, ..., C) float32 and t (B,) int32 gives the prediction,
                like `models.denoiser.Denoiser`.
            x_T: (B, ..., C), standard normal noise to begin with; with ``skip``, pictures at that level.
            steps: as in `table`.
            seed: 0 or more, for the noise that the steps add.
            first: number of the first picture of this batch: what picture i gets depends on (seed, i) alone, however
                a set is cut into batches.
            skip: how many steps to leave out at the noisy end. The walk then starts where step ``skip`` does, at
                ``table(steps)["t"][::-1][skip]``; 0 to one less than the steps.
            resample: (length, times): every ``length`` steps the walk goes back up by as many, and down again, so that
                each stretch is walked ``times`` times (Lugmayr et al. 2022, "RePaint", arXiv:2201.09865).
            adjust: gets the point after each step and returns what ``x`` is from there on.
            **conditions: handed to ``denoise`` at each step as they are.

        Yields:
            A `Point` after each step towards the picture. The last one's x is the picture.

        Raises:
            ValueError: an argument or the network's output breaks these rules.
        """
        table = self.table(steps)
        moves = itinerary(len(table["t"]), skip, resample)
        return self._walk(denoise, x_T, table, moves, seed, first, self.clip, adjust, conditions)

    def sample(self, denoise: Callable, x_T, **options):
        """The end of the walk; arguments as in `__call__`; returns x_0, a tensor like ``x_T``."""
        return last(self(denoise, x_T, **options)).x

    def _walk(self, denoise, x, table, moves, seed, first, clip, adjust, conditions) -> Iterator[Point]:
        x = checked_batch(x)
        noise = PictureNoise(tuple(x.shape), seed=seed, first=first)

        def walk(x):
            before = None
            for i, up_from in moves:
                if up_from is not None:
                    x, before = climb(x, table["alpha_bar"][i] / table["alpha_bar"][up_from], noise()), None
                    continue
                row = {name: float(column[i]) for name, column in table.items()}
                t = int(table["t"][i])
                said = denoise(x, ops.full((x.shape[0],), t, dtype="int32"), **conditions)
                prediction, s = self._read(ops.cast(said, "float32"), x, row)
                z = noise() if row["s"] else 0.0
                x, before = step(x, prediction, {**row, "s": s}, clip=clip, before=before, z=z)
                point = Point(x, before, t, row["alpha_bar_next"])
                if adjust is not None:
                    x = checked_batch(adjust(point))
                    if x.shape != point.x.shape:
                        raise ValueError(
                            f"`adjust` must return the shape of x, {tuple(point.x.shape)}. Received: {tuple(x.shape)}"
                        )
                    point = point._replace(x=x)
                yield point

        return walk(x)

    def _read(self, said, x, row):
        """Prediction and noise level s from what the network said; here it says nothing but its prediction."""
        expected, received = tuple(x.shape), tuple(said.shape)
        if received != expected:
            hint = ""
            if received[-1] == 2 * expected[-1]:
                hint = " The second half looks like a learned variance: only DDPMSampler(variance='learned') uses it."
            raise ValueError(
                f"`denoise` must return the shape of x, {expected}. Received: shape {received}.{hint}"
            )
        return said, row["s"]


def itinerary(count: int, skip: int = 0, resample: tuple[int, int] | None = None) -> list[tuple]:
    """The moves of a walk over a table of ``count`` rows: (row, None) is a step down.

    Args:
        count, skip, resample: as in `Sampler.__call__`.

    Returns:
        A list; (row, low) goes back up from the level of row ``low`` to that of ``row``. The finished picture is
        never made noisy again.

    Raises:
        ValueError: ``skip`` or ``resample`` out of range.
    """
    if isinstance(skip, bool) or not isinstance(skip, Integral) or not 0 <= skip < count:
        raise ValueError(
            f"`skip` must be an integer from 0 to {count - 1}, one less than the steps. Received: {skip!r}"
        )
    length, times = (count, 1) if resample is None else resample if np.shape(resample) == (2,) else (0, 0)
    if not all(isinstance(n, Integral) and n >= 1 for n in (length, times)):
        raise ValueError(f"`resample` must be (length, times), both 1 or more. Received: {resample!r}")
    begin = count - 1 - skip
    left = {low: times - 1 for low in range(0, begin + 1 - length, length)}
    moves, row = [], begin
    while row >= 0:
        moves.append((row, None))
        row -= 1
        if left.get(row, 0):  # x now lies at the level of this row
            left[row] -= 1
            moves.append((row + length, row))
            row += length
    return moves


def climb(x, ratio: float, z):
    """Back up to more noise: q(x_high | x_low), the forward process between two levels.

    Args:
        x: (B, ..., C), at the lower level.
        ratio: alpha_bar of the higher level over that of the lower one, 0 to 1.
        z: like ``x``, standard normal noise.

    Reference: Ho et al. 2020 (arXiv:2006.11239), equation 2, over several steps at once.
    """
    return float(np.sqrt(ratio)) * x + float(np.sqrt(1 - ratio)) * z


def last(points: Iterator[Point]) -> Point:
    """The last point of a walk; those before it are let go."""
    for point in points:  # noqa: B007  the last value is what is wanted
        pass
    return point


def checked_batch(x):
    """``x`` as a float32 tensor, if it is a batch.

    Raises:
        ValueError: fewer than two dimensions, or no picture.
    """
    x = ops.convert_to_tensor(x, dtype="float32")
    if len(x.shape) < 2 or not x.shape[0]:
        raise ValueError(f"`x` must be a batch, (B, ..., C), not empty. Received: x.shape={tuple(x.shape)}")
    return x


def checked_clip(clip) -> tuple[float, float] | None:
    """A range of values as two floats, or None for none.

    Raises:
        ValueError: it is neither.
    """
    if clip is None:
        return None
    if np.shape(clip) != (2,) or not clip[0] < clip[1]:
        raise ValueError(f"`clip` must be None or (lowest, highest). Received: clip={clip!r}")
    return float(clip[0]), float(clip[1])
