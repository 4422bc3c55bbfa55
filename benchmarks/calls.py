"""Does a walk over all thousand levels draw better pictures than one over a few? The same network and noises each time.

FID depends on the number of pictures, and a thousand calls of many pictures take long, so the set is small: its
numbers compare with each other alone. A result of the same settings that lies there already is completed.
"""

import json
import time
from pathlib import Path

from diffusion_course.backend import load_quietly

load_quietly()

import numpy as np  # noqa: E402
from common import record  # noqa: E402
from common.command_line import command_line  # noqa: E402

from diffusion_course.metrics.generation import Ruler  # noqa: E402
from diffusion_course.models import presets  # noqa: E402
from diffusion_course.pipelines.diffusion import load_pipeline  # noqa: E402
from diffusion_course.recipes.base import TITLES, test_data  # noqa: E402
from diffusion_course.samplers.ddim import DDIMSampler  # noqa: E402

ETAS = {"η = 1, DDPM": 1.0, "η = 0, DDIM": 0.0}


def main(arguments: list[str] | None = None) -> dict:
    parser = command_line(__doc__)
    parser.add_argument("--dataset", choices=TITLES, default="mnist")
    parser.add_argument("--calls", nargs="*", type=int, default=[10, 20, 50, 1000])
    parser.add_argument("--samplers", nargs="*", choices=ETAS, default=list(ETAS))
    parser.add_argument("--samples", type=int, default=256, help="pictures that are judged")
    options = parser.parse_args(arguments)
    began = time.monotonic()
    pipeline = load_pipeline(f"unet-{options.dataset}")
    ruler = Ruler(
        presets.load_pretrained(f"classifier-{options.dataset}"),
        test_data(options.dataset)[0],
        samples=options.samples,
        splits=64,
    )
    what = (
        f"{TITLES[options.dataset]}, shipped weights, {options.samples} pictures of each kind; sure: the classifier "
        "gives a class 0.9 or more"
    )
    path = Path(options.out or record.results_dir()) / "calls.json"
    content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if content.get("what") != what:
        content = {"benchmark": "calls", "what": what, **record.environment(), "seconds": 0.0}
        content |= {"seed": options.seed, "samples": options.samples, "runs": []}
    content |= record.rounded({"floor": ruler.floor, "floor_spread": ruler.floor_spread})
    done = {(run["sampler"], run["calls"]) for run in content["runs"]}
    for name in options.samplers:
        for calls in sorted(set(options.calls) - {n for sampler, n in done if sampler == name}):
            sampler, started = pipeline.sampler(DDIMSampler, eta=ETAS[name]), time.monotonic()
            pictures = pipeline.generate(
                options.samples, steps=calls, sampler=sampler, seed=options.seed, batch_size=options.samples
            )
            sure = ruler.classifier.probabilities(pictures).max(axis=1) >= 0.9
            run = {
                "sampler": name,
                "calls": calls,
                "fid": ruler.fid(pictures),
                "sure_share": float(np.mean(sure)),
                "seconds": time.monotonic() - started,
            }
            content["runs"] = sorted(
                [*content["runs"], record.rounded(run)],
                key=lambda r: (list(ETAS).index(r["sampler"]), r["calls"]),
            )
            print(
                f"{name} {calls:5} calls: FID ratio {run['fid'] / ruler.floor:.2f}, {run['seconds']:.0f} s",
                flush=True,
            )
            content["seconds"] += time.monotonic() - began
            began = time.monotonic()
            record.write("calls", record.rounded(content), options.out)
    return content


if __name__ == "__main__":
    main()
