"""Chapter 15 with networks that were never trained, for `test_untrained`."""

import numpy as np

from diffusion_course.datasets import scene_captions, scenes
from diffusion_course.metrics.alignment import alignment
from diffusion_course.metrics.scene_reader import SceneReader
from diffusion_course.models import presets
from diffusion_course.pipelines.diffusion import pipeline_for
from diffusion_course.pipelines.text_to_image import TextToImagePipeline
from diffusion_course.pipelines.word_maps import watch, word_map, words_of
from diffusion_course.tokenizer import load_tokenizer

COUNT, STEPS = 8, 2  # nothing is read from such pictures, however many there are


def untrained_15():
    """The chapter's metrics, of networks with their first weights."""
    pipeline = TextToImagePipeline(
        pipeline_for("unet-scenes", presets.build("unet-scenes")),
        presets.build("clip-scenes").text_encoder,
        load_tokenizer("scenes"),
        presets.build("autoencoder-scenes"),
    )
    reader = SceneReader(scenes)
    wanted = {
        kind: scenes.sample_scenes(COUNT, seed=0, kind=kind, split="held_out") for kind in ("one", "two")
    }
    prompts = {kind: [scene_captions.plain_caption(s) for s in asked] for kind, asked in wanted.items()}
    pictures = {
        kind: np.uint8(np.round(255 * pipeline.generate(prompts[kind], steps=STEPS))) for kind in wanted
    }
    reports = {kind: alignment(pictures[kind], wanted[kind], reader) for kind in wanted}
    nearest = alignment(pictures["one"], wanted["one"], SceneReader(scenes, strict=False))
    real = scenes.draw_scenes(wanted["two"], seed=1) / 127.5 - 1
    through = pipeline.autoencoder.to_pictures(pipeline.autoencoder.to_latents(real))

    masks = []
    for scene in wanted["one"]:
        thing, ((x, y),) = scene.objects[0], scene.centres
        cover = scenes.coverage(thing.shape, x, y, scenes.SIZES[thing.size])[0]
        masks.append(cover.reshape(8, 4, 8, 4).mean(axis=(1, 3)))
    masks = np.stack(masks)
    steps = list(watch(pipeline, prompts["one"], steps=STEPS))
    columns = [words_of(pipeline.tokenizer, prompt)[3][1] for prompt in prompts["one"]]
    maps = np.mean(
        [[word_map(step.maps, c, (8, 8))[i] for i, c in enumerate(columns)] for step in steps], axis=0
    )
    lead = (maps * masks).sum((1, 2)) / masks.sum((1, 2)) / maps.mean((1, 2))
    return {
        "one_held_out": reports["one"].together,
        "two_held_out": reports["two"].together,
        "background_trained_here": nearest.shares["background"],
        "colour_trained_here": nearest.shares["colour"],
        "shape_word_on_object": float(lead.mean()),
        "swaps_right": reports["one"].together,
        "two_through_autoencoder": alignment(
            np.uint8(np.round(127.5 * (through + 1))), wanted["two"], reader
        ).together,
    }
