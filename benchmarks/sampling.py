"""How fast noise becomes pictures: 16 MNIST-shaped pictures, 500 ancestral steps, against the tutorials' loop.

The seconds of one step do not depend on the weights, so the timed networks are untrained. What few calls cost in
quality is measured with the weights that come with the course: FID after 500 ancestral steps and after 50 calls.
"""

import time

from diffusion_course.backend import load_quietly

load_quietly()

import keras  # noqa: E402
import numpy as np  # noqa: E402
from common import record  # noqa: E402
from common.command_line import command_line  # noqa: E402
from common.interleave import interleave  # noqa: E402
from common.networks import NETWORKS, RECOMMENDED, described  # noqa: E402
from common.operations import median  # noqa: E402
from common.tutorial import TutorialDiffusion  # noqa: E402

from diffusion_course.metrics.generation import Ruler  # noqa: E402
from diffusion_course.models import presets  # noqa: E402
from diffusion_course.models.denoiser import Denoiser  # noqa: E402
from diffusion_course.models.guidance import classifier_free, guided  # noqa: E402
from diffusion_course.pipelines.diffusion import RECOMMENDED_ETA, RECOMMENDED_SAMPLER, load_pipeline  # noqa: E402
from diffusion_course.recipes.base import test_data  # noqa: E402
from diffusion_course.samplers.ddpm import DDPMSampler  # noqa: E402
from diffusion_course.schedules import NoiseSchedule  # noqa: E402

SHAPE = (16, 28, 28, 1)
STEPS, CALLS = 500, 50
BEST = "50 calls, recommended network with a guide"
CLASSES = 10


def wait(x) -> None:
    keras.ops.convert_to_numpy(x)


def ways(networks: dict, eager_steps: int, seed: int) -> dict:
    """name -> function that takes some steps and returns how many."""
    schedule = NoiseSchedule.linear(STEPS)
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal(SHAPE).astype("float32")
    tutorial, ddpm = TutorialDiffusion(schedule), DDPMSampler(schedule)
    advised = RECOMMENDED_SAMPLER(schedule, eta=RECOMMENDED_ETA)
    denoise = {name: Denoiser(network) for name, network in networks.items()}
    weaker = NETWORKS["recommended"]()  # a second network of the same size
    denoise["guided"] = Denoiser(networks["recommended"], guide=weaker, guidance_scale=2.0)
    # The same guidance twice, by a network that knows classes: both halves in one call, or one after the other.
    classes, none = rng.integers(0, CLASSES, SHAPE[0]), np.full(SHAPE[0], CLASSES)
    label = Denoiser(networks["labelled"])
    denoise["one call"] = classifier_free(label, {"label": CLASSES}, 2.0)
    denoise["two calls"] = guided(
        lambda x, t: label(x, t, label=classes), lambda x, t: label(x, t, label=none), 2.0
    )

    def eager():
        return len(tutorial.sample(networks["tutorial"], SHAPE, eager_steps))

    def walk(sampler, name, steps, **conditions):
        def run():
            wait(sampler.sample(denoise[name], noise, steps=steps, **conditions))
            return steps

        return run

    return {
        "tutorial": eager,
        "course": walk(ddpm, "tutorial", eager_steps),
        "50 calls": walk(advised, "tutorial", CALLS),
        "50 calls, recommended network": walk(advised, "recommended", CALLS),
        BEST: walk(advised, "guided", CALLS // 2),
        "two calls": walk(advised, "two calls", CALLS // 2),
        "one call": walk(advised, "one call", CALLS // 2, label=classes),
    }


def quality(samples: int, seed: int) -> dict[str, float]:
    """FID of one trained network's pictures, after all ancestral steps and after few calls, from the same noise."""
    pipeline = load_pipeline(RECOMMENDED)
    ruler = Ruler(presets.load_pretrained("classifier-mnist"), test_data("mnist")[0], samples=samples)
    ancestral = DDPMSampler(pipeline.schedule, prediction=pipeline.prediction)
    many = pipeline.generate(samples, steps=STEPS, seed=seed, sampler=ancestral)
    few = pipeline.generate(samples, steps=CALLS, seed=seed)
    led = load_pipeline(RECOMMENDED, guide=True).generate(samples, steps=CALLS // 2, seed=seed)
    return {
        "ancestral": ruler.fid(many),
        "few_calls": ruler.fid(few),
        "recommended": ruler.fid(led),
        "floor": ruler.floor,
    }


def main(arguments: list[str] | None = None) -> dict:
    parser = command_line(__doc__, rounds=5)
    parser.add_argument(
        "--eager-steps", type=int, default=25, help="ancestral steps per measurement, of the 500"
    )
    parser.add_argument("--samples", type=int, default=512, help="pictures that FID is measured on")
    options = parser.parse_args(arguments)
    began, environment = time.monotonic(), record.environment()
    keras.utils.set_random_seed(options.seed)
    networks = {name: build() for name, build in NETWORKS.items()}
    seconds = interleave(ways(networks, options.eager_steps, options.seed), options.rounds)
    calls = {name: CALLS if name.startswith("50 calls") else STEPS for name in seconds}
    calls |= dict.fromkeys((BEST, "two calls", "one call"), CALLS // 2)  # steps, of two calls each
    ratios = {
        name: record.median_ratio(
            [s * STEPS for s in seconds["tutorial"]], [s * calls[name] for s in seconds[name]]
        )
        for name in seconds
        if name != "tutorial"
    }
    step = {name: median(values) for name, values in seconds.items()}
    whole = {name: step[name] * calls[name] for name in step}
    fid = quality(options.samples, options.seed)
    content = {
        "benchmark": "sampling",
        "what": f"{SHAPE[0]} pictures of 28 x 28 x 1; the walk of {STEPS} ancestral steps is measured on "
        f"{options.eager_steps} of them and scaled, the {CALLS} calls of {RECOMMENDED_SAMPLER.__name__} with "
        f"eta = {RECOMMENDED_ETA:g} are measured whole",
        **environment,
        "seed": options.seed,
        "rounds": options.rounds,
        "networks": {name: described(network) for name, network in networks.items()},
        "seconds_per_step": step,
        "seconds_in_all": whole,
        "ratios_to_tutorial": ratios,
        "guidance_one_call_over_two": record.median_ratio(seconds["two calls"], seconds["one call"]),
        "fid_of_shipped_weights": {"samples": options.samples, **fid},
        "seconds": time.monotonic() - began,
        "rows": [
            {
                "what": f"16 pictures, {STEPS} steps, same network and weights",
                "tutorial": whole["tutorial"],
                "course": whole["course"],
                "unit": "s",
                "ratio": ratios["course"],
            },
            {
                "what": f"16 pictures, as the course advises: its network, sampler and guide, {CALLS} calls "
                f"(FID of {options.samples} pictures {fid['recommended']:.2f}; the same weights after {STEPS} "
                f"ancestral steps: {fid['ancestral']:.2f})",
                "tutorial": whole["tutorial"],
                "course": whole[BEST],
                "unit": "s",
                "ratio": ratios[BEST],
            },
        ],
    }
    path = record.write("sampling", record.rounded(content), options.out)
    for name in seconds:
        print(
            f"{name:28} {step[name] * 1000:8.1f} ms per step {whole[name]:8.2f} s  {ratios.get(name, 1):6.1f} x"
        )
    print(path)
    return content


if __name__ == "__main__":
    main()
