"""Recipes of chapters 15 and 16: the latent U-Net that reads captions, and the one that also sees what is to stay."""

from functools import partial

import keras
import numpy as np

from diffusion_course.course.paths import build_dir
from diffusion_course.course.writing import write_together
from diffusion_course.datasets.scene_captions import plain_caption, sample_captions
from diffusion_course.datasets.scene_edits import hole_around, with_another_object
from diffusion_course.datasets.scenes import draw_scenes, sample_scenes
from diffusion_course.metrics.alignment import alignment
from diffusion_course.models import presets
from diffusion_course.models.unet import UNet
from diffusion_course.models.weights import weights_as_bytes
from diffusion_course.pipelines.diffusion import pipeline_for
from diffusion_course.pipelines.inpaint import InpaintPipeline
from diffusion_course.pipelines.text_to_image import GUIDANCE_SCALE, STEPS, TextToImagePipeline
from diffusion_course.prediction import target
from diffusion_course.recipes.base import Recipe
from diffusion_course.recipes.conditional import DROP_RATE, noised, spread_steps
from diffusion_course.recipes.contrastive import as_input
from diffusion_course.recipes.diffusion import Stage, tidy_up, train_stages
from diffusion_course.recipes.scenes_autoencoders import as_bytes, reader
from diffusion_course.tokenizer import load_tokenizer
from diffusion_course.training.averages import AverageLook
from diffusion_course.training.inpainting import inpainting_examples, widened
from diffusion_course.training.latent import encode_pictures, encode_texts, of_nothing

AUTOENCODER, TEXT, UNET, INPAINT = "autoencoder-scenes", "clip-scenes", "unet-scenes", "unet-scenes-inpaint"
PICTURES = {"quick": 200, "standard": 40_000, "full": 200_000}
# Latents lose their layout at less noise than pixels do, so the focus lies at a higher log-SNR than that of
# `unet-scenes-pixels`.
STAGES = (Stage(5_000, "muon", ema=0.995, focus=(0.0, 2.0)),)
# Half the learning rate: most of what it must know it knows already.
INPAINT_STAGES = (Stage(600, "muon", ema=0.995, learning_rate=4e-3, focus=(0.0, 2.0)),)
EXTRA_CHANNELS = 5  # the mask, and four of latents
JUDGED = 512  # held-out captions of each kind


def snapshots():
    """Folder of the averaged weights that a training of `UNET` leaves every 500 steps, for its curve."""
    return build_dir() / "snapshots" / UNET


def keep_snapshot(step: int, network: keras.Model) -> None:
    """Writes the weights of a network to `snapshots`, float16."""
    write_together({snapshots() / f"step-{step:06}.safetensors": weights_as_bytes(network)})


def told_by(texts: list[str]) -> dict[str, np.ndarray]:
    """What the network takes of texts, ``"context"`` (N, L, D) and ``"pooled"`` (N, D), by the shipped text encoder."""
    encoder, tokenizer = presets.load_pretrained(TEXT).text_encoder, load_tokenizer("scenes")
    return encode_texts(encoder, tokenizer.encode(texts))


def training_pictures(count: int) -> tuple[list, np.ndarray]:
    """Training scenes of both kinds, and their pictures (count, 32, 32, 3) in [-1, 1]."""
    scenes = sample_scenes(count, seed=41, kind="both")
    return scenes, as_input(draw_scenes(scenes, seed=42))


def training_data(scenes: list, pictures: np.ndarray) -> dict:
    """Latents of scenes, and what their captions tell; as `train_diffusion` takes them."""
    autoencoder = presets.load_pretrained(AUTOENCODER)
    return {
        "x": encode_pictures(autoencoder, pictures, seed=43),
        "conditions": told_by(sample_captions(scenes, seed=44)),
    }


def dropping() -> dict:
    """How `DiffusionTrainer` leaves captions out: one in ten gives way to the empty text."""
    encoder, tokenizer = presets.load_pretrained(TEXT).text_encoder, load_tokenizer("scenes")
    return {"unconditional": of_nothing(encoder, tokenizer.encode("")), "drop_rate": DROP_RATE}


def train(network: UNet, profile: str, seed: int = 0) -> float:
    """Trains in place on latents of scenes and their captions."""
    data = training_data(*training_pictures(PICTURES[profile]))
    looks = [] if profile == "quick" else [AverageLook(keep_snapshot, every=2)]
    return train_stages(network, UNET, STAGES, profile, seed, data, callbacks=looks, **dropping())


