"""One guided step of Stable Diffusion at full size: the course's U-Net against that of diffusers on PyTorch.

Both have the same random weights and get the same latents (64 x 64 x 4) and texts, so that what they answer is compared
too. Each measurement is a process of its own, one at a time, since two of these networks may not fit into memory; they
take turns (A B B A). On a GPU each way of `--ways` is measured, on a CPU float32 alone.

Diffusers is no dependency of the course. Make an environment for it, and name its interpreter:

    python -m venv /tmp/theirs && /tmp/theirs/bin/pip install torch diffusers transformers safetensors numpy
    python benchmarks/stable_diffusion.py --python /tmp/theirs/bin/python

It wants 6 GB of memory and 3.5 GB of disk in `build/`, which it frees at the end. A run that was broken off goes on.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from common import record
from common.command_line import command_line

from diffusion_course.backend import device_report
from diffusion_course.course.paths import build_dir, course_root
from diffusion_course.course.writing import write_whole

HERE = Path(__file__).resolve().parent
# way -> dtype of weights and features, and whether XLA here and torch.compile there work on the whole network
WAYS = {
    "float32": ("float32", False),
    "bfloat16": ("bfloat16", False),
    "float32, compiled": ("float32", True),
    "bfloat16, compiled": ("bfloat16", True),
}
SIDES = {"course": "course_step.py", "diffusers": "diffusers_step.py"}


def run_side(side: str, job: dict, python: str) -> dict:
    """Runs one side's script with a job, and returns what it says.

    Raises:
        RuntimeError: it failed; the message is the end of what it wrote.
    """
    paths = {"course": [HERE, course_root() / "lib"], "diffusers": [HERE / "common"]}[side]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths)), "PYTHONSAFEPATH": "1"}
    command = [python, str(HERE / "common" / SIDES[side]), json.dumps(job)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{side} with {python} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def compared(measured: list[dict], way: str) -> dict:
    """Times, memory and answers of both sides in one way.

    Args:
        measured: of each process its side, its way and what it said, in order.
        way: which.

    Returns:
        Of each side the median of its steps; ours over theirs, in seconds for each turn and as a median, in CPU
        seconds, which other processes change less, and in memory; and ``largest_difference`` of the answers, as a share
        of the largest number.
    """
    of = {side: [m for m in measured if m["way"] == way and m["side"] == side] for side in SIDES}
    steps = {side: [statistics.median(m["seconds"]) for m in found] for side, found in of.items()}
    busy = {side: [statistics.median(m["cpu_seconds"]) for m in found] for side, found in of.items()}
    peaks = {side: [m["peak_memory_bytes"] for m in found] for side, found in of.items()}
    answers = {side: np.array(found[-1]["answer"]) for side, found in of.items()}
    gap = np.abs(answers["course"] - answers["diffusers"]).max() / np.abs(answers["diffusers"]).max()
    known = None not in peaks["course"] + peaks["diffusers"]
    return {
        "seconds_per_step": {side: statistics.median(values) for side, values in steps.items()},
        "time_ratios": [a / b for a, b in zip(steps["course"], steps["diffusers"], strict=True)],
        "cpu_seconds_ratio": statistics.median(busy["course"]) / statistics.median(busy["diffusers"]),
        "time_ratio": record.median_ratio(steps["course"], steps["diffusers"]),
        "first_step_s": {side: statistics.median(m["first_s"] for m in found) for side, found in of.items()},
        "loading_s": {side: statistics.median(m["loading_s"] for m in found) for side, found in of.items()},
        "peak_memory_gb": {side: max(values) / 1e9 for side, values in peaks.items()} if known else None,
        "memory_ratio": max(peaks["course"]) / max(peaks["diffusers"]) if known else None,
        "largest_difference": float(gap),
    }


def main(arguments: list[str] | None = None) -> dict:
    gpu = device_report()["gpu"]
    parser = command_line(__doc__, rounds=2, resumes=True)
    parser.add_argument("--python", default=sys.executable, help="interpreter that can import diffusers")
    parser.add_argument("--name", choices=("sd-1", "sd-2"), default="sd-1")
    parser.add_argument("--ways", nargs="*", choices=WAYS, default=list(WAYS) if gpu else ["float32"])
    parser.add_argument("--steps", type=int, default=50 if gpu else 2, help="measured in each process")
    parser.add_argument("--side", type=int, default=512, help="of the pictures, in pixels")
    parser.add_argument("--widths", nargs=4, type=int, help="of the network's levels, to try the script")
    options = parser.parse_args(arguments)
    if subprocess.run([options.python, "-c", "import diffusers, torch"], capture_output=True).returncode:
        print(__doc__.partition("\n\n")[2])
        return {}
    smaller = {"side": options.side} | ({"widths": options.widths} if options.widths else {})
    setting = [options.name, options.side, *(options.widths or ()), options.steps, options.seed]
    folder = build_dir() / "benchmarks" / "stable_diffusion" / "-".join(map(str, setting))
    state_file, weights = folder / "state.json", folder / "unet.safetensors"
    state = {"environment": record.environment(), "measured": [], "seconds": 0.0}
    if state_file.exists() and not options.fresh:
        state = json.loads(state_file.read_text(encoding="utf-8"))
    job = {"name": options.name, "weights": str(weights), "seed": options.seed, "smaller": smaller}
    job["steps"] = options.steps
    pythons = {"course": sys.executable, "diffusers": options.python}
    orders = [list(SIDES)[:: -1 if k % 2 else 1] for k in range(options.rounds)]
    turns = [(way, side) for way in options.ways for order in orders for side in order]
    done = [(m["way"], m["side"]) for m in state["measured"]]
    for turn in turns:
        if turn in done:
            done.remove(turn)
            continue
        began = time.monotonic()
        if not weights.exists():
            state["parameters"] = run_side("diffusers", {**job, "make": True}, options.python)["parameters"]
        way, side = turn
        dtype, compiled = WAYS[way]
        found = run_side(side, {**job, "dtype": dtype, "compiled": compiled}, pythons[side])
        state["measured"].append({"way": way, "side": side, **found})
        state["environment"]["versions"] |= found["versions"]
        state["seconds"] += time.monotonic() - began
        write_whole(state_file, json.dumps(state).encode())
        print(f"{way:20} {side:10} {statistics.median(found['seconds']):8.2f} s a step", flush=True)
    content = {
        "benchmark": "stable_diffusion",
        "what": f"One guided step (batch 2) of {options.name}'s U-Net with random weights, pictures of "
        f"{options.side} pixels",
        **state["environment"],
        "seed": options.seed,
        "rounds": options.rounds,
        "seconds": state["seconds"],
        "parameters": state["parameters"],
        "ways": {way: compared(state["measured"], way) for way in options.ways},
    }
    weights.unlink(missing_ok=True)
    title = f"stable_diffusion.{'gpu' if gpu else 'cpu'}"
    path = record.write(title, record.rounded(content), options.out)
    for way, found in content["ways"].items():
        memory = found["memory_ratio"]
        told = f", memory x {memory:.2f}" if memory else ""
        print(
            f"{way:20} time x {found['time_ratio']:.2f}{told}, answers differ by {found['largest_difference']:.1e}"
        )
    print(path)
    return content


if __name__ == "__main__":
    main()
