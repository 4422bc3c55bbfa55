"""How fast this machine is: seconds that are promised for one processor mean little on another."""

import subprocess
import sys
import time

# Multiply-adds per second of a float32 matrix product, on the two cores for which times are stated.
REFERENCE_RATE = 190e9


def matrix_rate(size: int = 1536, repeats: int = 5) -> float:
    """Multiply-adds per second of a large float32 matrix product: the most that this machine does, now.

    Args:
        size: of the square matrices.
        repeats: the best of so many counts, because other programs can only slow it down.
    """
    import numpy as np
    from keras import ops

    from diffusion_course.backend import compile_function

    a = ops.convert_to_tensor(np.random.default_rng(0).standard_normal((size, size)).astype("float32"))
    product = compile_function(lambda a: ops.matmul(a, a), jit=False)
    seconds = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        ops.convert_to_numpy(product(a)[0, 0])  # the value is there, so the product is done
        seconds.append(time.perf_counter() - began)
    return size**3 / min(seconds[1:])


def measured_rate() -> float:
    """`matrix_rate` in a process of its own, so that the caller's stays small.

    Raises:
        subprocess.CalledProcessError: that process failed; its message stands on standard error.
    """
    done = subprocess.run([sys.executable, "-m", __name__], stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout)


def slowness(rate: float) -> float:
    """How many times longer than the reference a machine takes; 1 if it is as fast, or faster.

    Args:
        rate: multiply-adds per second, as `matrix_rate` measures them.
    """
    return max(1.0, REFERENCE_RATE / rate)


if __name__ == "__main__":
    from diffusion_course.backend import load_quietly

    load_quietly()
    print(matrix_rate())
