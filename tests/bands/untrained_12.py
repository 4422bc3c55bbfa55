"""Chapter 12 with an untrained CLIP, for `test_untrained`."""

import keras
import numpy as np
from scipy.special import log_softmax

from diffusion_course.datasets.scene_captions import captions, plain_caption
from diffusion_course.datasets.scene_pairs import swapped
from diffusion_course.datasets.scenes import all_scenes, draw_scenes, sample_scenes
from diffusion_course.metrics.retrieval import retrieval, zero_shot
from diffusion_course.models import presets
from diffusion_course.recipes.contrastive import (
    ATTRIBUTES,
    learned_tokenizer,
    value_of,
    with_attribute,
    zero_shot_shares,
)


def untrained_12():
    """All metrics of chapter 12 with the first weights of its CLIP; "with" and "without" pairs are then one network."""
    network, tokenizer = presets.build("clip-scenes"), learned_tokenizer()

    def texts(scenes):
        return network.embed_texts(tokenizer.encode([plain_caption(scene) for scene in scenes]))

    def pictures_of(scenes, seed):
        return (draw_scenes(scenes, seed=seed) / 127.5 - 1).astype("float32")

    def images(scenes, seed):
        return network.embed_images(pictures_of(scenes, seed))

    def different(kind, count, seed):
        many = sample_scenes(8 * count, seed=seed, kind=kind, split="held_out")
        return list(dict.fromkeys(many))[:count]

    def rivals(scene, attribute):
        taken = {value_of(scene, attribute), scene.background, scene.objects[0].colour}
        others = [name for name in ATTRIBUTES[attribute] if name not in taken]
        return [scene, *(with_attribute(scene, attribute, name) for name in others)]

    found = []
    for kind in ("one", "two"):
        scenes = different(kind, 256, 11)
        found.append(retrieval(images(scenes, 11), texts(scenes)))

    held_out = all_scenes("one", "held_out")
    named = zero_shot_shares(network, tokenizer, held_out, pictures_of(held_out, 15))
    shares = {f"zero_shot_{attribute}": share for attribute, share in named.items()}

    two = different("two", 512, 13)
    nearer = (texts(two) - texts([swapped(scene) for scene in two])) * images(two, 13)
    one, rng = different("one", 256, 11), np.random.default_rng(2)
    lines = []
    for scene in one:
        attribute = rng.choice(list(ATTRIBUTES))
        other = rivals(scene, attribute)[rng.choice(len(rivals(scene, attribute)) - 1) + 1]
        lines.append((plain_caption(scene), rng.choice(captions(scene)[1:]), plain_caption(other)))
    ids = [tokenizer.encode(some) for some in zip(*lines, strict=True)]
    hidden = [network.text_encoder.predict(i, verbose=0)["hidden"].reshape(len(i), -1) for i in ids]
    closer = [
        np.mean(np.linalg.norm(x[0] - x[1], axis=1) < np.linalg.norm(x[0] - x[2], axis=1))
        for x in (hidden, [network.embed_texts(i) for i in ids])
    ]
    logits = np.exp(keras.ops.convert_to_numpy(network.log_scale)) * images(one, 11)[:64] @ texts(one[:64]).T
    losses = [-np.diag(log_softmax(logits, axis=axis)).mean() for axis in (0, 1)]
    groups = [rivals(scene, "shape") for scene in one]
    among = texts([scene for group in groups for scene in group]).reshape(
        len(one), len(ATTRIBUTES["shape"]), -1
    )
    return shares | {
        "find_caption": min(way["image to text"] for way in found),
        "find_picture": min(way["text to image"] for way in found),
        "swap_with_pairs": np.mean(nearer.sum(axis=1) > 0),
        "swap_gain": 0.0,
        "meaning_gain": closer[1] - closer[0],
        "loss_trained_here": np.mean(losses),
        "shape_trained_here": np.mean(zero_shot(images(one, 11), among) == 0),
    }
