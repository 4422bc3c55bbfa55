"""From scratch to the same quality: how long the tutorials' way trains on MNIST, and when the course is there.

Both sides train in turns on the same machine, a slice each, and are measured after each slice; only training counts,
without tracing (reported apart) and without measuring. The course samples with DDIM and eta = 1, led by a less trained
network: its own averaged weights of one slice before, which cost no training. A run that was broken off goes on where
it was: the state lies in build/benchmarks/time_to_quality. Delete that folder, or use --fresh, to begin anew.
"""

import json
import shutil
import time
from pathlib import Path

from diffusion_course.backend import load_quietly

load_quietly()

import keras  # noqa: E402
import numpy as np  # noqa: E402
from common import record  # noqa: E402
from common.command_line import command_line  # noqa: E402
from common.networks import NETWORKS, described, train_recommended  # noqa: E402
from common.step_times import StepTimes  # noqa: E402
from common.tutorial import TutorialDiffusion  # noqa: E402

from diffusion_course.course.paths import build_dir  # noqa: E402
from diffusion_course.course.writing import write_whole  # noqa: E402
from diffusion_course.datasets.images import load_mnist  # noqa: E402
from diffusion_course.metrics.generation import Ruler  # noqa: E402
from diffusion_course.models import presets  # noqa: E402
from diffusion_course.models.denoiser import Denoiser  # noqa: E402
from diffusion_course.samplers.ddim import DDIMSampler  # noqa: E402
from diffusion_course.samplers.ddpm import DDPMSampler  # noqa: E402
from diffusion_course.schedules import NoiseSchedule  # noqa: E402
from diffusion_course.training.checkpoints import load_checkpoint, save_checkpoint  # noqa: E402

BATCH = 64
CALLS = 50  # with which both sides are measured after each slice
GUIDANCE_SCALE = 3.0  # chosen among 1.5, 2 and 3 by the FID of an earlier run, see benchmarks/README.md
ETA = 1.0  # of the DDIM that samples the course


class Quality:
    """FID of a network's pictures to MNIST's test pictures."""

    def __init__(self, samples: int, seed: int):
        _, (real, _) = load_mnist()
        self.ruler = Ruler(presets.load_pretrained("classifier-mnist"), real, samples=samples)
        self.noise = np.random.default_rng(seed).standard_normal((samples, 28, 28, 1)).astype("float32")

    def fid(self, denoise, sampler, steps: int) -> float:
        side = min(128, len(self.noise))
        # All parts have one size, so that the network is traced once.
        parts = [self.noise[i : i + side] for i in range(0, len(self.noise), side)]
        pictures = [
            keras.ops.convert_to_numpy(sampler.sample(denoise, part, steps=steps, first=i * side))
            for i, part in enumerate(parts)
        ]
        return self.ruler.fid(np.clip((np.concatenate(pictures) + 1) / 2, 0, 1))


