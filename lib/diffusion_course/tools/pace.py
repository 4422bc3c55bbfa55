"""How fast this machine is: seconds that are promised for one processor mean little on another."""

import subprocess
import sys
import time

PRESET, BATCH, STEPS, ROUNDS = "unet-mnist", 16, 30, 5
# The same on the machine for which the chapters' times are stated, two cores of an AMD EPYC with AVX-512: "use" of
# this preset in benchmarks/results/models.tensorflow.cpu.json.
REFERENCE_MS = 13.0


def milliseconds_per_step() -> float:
    """One sampling step of a small U-Net, the fastest of some rounds: other programs can only slow it down."""
    from diffusion_course.backend import load_quietly

    load_quietly()
    import keras

    from diffusion_course.tools import trials

    trial, found = trials.prepare(PRESET, batch_size=BATCH), []
    for _ in range(1 + ROUNDS):  # the first one compiles
        began = time.perf_counter()
        keras.ops.convert_to_numpy(trial.use(STEPS))
        found.append(1000 * (time.perf_counter() - began) / STEPS)
    return min(found)


def slowness() -> float:
    """How many times longer this machine takes than the reference; 1 if it is as fast, or faster.

    It is measured in a process of its own, so that the caller's stays small.

    Raises:
        subprocess.CalledProcessError: that process failed; its message stands on standard error.
    """
    done = subprocess.run([sys.executable, "-m", __name__], stdout=subprocess.PIPE, text=True, check=True)
    return max(1.0, float(done.stdout) / REFERENCE_MS)


if __name__ == "__main__":
    print(milliseconds_per_step())
