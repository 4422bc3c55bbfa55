"""Chapter 16 with networks that were never trained, for `test_untrained`; the reader of scenes is no network."""

import numpy as np
from keras import ops
from scipy.ndimage import binary_dilation

from diffusion_course.datasets import scenes
from diffusion_course.datasets.scene_captions import plain_caption
from diffusion_course.metrics.alignment import alignment
from diffusion_course.metrics.scene_reader import SceneReader
from diffusion_course.models import presets
from diffusion_course.models.attention_maps import map_reader
from diffusion_course.pipelines.diffusion import pipeline_for
from diffusion_course.pipelines.image_to_image import ImageToImagePipeline
from diffusion_course.pipelines.inpaint import InpaintPipeline
from diffusion_course.pipelines.word_maps import word_map, words_of
from diffusion_course.tokenizer import load_tokenizer
from diffusion_course.training.inpainting import inpainting_examples

# All networks say the same whatever they are told, so few pictures and steps show it as well as many.
COUNT, HOW = 16, {"steps": 2, "batch_size": 16}
BOX = 0.31


def box_over(scene):
    """As in the chapter."""
    ((x, y),) = scene.centres
    u = (np.arange(scenes.SIDE) + 0.5) / scenes.SIDE
    return (np.abs(u - y) < BOX)[:, None] & (np.abs(u - x) < BOX)


def object_pixels(scene):
    """As in the chapter."""
    ((x, y),), (thing,) = scene.centres, scene.objects
    return scenes.coverage(thing.shape, x, y, scenes.SIZES[thing.size])[0] > 0.5


def shape_masks(pipeline, pictures, captions, found):
    """As `word_masks` of the chapter, for the word of the shape, at one level."""
    read, t = map_reader(pipeline.diffusion.network), 500
    schedule, noise = pipeline.diffusion.schedule, pipeline.diffusion.noise(COUNT)
    x = schedule.signal[t] * pipeline.encode(pictures, COUNT) + schedule.sigma[t] * noise
    told = {name: ops.convert_to_numpy(value) for name, value in pipeline.conditions(captions).items()}
    maps = read({"x": np.float32(x), "t": np.full(COUNT, t), **told})
    total = []
    for i, (caption, scene) in enumerate(zip(captions, found, strict=True)):
        columns = dict(words_of(pipeline.tokenizer, caption))[scene.objects[0].shape]
        total.append(word_map({name: m[i : i + 1] for name, m in maps.items()}, columns, (8, 8))[0])
    total = np.stack(total)
    low, high = (f(total, axis=(1, 2), keepdims=True) for f in (np.min, np.max))
    inside = binary_dilation((total - low) / (high - low) > 0.4, structure=np.ones((1, 3, 3)))
    return inside.repeat(4, axis=1).repeat(4, axis=2)


def what_another_hole_costs(pipeline, pictures):
    """Error with another picture's hole and surroundings shown, over that with its own, by the empty sentence."""
    diffusion, t = pipeline.diffusion, 600
    signal, sigma = diffusion.schedule.signal[t], diffusion.schedule.sigma[t]
    z, noise = pipeline.encode(pictures, COUNT), diffusion.noise(COUNT)
    extra = inpainting_examples(pipeline.autoencoder, 2 * np.float32(pictures) - 1)
    told = {name: ops.convert_to_numpy(value) for name, value in pipeline.conditions([""] * COUNT).items()}
    told |= {"x": np.float32(signal * z + sigma * noise), "t": np.full(COUNT, t)}
    velocity = signal * noise - sigma * z

    def error(shown):
        said = ops.convert_to_numpy(diffusion.network({**told, "extra": shown}))
        return float(np.mean((said - velocity) ** 2))

    return error(np.roll(extra, 1, axis=0)) / error(extra)


def untrained_16():
    """The chapter's metrics, of networks with their first weights."""
    parts = (
        presets.build("clip-scenes").text_encoder,
        load_tokenizer("scenes"),
        presets.build("autoencoder-scenes"),
    )
    one = pipeline_for("unet-scenes", presets.build("unet-scenes"))
    image_to_image, repaint = ImageToImagePipeline(one, *parts), InpaintPipeline(one, *parts)
    nine = InpaintPipeline(pipeline_for("unet-scenes-inpaint", presets.build("unet-scenes-inpaint")), *parts)
    found = scenes.sample_scenes(COUNT, seed=0, split="held_out")
    asked = scenes.sample_scenes(COUNT, seed=1, split="held_out")
    captions, given = [plain_caption(scene) for scene in found], scenes.draw_scenes(found, seed=0) / 255
    boxes = np.stack([box_over(scene) for scene in found])
    cuts = np.arange(scenes.SIDE) < scenes.SIDE / 2
    reader = SceneReader(scenes)

    def right(pictures, wanted=found):
        return alignment(np.uint8(np.round(255 * pictures)), wanted, reader).together

    def edited(strength):
        words = [plain_caption(scene) for scene in asked]
        return image_to_image.generate(words, pictures=given, strength=strength, **HOW)

    def filled(pipeline, masks, **options):
        return right(pipeline.generate(captions, pictures=given, mask=masks, **options, **HOW))

    cut = np.broadcast_to(cuts, given.shape[:3])
    masks, objects = shape_masks(repaint, given, captions, found), np.stack([object_pixels(s) for s in found])
    return {
        "follow_at_full": right(edited(1.0), asked),
        "kept_in_silence": right(edited(0.5)),
        "nine_looks": what_another_hole_costs(nine, given),
        "cut_nine": filled(nine, cut),
        "cover_repaint": filled(repaint, boxes),
        "cover_nine": filled(nine, boxes),
        "map_lead": float(masks[objects].mean() - masks.mean()),
        "edit_right": filled(nine, masks),
    }
