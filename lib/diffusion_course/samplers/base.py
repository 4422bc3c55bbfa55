"""What all samplers share: one linear step, and three ways of running it.

One step goes from x_t to x_prev, the step before in the sampler's schedule:

    x0_hat = clip(c_x x_t + c_p prediction)        what the network takes the clean picture to be
    x_prev = a x0_hat + b x_t + s z                z is standard normal noise

So a sampler is a table with a row of five numbers per step. `DDPMSampler` and `DDIMSampler` differ in a, b and s. With
a sixth, m, it looks ahead: x0_hat + m (x0_hat - x0_hat of the step before) takes the place of x0_hat in x_prev.
"""

from collections.abc import Callable, Iterator
from numbers import Integral

import numpy as np
from keras import ops

from diffusion_course.prediction import check_prediction, x0_weights
from diffusion_course.samplers.walk import noise_from_table, walking
from diffusion_course.schedules import NoiseSchedule


class Sampler:
    """The loop from noise to a picture; subclasses say in `coefficients` which step it takes.

    Args:
        schedule: the NoiseSchedule that the network was trained with.
        prediction: what the network returns: "noise", "x0" or "velocity".
        clip: (lowest, highest) value of x0_hat, the range of the training data; None leaves it as it is.
        compile: False runs plain Python, op by op: slow, but a debugger can stop in it, and ``denoise`` may do what
            it likes. The numbers are the same.
        jit: True has TensorFlow use XLA, which is meant for GPUs above all; `benchmarks/models.py --ways plain xla`
            measures whether it pays off on your machine.

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
        compile: bool = True,
        jit: bool = False,
    ):
        self.schedule, self.prediction = schedule, check_prediction(prediction)
        self.clip = checked_clip(clip)
        self._compile, self._jit = compile, jit
        self._split = noise_from_table

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
            ``c_p``, ``a``, ``b``, ``s`` as in this module's first lines, and what a subclass adds.
        """
        schedule = self.schedule if steps is None else self.schedule.respace(steps)
        c_x, c_p = x0_weights(self.prediction, schedule.signal, schedule.sigma)
        return {"t": schedule.timesteps, "c_x": c_x, "c_p": c_p, **self.coefficients(schedule)}

    def __call__(self, denoise: Callable, x_T, *, steps=None, seed: int = 0) -> Iterator[tuple]:
        """Walks from noise to a picture, and shows each point on the way.

        Args:
            denoise: ``denoise(x, t)`` with x (B, ..., C) float32 and t (B,) int32 gives the prediction.
            x_T: (B, ..., C), standard normal noise to begin with.
            steps: as in `table`.
            seed: 0 to 2**31 - 1, for the noise that the steps add. Step i adds the same noise in each way of running.

        Yields:
            (x, x0_hat) after each step, both like ``x_T``. The last x is the picture.

        Raises:
            ValueError: an argument or the network's output breaks these rules.
        """
        return self._walk(denoise, *self._prepared(x_T, self._downwards(steps), seed, self.clip))

    def sample(self, denoise: Callable, x_T, *, steps=None, seed: int = 0):
        """The same walk without the film: one compiled loop, which is the fastest way to a picture.

        Args:
            denoise, x_T, steps, seed: as in `__call__`.

        Returns:
            x_0, a tensor like ``x_T``.
        """
        return self._run(denoise, *self._prepared(x_T, self._downwards(steps), seed, self.clip))

    def _downwards(self, steps) -> dict[str, np.ndarray]:
        """The table in the order of execution, with the number of each step."""
        table = self.table(steps)
        numbered = {**table, "step": np.arange(len(table["t"]))}
        return {name: column[::-1] for name, column in numbered.items()}

    def _prepared(self, x, walk: dict[str, np.ndarray], seed: int, clip):
        """Checked arguments as tensors: rows and numbers of all steps, what else a step needs, the picture."""
        if isinstance(seed, bool) or not isinstance(seed, Integral) or not 0 <= seed < 2**31:
            raise ValueError(f"`seed` must be an integer from 0 to 2**31 - 1. Received: seed={seed!r}")
        x = ops.convert_to_tensor(x, dtype="float32")
        if len(x.shape) < 2:
            raise ValueError(f"`x` must be a batch, (B, ..., C). Received: x.shape={tuple(x.shape)}")
        count = len(walk["t"])
        # Filled up to the schedule's length: a shape that depended on `steps` would be traced again for each.
        fill = ((0, len(self.schedule) - count), (0, 0))
        columns = [walk[name] for name in walk if name not in ("t", "step")]
        rows = np.pad(np.stack(columns, axis=1), fill).astype("float32")  # (T, columns)
        numbers = np.pad(np.stack([walk["t"], walk["step"]], axis=1), fill).astype("int32")  # (T, 2)
        bounds = np.array((-np.inf, np.inf) if clip is None else clip, "float32")
        fixed = (ops.convert_to_tensor(bounds), ops.convert_to_tensor(seed, dtype="int32"))
        kind = {"noisy": bool(np.any(walk["s"])), "second_order": "m" in walk}
        return x, ops.convert_to_tensor(rows), ops.convert_to_tensor(numbers), count, fixed, kind

    def _walk(self, denoise, x, rows, numbers, count, fixed, kind):
        step = self._walking(denoise, "step", kind)
        x0_hat = ops.zeros_like(x)  # of the step before the first: no table asks for it
        for k in range(count):
            x, x0_hat = step(x, x0_hat, rows[k], numbers[k], *fixed)
            yield x, x0_hat

    def _run(self, denoise, x, rows, numbers, count, fixed, kind):
        if not self._compile:
            *_, (x, _) = self._walk(denoise, x, rows, numbers, count, fixed, kind)
            return x
        loop = self._walking(denoise, "loop", kind)
        return loop(x, rows, numbers, ops.convert_to_tensor(count, dtype="int32"), *fixed)

    def _walking(self, denoise, name: str, kind: dict[str, bool]) -> Callable:
        return walking(denoise, name, split=self._split, **kind, compile=self._compile, jit=self._jit)


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
