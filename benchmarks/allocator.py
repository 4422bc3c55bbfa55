"""What it costs to fetch each tensor's memory anew: training with malloc, and with TensorFlow's own allocator.

TensorFlow chooses when it starts, so every measurement is a process of its own.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from common import record
from common.command_line import command_line
from common.networks import RECOMMENDED
from common.operations import median

HERE, BATCH = Path(__file__).parent, 64
# name -> TF_CPU_ALLOCATOR_USE_BFC; the second is what importing the course sets
ALLOCATORS = {"malloc": "false", "kept": "true"}
TRAIN = """
import sys, time
from diffusion_course.backend import load_quietly
load_quietly()
from common import trials
steps = int(sys.argv[3])
trial = trials.prepare(sys.argv[1], batch_size=int(sys.argv[2]), seed=int(sys.argv[4]))
trial.train(steps)
began = time.perf_counter()
trial.train(steps)
print((time.perf_counter() - began) / steps)
"""


def seconds_per_step(allocator: str, steps: int, seed: int) -> float:
    """Trains in a new process: first as many steps unmeasured, then measured.

    Raises:
        subprocess.CalledProcessError: that process failed; its message stands on standard error.
    """
    done = subprocess.run(
        [sys.executable, "-c", TRAIN, RECOMMENDED, str(BATCH), str(steps), str(seed)],
        env=os.environ | {"TF_CPU_ALLOCATOR_USE_BFC": ALLOCATORS[allocator], "PYTHONPATH": str(HERE)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return float(done.stdout)


def main(arguments: list[str] | None = None) -> dict:
    parser = command_line(__doc__, rounds=3)
    parser.add_argument("--steps", type=int, default=30, help="training steps per measurement")
    options = parser.parse_args(arguments)
    began, environment = time.monotonic(), record.environment()
    seconds = {name: [] for name in ALLOCATORS}
    # A B B A, as `interleave`, which could not leave out the start of a process
    for k in range(options.rounds):
        for name in list(ALLOCATORS)[:: -1 if k % 2 else 1]:
            seconds[name].append(seconds_per_step(name, options.steps, options.seed))
    pictures = {name: BATCH / median(values) for name, values in seconds.items()}
    content = {
        "benchmark": "allocator",
        "what": f"training of {RECOMMENDED}'s network, batch {BATCH}, {options.steps} steps per measurement after as "
        "many unmeasured ones, each in a process of its own",
        **environment,
        "seed": options.seed,
        "rounds": options.rounds,
        "pictures_per_second": pictures,
        "ratio_to_malloc": record.median_ratio(seconds["malloc"], seconds["kept"]),
        "seconds": time.monotonic() - began,
    }
    print(record.write("allocator", record.rounded(content), options.out))
    return content


if __name__ == "__main__":
    main()
