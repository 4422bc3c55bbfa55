"""Small trials of chapter 14: autoencoders and diffusion models that differ in one thing each, and what judges them.

`benchmarks/latent_space.py` runs them whole; the chapter runs a short one of its own. All pictures have one object.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from diffusion_course.datasets import scenes as scenes_module
from diffusion_course.datasets.scenes import Scene, draw_scenes, sample_scenes
from diffusion_course.metrics.alignment import alignment, compare
from diffusion_course.metrics.scene_reader import SceneReader
from diffusion_course.models.autoencoder_kl import AutoencoderKL, measure_scale
from diffusion_course.models.unet import UNet
from diffusion_course.pipelines.diffusion import DiffusionPipeline
from diffusion_course.recipes.contrastive import ATTRIBUTES, as_input
from diffusion_course.schedules import NoiseSchedule
from diffusion_course.training.autoencoder_kl import AutoencoderKLTrainer, train_autoencoder_kl
from diffusion_course.training.diffusion import DiffusionTrainer, train_diffusion

# --- Sizes: the autoencoder of f = 4 and the networks. The outer widths are those that only pixels need.
AUTOENCODER_WIDTHS, NETWORK_WIDTHS, OUTER_WIDTHS = (32, 48), (32, 64), (32, 32)
GUIDANCE, STEPS, FOCUS, DROP_RATE = 2.0, 20, (-1.0, 2.0), 0.1
NOISE = 0.2  # by which a decoder's patience is measured, as a share of the codes' standard deviation
ROW = sum(map(len, ATTRIBUTES.values()))  # zeros and ones that say what one scene shows
WAYS = ("latents", "folded pixels", "pixels")


def bytes_of(pictures: np.ndarray) -> np.ndarray:
    """Pictures in [-1, 1] as uint8."""
    return np.clip(np.round(127.5 * (np.asarray(pictures) + 1)), 0, 255).astype("uint8")


def psnr(a, b) -> float:
    """In dB, of all pictures (N, H, W, C) in [-1, 1] together."""
    return float(10 * np.log10(4 / np.mean((np.asarray(a) - np.asarray(b)) ** 2)))


def told_of(scenes: Sequence[Scene]) -> np.ndarray:
    """What scenes with one object show, in place of a text: (N, `ROW`) float32, a one for each attribute's value.

    No words here: what is compared is where a network works, and a text encoder would only slow all ways alike.
    """
    rows = np.zeros((len(scenes), ROW), "float32")
    for row, scene in zip(rows, scenes, strict=True):
        (thing,), first = scene.objects, 0
        for name, values in ATTRIBUTES.items():
            value = scene.background if name == "background" else getattr(thing, name)
            row[first + values.index(value)] = 1
            first += len(values)
    return rows


@lru_cache
def _reader(strict: bool) -> SceneReader:
    return SceneReader(scenes_module, strict=strict)


def training_scenes(count: int) -> tuple[list[Scene], np.ndarray]:
    """Training scenes with one object and their pictures (count, 32, 32, 3) in [-1, 1]; always the same."""
    scenes = sample_scenes(count, seed=51, kind="one")
    return scenes, as_input(draw_scenes(scenes, seed=52))


# --- Autoencoders


def trained_autoencoder(x, kl_weight: float, *, steps: int, seed: int = 0, **training) -> AutoencoderKL:
    """One of f = 4, trained on pictures (N, 32, 32, 3) in [-1, 1] and with its scale measured on them."""
    autoencoder = AutoencoderKL(widths=AUTOENCODER_WIDTHS)
    trainer = AutoencoderKLTrainer(autoencoder, kl_weight=kl_weight, seed=seed)
    how = {"optimizer": "muon", "warmup": min(100, steps // 4), "steps_per_epoch": min(100, steps)}
    train_autoencoder_kl(trainer, x, steps=steps, **how, **training)
    autoencoder.latent_scale = measure_scale(autoencoder, x[:2_000])
    return autoencoder


def judge_autoencoder(autoencoder: AutoencoderKL, *, count: int = 256, seed: int = 0) -> dict:
    """Held-out scenes: what comes back, and what their codes are like.

    Returns:
        ``psnr`` in dB and ``read``, the share that can still be read, both of decoded means; ``psnr_with_noise``, of
        means to which `NOISE` of the codes' spread was added; ``std`` of the codes, all together and of each channel;
        ``excess_kurtosis``, mean over channels, 0 for a normal distribution; ``kl`` per latent, in nats.
    """
    scenes = sample_scenes(count, seed=53, kind="one", split="held_out")
    x = as_input(draw_scenes(scenes, seed=54))
    mean, log_variance = autoencoder.encoder.predict(x, batch_size=256, verbose=0)
    noise = np.random.default_rng(seed).standard_normal(mean.shape, dtype="float32")
    codes = mean + np.exp(0.5 * log_variance) * noise
    std = codes.std((0, 1, 2), dtype="float64")  # (c,)

    def decoded(z):
        return np.clip(autoencoder.decoder.predict(z, batch_size=256, verbose=0), -1, 1)

    again = decoded(mean)
    normed = (codes - codes.mean((0, 1, 2))) / np.maximum(std, 1e-12)
    return {
        "psnr": psnr(again, x),
        "read": alignment(bytes_of(again), scenes, _reader(True)).together,
        "psnr_with_noise": psnr(decoded(mean + NOISE * codes.std() * noise), x),
        "std": float(codes.std(dtype="float64")),
        "std_of_channels": [float(s) for s in std],
        "excess_kurtosis": float((normed**4).mean((0, 1, 2)).mean() - 3),
        "kl": float(0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance).mean()),
    }


# --- Diffusion models


def new_network(way: str) -> UNet:
    """An untrained network for one of `WAYS`, told of the scene through ``pooled``.

    The one for latents works at 8 x 8 and 4 x 4. So does the one for folded pixels, whose 8 x 8 places have 48 numbers
    each. The one for pixels has two more levels on top of these, at 32 x 32 and 16 x 16.

    Raises:
        ValueError: another way.
    """
    known = {
        "latents": ((8, 8, 4), 1, NETWORK_WIDTHS),
        "folded pixels": ((32, 32, 3), 4, NETWORK_WIDTHS),
        "pixels": ((32, 32, 3), 1, (*OUTER_WIDTHS, *NETWORK_WIDTHS)),
    }
    if way not in known:
        raise ValueError(f"`way` must be one of {', '.join(WAYS)}. Received: {way!r}")
    shape, fold, widths = known[way]
    return UNet(image_shape=shape, fold=fold, widths=widths, num_res_blocks=1, pooled_dim=ROW)


def pipeline_of(network: UNet, *, guidance_scale: float = GUIDANCE) -> DiffusionPipeline:
    """A network with the schedule of all ways and the prediction that suits it; latents have no range to clip to.

    Folded pixels predict x0: noise, and so velocity, has 48 independent numbers in each place, which do not pass
    through the network's 32 channels. What a picture shows there does.
    """
    clip = None if network.image_shape[-1] == 4 else (-1.0, 1.0)
    prediction = "velocity" if network.fold == 1 else "x0"
    how = {"unconditional": {"pooled": np.zeros(ROW, "float32")}, "guidance_scale": guidance_scale}
    return DiffusionPipeline(network, NoiseSchedule.cosine(1000), prediction, clip, **how)


def trainer_of(network: UNet, seed: int = 0) -> DiffusionTrainer:
    """How all ways train: now and then without being told of the scene, most at middling noise."""
    pipeline = pipeline_of(network)
    return DiffusionTrainer(
        network,
        pipeline.schedule,
        prediction=pipeline.prediction,
        focus=FOCUS,
        clip=pipeline.clip,
        unconditional=pipeline.unconditional,
        drop_rate=DROP_RATE,
        seed=seed,
    )


def train_network(network: UNet, data, told, *, steps: int, seed: int = 0, **training) -> dict:
    """Trains on latents or pixels (N, H, W, C) and what they show (N, `ROW`). Returns `train_diffusion`'s history."""
    how = {"optimizer": "muon", "warmup": min(100, steps // 4)}
    return train_diffusion(
        trainer_of(network, seed), data, steps=steps, conditions={"pooled": told}, **how, **training
    )


def paint(
    pipeline: DiffusionPipeline, scenes: Sequence[Scene], *, autoencoder=None, seed: int = 0
) -> np.ndarray:
    """Pictures (N, 32, 32, 3) uint8 of scenes, guided; an autoencoder decodes them, where they are latents."""
    made = pipeline.generate(len(scenes), steps=STEPS, seed=seed, batch_size=64, pooled=told_of(scenes))
    return bytes_of(2 * made - 1 if autoencoder is None else autoencoder.to_pictures(made))


def judge_pictures(pictures: np.ndarray, wanted: Sequence[Scene]) -> dict:
    """How well pictures show what was asked for.

    Returns:
        ``right``: the share whose nearest scene is the one asked for; ``clean``: the share in which a strict reader
        finds a scene at all; ``both``: in which it finds the right one; ``attributes``: shares, by the nearest scene.
    """
    readings = (_reader(strict).read(pictures) for strict in (True, False))
    strict, nearest = (compare(reading, wanted) for reading in readings)
    return {
        "right": nearest.together,
        "clean": strict.found,
        "both": strict.together,
        "attributes": nearest.shares,
    }


def wanted_scenes(count: int) -> list[Scene]:
    """Held-out scenes to ask for; always the same."""
    return sample_scenes(count, seed=55, kind="one", split="held_out")
