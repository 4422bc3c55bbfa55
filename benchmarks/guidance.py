"""Which sampler, and how far to go beyond the strong network: what the course advises.

FID ratios of samplers and guidance scales, on the course's classifier with 96 features. They are chosen against
training pictures, so that whatever is then measured against test pictures is measured on pictures that had no say in
the choice.
"""

import time
from dataclasses import replace

from diffusion_course.backend import load_quietly

load_quietly()

import keras  # noqa: E402
import numpy as np  # noqa: E402
from common import record  # noqa: E402
from common.command_line import command_line  # noqa: E402

from diffusion_course.metrics.generation import Ruler  # noqa: E402
from diffusion_course.models import presets  # noqa: E402
from diffusion_course.pipelines.diffusion import load_pipeline  # noqa: E402
from diffusion_course.recipes.base import TITLES, training_data  # noqa: E402
from diffusion_course.recipes.diffusion import CALLS, SPLITS  # noqa: E402
from diffusion_course.samplers.ddim import DDIMSampler  # noqa: E402
from diffusion_course.samplers.dpm_solver import DPMSolverSampler  # noqa: E402

REAL = 10_000  # training pictures, as many as there are test pictures
SAMPLERS = {
    "DDIM, eta 1": (DDIMSampler, 1.0),
    "DPM-Solver++, eta 0": (DPMSolverSampler, 0.0),
    "DPM-Solver++, eta 1": (DPMSolverSampler, 1.0),
}


def scan(dataset: str, options) -> dict:
    """FID ratio of each sampler with each scale; the same network calls per picture for all."""
    name = f"unet-{dataset}"
    weaker, _ = presets.PRESETS[name].guide
    training, _ = training_data(dataset, "standard")
    chosen = np.random.default_rng(options.seed).choice(len(training), REAL, replace=False)
    ruler = Ruler(
        presets.load_pretrained(f"classifier-{dataset}"),
        training[chosen],
        samples=options.samples,
        splits=SPLITS,
    )
    pipeline, guide = load_pipeline(name), load_pipeline(weaker).network
    ratios = {which: {} for which in options.samplers}
    for scale in options.scales:
        led = pipeline if scale == 1 else replace(pipeline, guide=guide, guidance_scale=scale)
        steps = options.calls // led.calls_per_step
        for which in options.samplers:
            kind, eta = SAMPLERS[which]
            sampler = kind(pipeline.schedule, prediction=pipeline.prediction, eta=eta)
            made = led.generate(options.samples, steps=steps, seed=options.seed, sampler=sampler)
            ratios[which][scale] = ruler.fid(made) / ruler.floor
            print(f"{name}, {which}, w = {scale:g}: FID ratio {ratios[which][scale]:.2f}")
    return {"network": name, "guide": weaker, "floor": ruler.floor, "fid_ratio": ratios}


def advice(guides: list[dict], samplers: list[str]) -> dict:
    """The sampler with the lowest ratios, as the geometric mean over networks of its best scale, and these scales."""
    best = {
        which: {
            entry["network"]: min(entry["fid_ratio"][which].items(), key=lambda item: item[1])
            for entry in guides
        }
        for which in samplers
    }
    mean = {which: float(np.exp(np.mean([np.log(r) for _, r in best[which].values()]))) for which in samplers}
    sampler = min(mean, key=mean.get)
    scales = {network: scale for network, (scale, _) in best[sampler].items()}
    return {"fid_ratio_of_samplers": mean, "sampler": sampler, "guidance_scales": scales}


def main(arguments: list[str] | None = None) -> dict:
    parser = command_line(__doc__)
    parser.add_argument("--datasets", nargs="*", choices=TITLES, default=["mnist", "fashion"])
    parser.add_argument("--samplers", nargs="*", choices=SAMPLERS, default=list(SAMPLERS))
    parser.add_argument(
        "--scales", nargs="*", type=float, default=[1.0, 1.5, 2.0, 2.5, 3.0], help="1 is without the guide"
    )
    parser.add_argument("--samples", type=int, default=1024, help="pictures per sampler and scale")
    parser.add_argument(
        "--calls",
        type=int,
        default=CALLS,
        help="network calls per picture, with a guide half of them the guide's",
    )
    options = parser.parse_args(arguments)
    began, environment = time.monotonic(), record.environment()
    keras.utils.set_random_seed(options.seed)
    guides = [scan(dataset, options) for dataset in options.datasets]
    content = {
        "benchmark": "guidance",
        "what": f"shipped weights, {options.samples} pictures per sampler and guidance scale, {options.calls} network "
        f"calls; scale 1 is without a guide, with as many calls; reference {REAL:,} training pictures",
        **environment,
        "seed": options.seed,
        "guides": guides,
        "advice": advice(guides, options.samplers),
    }
    content["seconds"] = time.monotonic() - began
    print(record.write("guidance", record.rounded(content), options.out))
    return content


if __name__ == "__main__":
    main()
