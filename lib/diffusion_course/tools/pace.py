"""How fast this machine is: seconds that are promised for one processor mean little on another."""

import subprocess
import sys

PRESET, BATCH, STEPS = "unet-fashion", 16, 30
# One step of training and one of sampling, as benchmarks/models.py found them on the machine for which the chapters'
# times are stated, two cores of an AMD EPYC.
REFERENCE_MS = 56.4


def milliseconds_per_step() -> float:
    """One step of training and one of sampling together, of a small U-Net in this process."""
    from diffusion_course.backend import load_quietly

    load_quietly()
    from diffusion_course.tools import trials

    trial = trials.prepare(PRESET, batch_size=BATCH)
    return sum(trials.timed(step, STEPS)["ms_per_step"] for step in (trial.train, trial.use))


def slowness() -> float:
    """How many times longer this machine takes than the reference; 1 if it is as fast, or faster.

    It is measured in a process of its own, so that the caller's stays small.

    Raises:
        subprocess.CalledProcessError: that process failed; its message stands on standard error.
    """
    done = subprocess.run([sys.executable, "-m", __name__], stdout=subprocess.PIPE, text=True, check=True)
    return against_reference(float(done.stdout))


def against_reference(milliseconds: float) -> float:
    """``milliseconds`` of a step over the reference's, at least 1: nobody is held to more than is promised."""
    return max(1.0, milliseconds / REFERENCE_MS)


if __name__ == "__main__":
    print(milliseconds_per_step())
