"""The step that all samplers take, and its compiled forms: samplers of one denoiser share them.

What sets samplers apart are the numbers in their tables, which are arguments here. So DDIM with any eta above 0 and
DDPM with a fixed variance run the same graph, and a second sampler does not wait for the compiler again.
"""

from collections.abc import Callable

from keras import ops

from diffusion_course.backend import compile_function, stateless_normal

COLUMNS = ("c_x", "c_p", "a", "b", "s")
KEPT = 6  # denoisers whose compiled functions are kept; each holds on to its network and to its graphs

_kept: list[tuple[Callable, dict]] = []  # the last used comes last


def noise_from_table(output, x, row):
    """Prediction and noise level s of a network that returns nothing but its prediction.

    Args:
        output: what the network said.
        x: (B, ..., C).
        row: the step's numbers, in the order of ``COLUMNS``.

    Raises:
        ValueError: the output has not the shape of x.
    """
    expected, received = tuple(x.shape), tuple(output.shape)
    if len(received) != len(expected) or received[-1] != expected[-1]:
        hint = ""
        if received[-1] == 2 * expected[-1]:
            hint = " The second half looks like a learned variance: only DDPMSampler(variance='learned') uses it."
        raise ValueError(
            f"`denoise` must return the shape of x, {expected}. Received: shape {received}.{hint}"
        )
    return output, row[COLUMNS.index("s")]


def walking(
    denoise: Callable,
    name: str,
    *,
    split: Callable,
    noisy: bool,
    second_order: bool,
    compile: bool,
    jit: bool,
) -> Callable:
    """One step, or the whole loop, for a denoiser.

    Args:
        denoise: ``denoise(x, t)``.
        name: "step" or "loop".
        split: (output, x, row) -> prediction and noise level s, like `noise_from_table`.
        noisy: False for a walk in which every s is 0: then nothing is drawn, which takes time.
        second_order: True for rows with an m, right after ``COLUMNS``.
        compile, jit: as in `Sampler`; without ``compile`` only "step".

    Returns:
        step(x, last, row, number, bounds, seed) -> (x_prev, x0_hat) with ``last`` the x0_hat of the step before, or
        loop(x, rows, numbers, count, bounds, seed) -> x_0.
    """

    functions = _functions_of(denoise) if compile else {"denoise": denoise}
    if "denoise" not in functions:  # compiled by itself too: other walks do not trace the network again
        functions["denoise"] = compile_function(denoise, jit=False)

    def step(x, last, row, number, bounds, seed):
        t = ops.broadcast_to(ops.reshape(number[0], (1,)), (ops.shape(x)[0],))  # (B,)
        prediction, s = split(ops.cast(functions["denoise"](x, t), "float32"), x, row)
        c_x, c_p, a, b = (row[k] for k in range(4))
        x0_hat = ops.clip(c_x * x + c_p * prediction, bounds[0], bounds[1])
        ahead = x0_hat + row[len(COLUMNS)] * (x0_hat - last) if second_order else x0_hat
        x_prev = a * ahead + b * x
        if noisy:
            x_prev = x_prev + s * stateless_normal(ops.shape(x), seed, number[1])
        return ops.reshape(x_prev, ops.shape(x)), x0_hat

    def loop(x, rows, numbers, count, bounds, seed):
        def body(k, walked):
            return step(*walked, ops.take(rows, k, axis=0), ops.take(numbers, k, axis=0), bounds, seed)

        return ops.fori_loop(0, count, body, (x, ops.zeros_like(x)))[0]

    if not compile:
        return step
    key = (name, split, noisy, second_order, jit)
    if key not in functions:
        functions[key] = compile_function(step if name == "step" else loop, jit=jit)
    return functions[key]


def _functions_of(denoise: Callable) -> dict:
    """Compiled functions of one denoiser; compared by identity, so a new lambda is compiled anew.

    What a denoiser reads besides its arguments must be Keras variables: a Python number is frozen at its first use,
    for all samplers.
    """
    entry = next((entry for entry in _kept if entry[0] is denoise), (denoise, {}))
    _kept[:] = [*(other for other in _kept if other[0] is not denoise), entry][-KEPT:]
    return entry[1]
