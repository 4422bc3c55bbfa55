"""In which order does a text-to-image model come to obey its captions, and how many steps does each attribute take?

`diffusion-course train unet-scenes` leaves its averaged weights every 500 steps in `build/snapshots`. Each of them
paints held-out captions of one object and of two as the shipped model does, and the checker reads the pictures.
"""

import re
import time
from functools import lru_cache
from pathlib import Path

from diffusion_course.backend import load_quietly

load_quietly()

from common import record  # noqa: E402
from common.command_line import command_line  # noqa: E402

from diffusion_course.datasets import scenes  # noqa: E402
from diffusion_course.datasets.scene_captions import plain_caption  # noqa: E402
from diffusion_course.metrics.alignment import alignment  # noqa: E402
from diffusion_course.metrics.scene_reader import SceneReader  # noqa: E402
from diffusion_course.models import presets  # noqa: E402
from diffusion_course.models.weights import load_weights  # noqa: E402
from diffusion_course.pipelines.text_to_image import GUIDANCE_SCALE, STEPS  # noqa: E402
from diffusion_course.recipes import latent_scenes  # noqa: E402
from diffusion_course.recipes.scenes_autoencoders import as_bytes  # noqa: E402

UNET = latent_scenes.UNET


def snapshots(folder: Path) -> dict[int, Path]:
    """Step -> file of the weights at that step, in order."""
    found = {
        int(re.fullmatch(r"step-(\d+)", path.stem)[1]): path for path in folder.glob("step-*.safetensors")
    }
    return dict(sorted(found.items()))


@lru_cache
def readers() -> dict[str, SceneReader]:
    """What is appended to the name of a kind -> the reader that judges it."""
    return {"": latent_scenes.reader(), "_nearest": SceneReader(scenes, strict=False)}


def measure(file: Path, options) -> dict:
    """What pictures by the weights of a file have of their captions, attribute -> share.

    "one" and "two" count a picture that is no clean scene as wrong in everything, as everywhere else. Early pictures
    are none, whatever they show. So "one_nearest" and "two_nearest" take the nearest scene: there chance has a share.
    """
    network = presets.build(latent_scenes.UNET)
    load_weights(network, file.read_bytes(), file.name)
    pipeline, found = latent_scenes.painter(network), {}
    how = {"steps": options.steps, "guidance_scale": options.guidance, "seed": options.seed}
    for kind in ("one", "two"):
        asked = scenes.sample_scenes(options.count, seed=48, kind=kind, split="held_out")
        pictures = as_bytes(pipeline.generate([plain_caption(scene) for scene in asked], **how))
        for name, reader in readers().items():
            found[kind + name] = alignment(pictures, asked, reader).summary()
    return found


def main(arguments=None) -> dict:
    parser = command_line(__doc__)
    parser.add_argument(
        "--snapshots", type=Path, default=latent_scenes.snapshots(), help="folder of the weights"
    )
    parser.add_argument("--count", type=int, default=128, help="held-out captions of each kind")
    parser.add_argument("--steps", type=int, default=STEPS, help="of the sampler")
    parser.add_argument("--guidance", type=float, default=GUIDANCE_SCALE, help="scale")
    options = parser.parse_args(arguments)
    files = snapshots(options.snapshots)
    if not files:  # not an error: `make bench` runs all scripts, and few have trained this network before
        print(f"Nothing to measure in {options.snapshots}: first run `diffusion-course train {UNET}`.")
        return {}
    began, environment = time.monotonic(), record.environment()
    curve = []
    for step, file in files.items():
        curve.append({"step": step, **measure(file, options)})
        print(
            f"{step:6} steps  one object {curve[-1]['one']['together']:.2f}  "
            f"two objects {curve[-1]['two']['together']:.2f}"
        )
    content = {
        "benchmark": "emergence",
        "what": f"averaged weights of one training, {options.count} held-out captions of each kind, "
        f"{options.steps} sampling steps, guidance scale {options.guidance:g}; shares that the checker reads right",
        **environment,
        "seed": options.seed,
        "curve": curve,
        "seconds": time.monotonic() - began,
    }
    print(record.write("emergence", record.rounded(content), options.out))
    return content


if __name__ == "__main__":
    main()
