"""How far to go beyond the strong network: the guidance scale that the course advises for each guide.

FID ratios over the scale, on the course's classifier with 96 features. They are chosen against training pictures, so
that whatever is then measured against test pictures is measured on pictures that had no say in the choice.
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
from diffusion_course.pipelines.unconditional import GUIDES, load_pipeline  # noqa: E402
from diffusion_course.recipes.base import TITLES, training_data  # noqa: E402
from diffusion_course.recipes.diffusion import CALLS, SPLITS  # noqa: E402

REAL = 10_000  # training pictures, as many as there are test pictures


def scan(dataset: str, options) -> dict:
    """FID ratio of each scale, and the best."""
    name = f"unet-{dataset}"
    weaker, advised = GUIDES[name]
    training, _ = training_data(dataset, "standard")
    chosen = np.random.default_rng(options.seed).choice(len(training), REAL, replace=False)
    ruler = Ruler(
        presets.load_pretrained(f"classifier-{dataset}"),
        training[chosen],
        samples=options.samples,
        splits=SPLITS,
    )
    pipeline, guide = load_pipeline(name), load_pipeline(weaker).network
    ratios = {}
    for scale in options.scales:
        led = replace(pipeline, guide=guide, guidance_scale=scale)
        steps = options.calls // led.calls_per_step
        ratios[scale] = ruler.fid(led.generate(options.samples, steps=steps, seed=options.seed)) / ruler.floor
        print(f"{name} led by {weaker}, w = {scale:g}: FID ratio {ratios[scale]:.2f}")
    best = min(ratios, key=ratios.get)
    return {
        "network": name,
        "guide": weaker,
        "advised": advised,
        "best": best,
        "floor": ruler.floor,
        "fid_ratio": {f"{scale:g}": ratio for scale, ratio in ratios.items()},
    }


def main(arguments: list[str] | None = None) -> dict:
    parser = command_line(__doc__)
    parser.add_argument("--datasets", nargs="*", choices=TITLES, default=["mnist", "fashion"])
    parser.add_argument("--scales", nargs="*", type=float, default=[1.5, 2.0, 2.5, 3.0, 4.0])
    parser.add_argument("--samples", type=int, default=1024, help="pictures per scale")
    parser.add_argument(
        "--calls", type=int, default=CALLS, help="network calls per picture, half of them the guide's"
    )
    options = parser.parse_args(arguments)
    began, environment = time.monotonic(), record.environment()
    keras.utils.set_random_seed(options.seed)
    content = {
        "benchmark": "guidance",
        "what": f"shipped weights, {options.samples} pictures per scale, {options.calls} network calls, recommended "
        f"sampler; reference {REAL:,} training pictures",
        **environment,
        "seed": options.seed,
        "guides": [scan(dataset, options) for dataset in options.datasets],
    }
    content["seconds"] = time.monotonic() - began
    print(record.write("guidance", record.rounded(content), options.out))
    return content


if __name__ == "__main__":
    main()