class Tutorial:
    """Noise prediction, 500 linear steps, Adam 5e-4, no averages, batches in order, two passes per step."""

    def __init__(self, x, folder: Path, done: int):
        self.x, self.folder = x, folder
        self.schedule = NoiseSchedule.linear(500)
        self.network = NETWORKS["tutorial"]()
        self.network.compile(keras.optimizers.Adam(5e-4), loss="mse")
        self.diffusion = TutorialDiffusion(self.schedule)
        self.steps = load_checkpoint(self.network, self._file(done - 1))[0] if done else 0
        self.traced = False

    def _file(self, k: int) -> Path:
        return self.folder / f"tutorial.{k}.safetensors"

    def _step(self) -> None:
        first = self.steps % (len(self.x) // BATCH) * BATCH
        self.diffusion.train_step(self.network, self.x[first : first + BATCH])
        self.steps += 1

    def train(self, k: int, seconds: float) -> tuple[float, float]:
        """Trains slice k for so long; returns seconds of training and of tracing."""
        began = time.perf_counter()
        if not self.traced:
            self._step()
            self.traced = True
        cold, began = time.perf_counter() - began, time.perf_counter()
        while time.perf_counter() - began < seconds:
            self._step()
        taken = time.perf_counter() - began
        save_checkpoint(self.network, self._file(k), steps=self.steps)
        return taken, cold


class OneSlice(StepTimes):
    """Ends `fit` after one epoch, and counts the seconds of its steps; the first step, which traces, apart."""

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = True

    @property
    def seconds(self) -> float:
        # The first step trains as well as it traces: it counts as long as the others.
        return sum(self.steps[1:]) * len(self.steps) / max(1, len(self.steps) - 1)


class Course:
    """The recommended network, trained by `train_diffusion`, whose learning rate falls to 0 over all slices."""

    def __init__(self, x, folder: Path, slices: int, steps_per_slice: int):
        self.x, self.folder = x, folder
        self.slices, self.steps_per_slice = slices, steps_per_slice
        self.network, self.before = NETWORKS["recommended"](), NETWORKS["recommended"]()

    def _file(self, k: int) -> Path:
        return self.folder / f"course.{k}.safetensors"

    def _averaged(self, k: int) -> Path:
        return self.folder / f"course.{k}.weights.h5"

    def train(self, k: int) -> tuple[float, float]:
        """Trains slice k; afterwards `network` holds the averaged weights, and `before` those of one slice before."""
        # A file per slice: one that was broken off, or never measured, begins again where the last one ended.
        self._file(k).unlink(missing_ok=True)
        if k:
            shutil.copyfile(self._file(k - 1), self._file(k))
            self.before.load_weights(self._averaged(k - 1))
        timer = OneSlice()
        self.schedule, self.prediction = train_recommended(
            self.network,
            self.x,
            steps=self.slices * self.steps_per_slice,
            steps_per_epoch=self.steps_per_slice,
            batch_size=BATCH,
            checkpoint=self._file(k),
            callbacks=[timer],
        )
        self.network.save_weights(self._averaged(k))
        return timer.seconds, timer.steps[0]

    def sampling(self, k: int):
        """denoise, and steps of the sampler, with which `CALLS` calls are spent as advised after slice k."""
        if not k:  # there is no slice before
            return Denoiser(self.network), CALLS
        return Denoiser(self.network, guide=self.before, guidance_scale=GUIDANCE_SCALE), CALLS // 2


def seconds_to_reach(curve: list[dict], fid: float) -> float | None:
    """Training seconds at the first measurement that is at least as good; None if none is."""
    return next((point["seconds"] for point in curve if point["fid"] <= fid), None)


def measure_speed(x, folder: Path) -> float:
    """Seconds per step of the course's training, from a short run of its own."""
    seconds, _ = Course(x, folder, 2, 20).train(0)
    return seconds / 20


def main(arguments: list[str] | None = None) -> dict:
    parser = command_line(__doc__, resumes=True)
    parser.add_argument("--seconds", type=float, default=240, help="training time of the tutorials' way")
    parser.add_argument(
        "--share", type=float, default=5, help="the course gets this part of it: 5 is a fifth"
    )
    parser.add_argument("--slices", type=int, default=4)
    parser.add_argument("--samples", type=int, default=512, help="pictures that FID is measured on")
    parser.add_argument("--ancestral-steps", type=int, default=500, help="of the tutorials' way in the end")
    options = parser.parse_args(arguments)
    # Another budget is another run; one folder for each lets all of them be resumed.
    key = f"{options.seconds:g}-{options.share:g}-{options.slices}-{options.samples}-{options.seed}"
    folder = build_dir() / "benchmarks" / "time_to_quality" / key
    if options.fresh:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(options.seed)
    (x, _), _ = load_mnist()
    x = 2 * x - 1
    state_file = folder / "state.json"
    if state_file.exists():
        state = json.loads(state_file.read_text(encoding="utf-8"))
    else:
        step = measure_speed(x, folder)
        state = {
            "environment": record.environment(),
            "steps_per_slice": max(2, round(options.seconds / options.share / options.slices / step)),
            "tutorial": [],
            "course": [],
        }
    quality = Quality(options.samples, options.seed)
    tutorial = Tutorial(x, folder, len(state["tutorial"]))
    course = Course(x, folder, options.slices, state["steps_per_slice"])

    def save() -> None:
        write_whole(state_file, json.dumps(state).encode())

    def add(name: str, seconds: float, cold: float, fid: float) -> None:
        curve = state[name]
        before = curve[-1]["seconds"] if curve else 0.0
        curve.append({"seconds": before + seconds, "cold_start": cold, "fid": fid})
        save()
        print(
            f"{name:9} {curve[-1]['seconds']:7.0f} s  FID {fid:8.2f}  ({fid / quality.ruler.floor:.2f} x floor)"
        )

    for k in range(options.slices):
        if len(state["tutorial"]) <= k:
            seconds, cold = tutorial.train(k, options.seconds / options.slices)
            add(
                "tutorial",
                seconds,
                cold,
                quality.fid(Denoiser(tutorial.network), DDIMSampler(tutorial.schedule), CALLS),
            )
        if len(state["course"]) <= k:
            seconds, cold = course.train(k)
            sampler = DDIMSampler(course.schedule, prediction=course.prediction, eta=ETA)
            denoise, steps = course.sampling(k)
            add("course", seconds, cold, quality.fid(denoise, sampler, steps))
    if "own" not in state:
        state["own"] = quality.fid(
            Denoiser(tutorial.network), DDPMSampler(tutorial.schedule), options.ancestral_steps
        )
        save()
    own = state["own"]
    print(f"tutorial, its own {options.ancestral_steps} steps: FID {own:.2f}")
    # The better of its own sampler and DDIM, so that the target is not easier than it need be
    fid = min(own, state["tutorial"][-1]["fid"])
    taken, reached = state["tutorial"][-1]["seconds"], seconds_to_reach(state["course"], fid)
    content = {
        "benchmark": "time_to_quality",
        "what": f"MNIST; FID on features of classifier-mnist, {options.samples} pictures, real ones reach "
        f"{quality.ruler.floor:.4g}; after each slice both are sampled with {CALLS} calls, the tutorials' network with "
        f"DDIM, the course's too but with eta = {ETA:g}, half as many steps and its own weights of "
        f"one slice before as a guide, w = {GUIDANCE_SCALE:g}; the target is the better of the tutorials' DDIM "
        f"and their own {options.ancestral_steps} ancestral steps, after all of their time",
        **state["environment"],
        "seed": options.seed,
        "networks": {
            "tutorial": described(tutorial.network),
            "recommended": described(course.network),
        },
        "fid_floor": quality.ruler.floor,
        "fid_tutorial_ancestral": own,
        "curves": {name: state[name] for name in ("tutorial", "course")},
        "seconds": taken + state["course"][-1]["seconds"],
        "rows": [
            {
                "what": f"MNIST from scratch to FID {fid:.3g}",
                "tutorial": taken,
                "course": reached,
                "unit": "s",
                "ratio": None if reached is None else taken / reached,
            }
        ],
    }
    print(record.write("time_to_quality", record.rounded(content), options.out))
    return content


if __name__ == "__main__":
    main()
