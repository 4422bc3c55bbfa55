"""Which KL weight, and latents or pixels: what a small diffusion model makes of each.

First the weight. Autoencoders of f = 4 that differ in it alone are trained on Scenes with one object; on the latents of
each, the same small diffusion model is trained for the same number of steps, and asked for held-out scenes. Then the
place. The same diffusion model works on pixels folded 4 x 4, and with two more levels on pixels as they are, for as
many seconds as it had on latents. A run that was broken off goes on where it was: the state lies in
build/benchmarks/latent_space. With more --repeats, an earlier run's results stay, and others are added.
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
from common.interleave import interleave  # noqa: E402
from common.networks import described  # noqa: E402
from common.operations import multiply_adds  # noqa: E402
from common.step_times import StepTimes  # noqa: E402

from diffusion_course.course.paths import build_dir  # noqa: E402
from diffusion_course.course.writing import write_whole  # noqa: E402
from diffusion_course.models.autoencoder_kl import AutoencoderKL  # noqa: E402
from diffusion_course.models.denoiser import Denoiser  # noqa: E402
from diffusion_course.models.weights import load_weights, save_weights  # noqa: E402
from diffusion_course.recipes import latent_trials as trials  # noqa: E402
from diffusion_course.training.batches import shuffled_batches  # noqa: E402
from diffusion_course.training.latent import encode_pictures  # noqa: E402
from diffusion_course.training.optimizers import OPTIMIZERS  # noqa: E402

BATCH = 64
CHOSEN = 1e-3  # the weight whose diffusion model is watched while it trains, as those on pixels are


class OneSlice(StepTimes):
    """Ends `fit` after one epoch, and counts the seconds of its steps; the first one, which traces, like the others."""

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = True

    @property
    def seconds(self) -> float:
        return float(np.mean(self.steps[1:] or self.steps)) * len(self.steps)


# --- What a step costs


def training_step(network, steps: int, seed: int):
    """For `interleave`: training steps on random numbers, which take as long as any others."""
    x = np.random.default_rng(seed).uniform(-1, 1, (4 * BATCH, *network.image_shape)).astype("float32")
    trainer = trials.trainer_of(network, seed)
    kind, settings, rate = OPTIMIZERS["muon"]
    trainer.compile(kind(rate, **settings, use_ema=True, ema_momentum=0.995))
    trainer.optimizer.build(trainer.trainable_variables)
    data = {"x": x, "pooled": np.zeros((len(x), trials.ROW), "float32")}
    batches = ((part,) for part in shuffled_batches(data, batch_size=BATCH))

    def run() -> int:
        trainer.fit(batches, steps_per_epoch=steps, epochs=1, shuffle=False, verbose=0)
        return steps

    return run


def denoising_step(network, steps: int):
    """For `interleave`: calls as a sampler makes them, for 64 pictures."""
    denoise = Denoiser(network)
    x = np.zeros((BATCH, *network.image_shape), "float32")
    told = np.zeros((BATCH, trials.ROW), "float32")

    def run() -> int:
        for _ in range(steps):
            said = denoise(x, 500, pooled=told)
        keras.ops.convert_to_numpy(said)
        return steps

    return run


def costs(options) -> dict:
    """Seconds of a step, all ways in turns, and multiply-adds of one call for one picture."""
    networks = {way: trials.new_network(way) for way in trials.WAYS}
    autoencoder = AutoencoderKL(widths=trials.AUTOENCODER_WIDTHS)
    train = {way: training_step(net, options.timed_steps, options.seed) for way, net in networks.items()}
    call = {way: denoising_step(net, options.timed_steps) for way, net in networks.items()}
    seconds = {
        "training": interleave(train, options.rounds),
        "denoising": interleave(call, options.rounds),
    }
    work = {
        way: multiply_adds(
            network,
            {
                "x": np.zeros((1, *network.image_shape), "float32"),
                "t": np.zeros(1, "int32"),
                "pooled": np.zeros((1, trials.ROW), "float32"),
            },
        )
        for way, network in networks.items()
    }
    work["encoder"] = multiply_adds(autoencoder.encoder, np.zeros((1, 32, 32, 3), "float32"))
    work["decoder"] = multiply_adds(autoencoder.decoder, np.zeros((1, *autoencoder.latent_shape), "float32"))
    over = {
        what: {way: record.median_ratio(found[way], found["latents"]) for way in trials.WAYS}
        for what, found in seconds.items()
    }
    return {
        "seconds_per_step": seconds,
        "over_latents": over,
        "multiply_adds": work,
        "networks": {way: described(network) for way, network in networks.items()},
    }


# --- Autoencoders and diffusion models


class Trials:
    """All that was trained so far, in a folder: one entry of the state for each training."""

    def __init__(self, folder: Path, options):
        self.folder, self.options = folder, options
        self.file = folder / "state.json"
        fresh = {"environment": record.environment(), "autoencoders": {}, "networks": {}}
        known = self.file.exists()
        self.state = json.loads(self.file.read_text(encoding="utf-8")) if known else fresh
        self.scenes, self.x = trials.training_scenes(options.pictures)
        self.told = trials.told_of(self.scenes)
        self.wanted = trials.wanted_scenes(options.samples)

    def save(self) -> None:
        write_whole(self.file, json.dumps(self.state).encode())

    def autoencoder(self, kl_weight: float) -> AutoencoderKL:
        """The one of that weight, trained now or earlier."""
        name, path = f"{kl_weight:g}", self.folder / f"autoencoder.{kl_weight:g}.safetensors"
        if name in self.state["autoencoders"]:
            found = AutoencoderKL(widths=trials.AUTOENCODER_WIDTHS)
            load_weights(found, path.read_bytes(), path.name)
            return found
        keras.utils.set_random_seed(self.options.seed)  # all begin with the same weights
        timer, steps = StepTimes(), self.options.autoencoder_steps
        found = trials.trained_autoencoder(
            self.x, kl_weight, steps=steps, seed=self.options.seed, callbacks=[timer]
        )
        save_weights(found, path, "float32")
        judged = trials.judge_autoencoder(found, count=self.options.samples)
        seconds = float(np.median(timer.steps)) * steps
        self.state["autoencoders"][name] = {**judged, "scale": found.latent_scale, "seconds": seconds}
        self.save()
        print(f"KL weight {name}: {judged['psnr']:.1f} dB, codes of spread {judged['std']:.3g}", flush=True)
        return found

    def network(self, name: str, way: str, steps: int, slices: int, repeat: int, autoencoder=None) -> None:
        """Trains and judges one diffusion model, from the slice on that is not there yet."""
        curve = self.state["networks"].setdefault(name, {}).setdefault(str(repeat), [])
        seed, length = self.options.seed + repeat, max(1, steps // slices)
        if len(curve) >= slices:
            return
        keras.utils.set_random_seed(seed)
        network = trials.new_network(way)
        pipeline = trials.pipeline_of(network)
        data = self.x if autoencoder is None else encode_pictures(autoencoder, self.x, seed=seed)
        place = name.replace(" ", "-")
        for k in range(len(curve), slices):
            # A file per slice: one that was broken off begins again where the last one ended.
            file, before = (self.folder / f"{place}.{repeat}.{i}.safetensors" for i in (k, k - 1))
            file.unlink(missing_ok=True)
            if k:
                shutil.copyfile(before, file)
            timer = OneSlice()
            trials.train_network(
                network,
                data,
                self.told,
                steps=length * slices,
                steps_per_epoch=length,
                seed=seed,
                checkpoint=file,
                callbacks=[timer],
            )
            before.unlink(missing_ok=True)
            made = trials.paint(pipeline, self.wanted, autoencoder=autoencoder, seed=seed)
            earlier = curve[-1]["seconds"] if curve else 0.0
            point = {"steps": (k + 1) * length, "seconds": earlier + timer.seconds}
            curve.append(point | trials.judge_pictures(made, self.wanted))
            self.save()
            shown = ", ".join(f"{key} {curve[-1][key]:.2f}" for key in ("right", "clean", "both"))
            print(f"{name}, {point['steps']} steps, {point['seconds']:.0f} s: {shown}", flush=True)


def seconds_to_reach(curve: list[dict], share: float) -> float | None:
    """Training seconds at the first measurement with that share clean and right; None if none has."""
    return next((point["seconds"] for point in curve if point["both"] >= share), None)


def best_weight(networks: dict) -> str:
    """The KL weight whose diffusion models' pictures were clean and right most often, mean over repeats."""
    means = {
        name.removeprefix("latents, KL "): float(np.mean([curve[-1]["both"] for curve in repeats.values()]))
        for name, repeats in networks.items()
        if name.startswith("latents")
    }
    return max(means, key=means.get)


