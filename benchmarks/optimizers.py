"""Adam or Muon, and which steps to train on: the course's U-Net from scratch, equally many steps each way.

Each way trains the same network from the same start, on the same pictures in the same order, with the learning rate
that `train_diffusion` has for its optimizer. FID is against training pictures, so that a choice that follows from it
leaves the test pictures untouched; the test loss weighs all steps alike, whichever a way has trained on.
"""

import time

from diffusion_course.backend import load_quietly

load_quietly()

import keras  # noqa: E402
import numpy as np  # noqa: E402
from common import record  # noqa: E402
from common.command_line import command_line  # noqa: E402
from common.networks import NETWORKS, described  # noqa: E402
from common.step_times import StepTimes  # noqa: E402

from diffusion_course.metrics.generation import Ruler  # noqa: E402
from diffusion_course.models import presets  # noqa: E402
from diffusion_course.pipelines.diffusion import RECOMMENDED_ETA, RECOMMENDED_SAMPLER, pipeline_for  # noqa: E402
from diffusion_course.recipes.base import TITLES, training_data  # noqa: E402
from diffusion_course.recipes.diffusion import test_loss  # noqa: E402
from diffusion_course.training.diffusion import DiffusionTrainer, train_diffusion  # noqa: E402

REAL = 10_000  # training pictures that the ruler holds
WAYS = {  # name -> optimizer, and focus: mean and deviation of the log-SNR
    "Adam": ("adam", None),
    "Muon": ("muon", None),
    "Muon, focus (0, 2)": ("muon", (0.0, 2.0)),
    "Muon, focus (-0.5, 1.5)": ("muon", (-0.5, 1.5)),
    "Muon, focus (-0.5, 1)": ("muon", (-0.5, 1.0)),
    "Muon, focus (-1, 1.5)": ("muon", (-1.0, 1.5)),
}


def measure(way: str, x, ruler: Ruler, options) -> dict:
    """Trains one way; returns how long a step took, and the loss and FID ratio that came of it."""
    optimizer, focus = WAYS[way]
    keras.utils.set_random_seed(options.seed)
    network, name, times = NETWORKS["recommended"](), f"unet-{options.dataset}", StepTimes()
    pipeline = pipeline_for(name, network)
    train_diffusion(
        DiffusionTrainer(
            network, pipeline.schedule, prediction=pipeline.prediction, focus=focus, seed=options.seed
        ),
        x,
        steps=options.steps,
        optimizer=optimizer,
        warmup=options.steps // 10,
        ema=0.99,
        callbacks=[times],
    )
    pictures = pipeline.generate(options.samples, steps=options.calls, seed=options.seed)
    found = {
        "optimizer": optimizer,
        "focus": focus,
        "ms_per_step": 1000 * float(np.median(times.steps[1:])),
        "test_loss": test_loss(network, name),
        "fid_ratio": ruler.fid(pictures) / ruler.floor,
    }
    print(
        f"{way:24} {found['ms_per_step']:6.0f} ms per step  test loss {found['test_loss']:.4f}  "
        f"FID ratio {found['fid_ratio']:.2f}",
        flush=True,
    )
    return found


def main(arguments: list[str] | None = None) -> dict:
    parser = command_line(__doc__)
    parser.add_argument("--dataset", choices=TITLES, default="mnist")
    parser.add_argument("--ways", nargs="*", choices=WAYS, default=list(WAYS))
    parser.add_argument("--steps", type=int, default=1_000, help="of training, each way")
    parser.add_argument("--samples", type=int, default=1_024, help="pictures that FID is measured on")
    parser.add_argument("--calls", type=int, default=25, help="of the network, per picture")
    options = parser.parse_args(arguments)
    began, environment = time.monotonic(), record.environment()
    pictures, _ = training_data(options.dataset, "standard")
    kept = np.random.default_rng(options.seed).permutation(len(pictures))[:REAL]
    ruler = Ruler(
        presets.load_pretrained(f"classifier-{options.dataset}"), pictures[kept], samples=options.samples
    )
    content = {
        "benchmark": "optimizers",
        "what": f"{TITLES[options.dataset]}, {options.steps} steps of 64 pictures each way; FID ratio of "
        f"{options.samples} pictures, {options.calls} calls of {RECOMMENDED_SAMPLER.__name__} with eta = "
        f"{RECOMMENDED_ETA:g}, no guide; reference {REAL:,} training pictures",
        **environment,
        "seed": options.seed,
        "network": described(NETWORKS["recommended"]()),
        "ways": {way: measure(way, 2 * pictures - 1, ruler, options) for way in options.ways},
        "seconds": time.monotonic() - began,
    }
    print(record.write("optimizers", record.rounded(content), options.out))
    return content


if __name__ == "__main__":
    main()