def train_inpainting(network: UNet, profile: str, seed: int = 0) -> float:
    """Goes on from `UNET`, in place, with random holes and what is around them as further channels."""
    network.set_weights(widened(presets.load_pretrained(UNET), EXTRA_CHANNELS).get_weights())
    scenes, pictures = training_pictures(PICTURES[profile] // 2)
    data = training_data(scenes, pictures)
    extra = inpainting_examples(presets.load_pretrained(AUTOENCODER), pictures, seed=49)
    data["conditions"]["extra"] = extra
    return train_stages(network, INPAINT, INPAINT_STAGES, profile, seed, data, **dropping())


def evaluate(network: UNet, name: str = UNET, count: int = 1_000) -> dict[str, float]:
    """Loss on latents of held-out scenes with their captions and with the empty text, always with the same noise."""
    scenes = sample_scenes(count, seed=45, kind="both", split="held_out")
    pictures = as_input(draw_scenes(scenes, seed=46))
    autoencoder = presets.load_pretrained(AUTOENCODER)
    x = encode_pictures(autoencoder, pictures, seed=47)
    seen = {"extra": inpainting_examples(autoencoder, pictures, seed=50)} if name == INPAINT else {}
    pipeline = pipeline_for(name, network)
    t = spread_steps(count, len(pipeline.schedule))
    x_t, noise, signal, sigma = noised(pipeline.schedule, x, t)
    wanted = target(pipeline.prediction, x, noise, signal, sigma)
    texts = {
        "with_caption": [plain_caption(scene) for scene in scenes],
        "without_caption": [""] * count,
    }
    found = {}
    for how, lines in texts.items():
        said = network.predict({"x": x_t, "t": t, **told_by(lines), **seen}, batch_size=250, verbose=0)
        found[f"held_out_loss_{how}"] = float(np.mean((said - wanted) ** 2))
    return found


def painter(network: UNet, name: str = UNET, kind=TextToImagePipeline) -> TextToImagePipeline:
    """The pipeline around a network in training, with the shipped parts beside it."""
    return kind(
        pipeline_for(name, network),
        presets.load_pretrained(TEXT).text_encoder,
        load_tokenizer("scenes"),
        presets.load_pretrained(AUTOENCODER),
    )


def followed(pipeline: TextToImagePipeline, kind: str, count: int = JUDGED, split: str = "held_out", **how):
    """How pictures for plain captions of one kind follow them.

    Args:
        pipeline: paints.
        kind: "one" or "two" objects.
        count: captions.
        split: "held_out" or "train".
        **how: of `TextToImagePipeline.generate`.

    Returns:
        The AlignmentReport.
    """
    scenes = sample_scenes(count, seed=48, kind=kind, split=split)
    pictures = pipeline.generate([plain_caption(scene) for scene in scenes], **how)
    return alignment(as_bytes(pictures), scenes, reader())


def judge(network: UNet) -> dict[str, float]:
    """How well pictures of default settings follow held-out captions, attribute by attribute."""
    pipeline = painter(network)
    return {
        f"{kind}_object_{name}" if kind == "one" else f"{kind}_objects_{name}": value
        for kind in ("one", "two")
        for name, value in followed(pipeline, kind).summary().items()
    }


def filled(pipeline: InpaintPipeline, count: int = JUDGED, **how) -> dict[str, float]:
    """How pictures of one object follow a caption that asks for another object in the same place.

    The hole is a square around the object, which hides it whole, and so its size; the background stays as it is.

    Args:
        pipeline: fills holes.
        count: held-out scenes.
        **how: of `InpaintPipeline.generate`.

    Returns:
        The summary of the AlignmentReport; "unchanged", the share of pictures with every known pixel as it was.
    """
    asked = sample_scenes(count, seed=51, kind="one", split="held_out")
    rng = np.random.default_rng(52)
    before = [with_another_object(scene, rng) for scene in asked]
    pictures = draw_scenes(before, seed=53) / np.float32(255)
    masks = np.stack([hole_around(scene) for scene in asked])
    made = pipeline.generate([plain_caption(scene) for scene in asked], pictures=pictures, mask=masks, **how)
    known = masks[..., None] == 0
    same = np.where(known, made == pictures, True).all(axis=(1, 2, 3))
    report = alignment(as_bytes(made), asked, reader())
    return {**report.summary(), "unchanged": float(same.mean())}


RECIPES = {
    UNET: Recipe(
        "Scenes, 40,000 training scenes of both kinds with their captions; measured on held-out combinations",
        train,
        evaluate,
        judge,
        f"{JUDGED} held-out captions of each kind, {STEPS} steps, guidance scale {GUIDANCE_SCALE:g}, by "
        "`metrics.alignment`",
        partial(tidy_up, UNET, STAGES),
        needs=(AUTOENCODER, TEXT),
    ),
    INPAINT: Recipe(
        "Scenes, 20,000 training scenes of both kinds with their captions, and a random hole in each; measured on "
        "held-out combinations",
        train_inpainting,
        partial(evaluate, name=INPAINT),
        lambda network: filled(painter(network, INPAINT, InpaintPipeline)),
        f"{JUDGED} held-out captions of one object, each to be painted into the place of another one, {STEPS} steps, "
        f"guidance scale {GUIDANCE_SCALE:g}, by `metrics.alignment`",
        partial(tidy_up, INPAINT, INPAINT_STAGES),
        needs=(UNET, AUTOENCODER, TEXT),
    ),
}