def main(arguments: list[str] | None = None) -> dict:
    parser = command_line(__doc__, rounds=3, resumes=True)
    weights = [0.0, 1e-4, CHOSEN, 1e-2, 1e-1]
    parser.add_argument("--kl-weights", nargs="*", type=float, default=weights)
    parser.add_argument("--pictures", type=int, default=8_000, help="of training")
    parser.add_argument("--autoencoder-steps", type=int, default=600)
    parser.add_argument("--steps", type=int, default=1_200, help="of the diffusion model on latents")
    parser.add_argument("--slices", type=int, default=3, help="how often the watched models are judged")
    parser.add_argument(
        "--repeats", type=int, default=1, help="diffusion models of each kind, with own seeds"
    )
    parser.add_argument("--samples", type=int, default=256, help="pictures that are judged")
    parser.add_argument("--timed-steps", type=int, default=5, help="steps in each round of the timing")
    options = parser.parse_args(arguments)
    # Another size is another run; more weights or repeats are not.
    sizes = (options.pictures, options.autoencoder_steps, options.steps, options.slices, options.samples)
    folder = build_dir() / "benchmarks" / "latent_space" / "-".join(map(str, (*sizes, options.seed)))
    if options.fresh:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    began, all_trials = time.monotonic(), Trials(folder, options)
    state = all_trials.state
    if "costs" not in state:
        state["costs"] = costs(options)
        all_trials.save()
    for repeat in range(options.repeats):
        for kl_weight in options.kl_weights:
            slices = options.slices if kl_weight == CHOSEN else 1
            name = f"latents, KL {kl_weight:g}"
            autoencoder = all_trials.autoencoder(kl_weight)
            all_trials.network(name, "latents", options.steps, slices, repeat, autoencoder)
        for way in trials.WAYS[1:]:
            # as many seconds as on latents
            steps = round(options.steps / state["costs"]["over_latents"]["training"][way])
            all_trials.network(way, way, max(steps, options.slices), options.slices, repeat)
    state["seconds"] = state.get("seconds", 0.0) + time.monotonic() - began
    all_trials.save()
    networks = state["networks"]
    watched, rivals = networks.get(f"latents, KL {CHOSEN:g}", {}), {}
    for way in trials.WAYS[1:]:
        for repeat, curve in watched.items():
            last = networks[way][repeat][-1]
            reached = seconds_to_reach(curve, last["both"])
            rivals.setdefault(way, []).append(
                {"both": last["both"], "seconds": last["seconds"], "seconds_on_latents": reached}
            )
    content = {
        "benchmark": "latent_space",
        "what": f"Scenes with one object, {options.pictures:,} training pictures; autoencoders f = 4 with 8 x 8 x 4 "
        f"codes, {options.autoencoder_steps} steps; diffusion models told of the scene by zeros and ones, "
        f"{options.steps} steps on latents and as many seconds on pixels, guidance {trials.GUIDANCE:g}, "
        f"{trials.STEPS} steps of sampling; {options.samples} held-out scenes",
        **state["environment"],
        "seed": options.seed,
        "seconds": state["seconds"],
        "autoencoders": state["autoencoders"],
        "networks": {name: list(repeats.values()) for name, repeats in networks.items()},
        "costs": state["costs"],
        "to_the_quality_of_pixels": rivals,
        "best_kl_weight": best_weight(networks),
    }
    print(record.write("latent_space", record.rounded(content), options.out))
    return content


if __name__ == "__main__":
    main()
