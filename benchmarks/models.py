"""Does every preset run here, and how fast: one training step and one step of use, plain, with XLA, with bfloat16.

The backend is that of KERAS_BACKEND. For a network of diffusion "use" is a sampling step, for any other a call. The
first step, which traces and compiles, is stated apart. A run that was broken off goes on where it was (--fresh: anew).
"""

import json
import time

from diffusion_course.backend import device_report, load_quietly

load_quietly()

import keras  # noqa: E402
from common import record, trials  # noqa: E402
from common.command_line import command_line  # noqa: E402

from diffusion_course.models import presets  # noqa: E402

WAYS = {
    "plain": {},
    "xla": {"jit": True},
    "bfloat16": {"policy": "mixed_bfloat16"},
    "xla, bfloat16": {"jit": True, "policy": "mixed_bfloat16"},
}


def measure(name: str, way: str, batch_size: int, steps: int, seed: int) -> dict:
    """One entry of the table; a model that fails is a result too, with the reason."""
    keras.utils.clear_session(free_memory=True)
    try:
        trial = trials.prepare(name, batch_size=batch_size, seed=seed, **WAYS[way])
        training, use = trials.timed(trial.train, steps), trials.timed(trial.use, steps)
        if not (loss := trial.train(1)) < float("inf"):
            raise ArithmeticError(f"loss {loss}")
    except Exception as error:  # each backend has its own types
        return {"ok": False, "error": f"{type(error).__name__}: {error}".splitlines()[0][:300]}
    rates = {
        f"{what}_pictures_per_s": 1000 * batch_size / found["ms_per_step"]
        for what, found in (("training", training), ("use", use))
    }
    return {"ok": True, "training": training, "use": use, **rates}


def main(arguments: list[str] | None = None) -> dict:
    device = device_report()
    parser = command_line(__doc__, resumes=True)
    parser.add_argument("--names", nargs="*", default=list(presets.PRESETS), help="presets, by default all")
    parser.add_argument(
        "--ways",
        nargs="*",
        choices=WAYS,
        default=list(WAYS) if device["gpu"] else ["plain"],
        help="by default all on a GPU, and plain on a CPU",
    )
    parser.add_argument("--batch-size", type=int, default=64 if device["gpu"] else 16)
    parser.add_argument("--steps", type=int, default=100 if device["gpu"] else 30)
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in presets.PRESETS]
    if unknown:
        parser.error(f"a preset must be one of {', '.join(presets.PRESETS)}. Received: {unknown[0]}")
    title = f"models.{device['backend']}.{'gpu' if device['gpu'] else 'cpu'}"
    path = (options.out or record.results_dir()) / f"{title}.json"
    setting = {"batch_size": options.batch_size, "steps": options.steps, "seed": options.seed}
    content = {
        "benchmark": "models",
        **record.environment(),
        **setting,
        "seconds": 0.0,
        "results": {},
    }
    if path.exists() and not options.fresh:
        before = json.loads(path.read_text(encoding="utf-8"))
        same = ("batch_size", "steps", "seed", "hardware", "versions")
        if all(before[key] == content[key] for key in same):
            content = before
    for name in options.names:
        for way in options.ways:
            key = f"{name}, {way}"
            if content["results"].get(key, {}).get("ok"):
                continue
            began = time.monotonic()
            found = measure(name, way, options.batch_size, options.steps, options.seed)
            content["results"][key] = found
            content["seconds"] += time.monotonic() - began
            record.write(title, record.rounded(content), options.out)
            told = found.get("error") or ", ".join(
                f"{what} {found[what]['ms_per_step']:.1f} ms (first {found[what]['cold_start_s']:.1f} s)"
                for what in ("training", "use")
            )
            print(f"{key:48} {told}", flush=True)
    print(path)
    return content


if __name__ == "__main__":
    raise SystemExit(0 if all(found["ok"] for found in main()["results"].values()) else 1)
