"""Which network? A ResNet, a U-Net, and the U-Net without one of its parts, all trained in one way (chapter 07).

Schedule, prediction, optimizer, focus, steps, pictures and their order are the same for all; only the network differs,
and the ResNet has as many parameters as the U-Net. Each way is trained from several seeds, so that a difference can be
held against the spread. A result of the same settings that lies there already is completed, not measured again.
"""

import json
import time
from pathlib import Path

from diffusion_course.backend import load_quietly

load_quietly()

import keras  # noqa: E402
import numpy as np  # noqa: E402
from common import record  # noqa: E402
from common.command_line import command_line  # noqa: E402

from diffusion_course.datasets.images import load_mnist  # noqa: E402
from diffusion_course.metrics.generation import Ruler  # noqa: E402
from diffusion_course.models import presets  # noqa: E402
from diffusion_course.models.resnet_denoiser import ResNetDenoiser  # noqa: E402
from diffusion_course.models.unet import UNet  # noqa: E402
from diffusion_course.pipelines.diffusion import pipeline_for  # noqa: E402
from diffusion_course.recipes.diffusion import FOCUS, test_loss  # noqa: E402
from diffusion_course.training.diffusion import DiffusionTrainer, train_diffusion  # noqa: E402

NAME = "unet-mnist-muon"  # whose schedule, prediction, optimizer and focus all ways share
SMALL = {"fold": 2, "widths": (16, 32), "num_res_blocks": 1}
WAYS = {
    "U-Net": lambda: UNet(**SMALL),
    "U-Net without bridges": lambda: UNet(**SMALL, skips=False),
    "U-Net without attention": lambda: UNet(**SMALL, middle_attention=False),
    "ResNet": lambda: ResNetDenoiser(fold=2, width=40, blocks=5, embedding_units=64),
}


def measure(way: str, seed: int, x, ruler: Ruler, options) -> dict:
    """Trains one way from one seed; what came of it."""
    keras.utils.set_random_seed(seed)
    network = WAYS[way]()
    pipeline, began = pipeline_for(NAME, network), time.perf_counter()
    trainer = DiffusionTrainer(
        network, pipeline.schedule, prediction=pipeline.prediction, focus=FOCUS, seed=seed
    )
    train_diffusion(
        trainer, x, steps=options.steps, optimizer="muon", warmup=options.steps // 10, ema=0.99, verbose=0
    )
    seconds = time.perf_counter() - began
    pictures = pipeline.generate(options.samples, steps=options.calls, seed=seed, batch_size=128)
    sure = ruler.classifier.probabilities(pictures).max(axis=1) >= 0.9
    found = {
        "way": way,
        "seed": seed,
        "parameters": network.count_params(),
        "seconds": seconds,
        "test_loss": test_loss(network, NAME),
        "fid_ratio": ruler.fid(pictures) / ruler.floor,
        "sure_share": float(np.mean(sure)),
    }
    print(
        f"{way:24} seed {seed}: {seconds:4.0f} s  test loss {found['test_loss']:.4f}  "
        f"FID ratio {found['fid_ratio']:.1f}  sure {found['sure_share']:.2f}",
        flush=True,
    )
    return found


def main(arguments: list[str] | None = None) -> dict:
    parser = command_line(__doc__)
    parser.add_argument("--ways", nargs="*", choices=WAYS, default=list(WAYS))
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1])
    parser.add_argument("--steps", type=int, default=600, help="of training, each way")
    parser.add_argument("--samples", type=int, default=512, help="pictures that are judged")
    parser.add_argument("--calls", type=int, default=25, help="of the network, per picture")
    options = parser.parse_args(arguments)
    began = time.monotonic()
    what = (
        f"MNIST, {options.steps} steps of 64 pictures each way with Muon, focus {FOCUS}; {options.samples} pictures, "
        f"{options.calls} calls of the recommended sampler; sure: the classifier gives a digit 0.9 or more"
    )
    path = Path(options.out or record.results_dir()) / "architectures.json"
    content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if content.get("what") != what:
        content = {"benchmark": "architectures", "what": what, **record.environment(), "seconds": 0.0}
        content |= {"seed": options.seed, "runs": []}
    done = {(run["way"], run["seed"]) for run in content["runs"]}
    (x, _), (real, _) = load_mnist()
    ruler = Ruler(presets.load_pretrained("classifier-mnist"), real, samples=options.samples)
    for seed in options.seeds:
        for way in options.ways:
            if (way, seed) in done:
                continue
            content["runs"].append(record.rounded(measure(way, seed, 2 * x - 1, ruler, options)))
            content["seconds"] += time.monotonic() - began
            began = time.monotonic()
            record.write("architectures", record.rounded(content), options.out)
    return content


if __name__ == "__main__":
    main()
