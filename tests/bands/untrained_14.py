"""Chapter 14 with autoencoders that were never trained, for `test_untrained`; the reader stays what it is."""

import keras

from diffusion_course.datasets import scenes
from diffusion_course.metrics.alignment import alignment
from diffusion_course.metrics.scene_reader import SceneReader
from diffusion_course.models import presets
from diffusion_course.recipes.latent_trials import bytes_of, psnr
from diffusion_course.training.latent import encode_pictures

COUNT = 128


def pictures_of(kind):
    """Held-out scenes and their pictures in [-1, 1]."""
    drawn = scenes.sample_scenes(COUNT, seed=14, kind=kind, split="held_out")
    return drawn, (scenes.draw_scenes(drawn, seed=14) / 127.5 - 1).astype("float32")


def untrained_14():
    """All autoencoders give grey, nearly."""
    held_out, reader = {kind: pictures_of(kind) for kind in ("one", "two")}, SceneReader(scenes)

    def psnr_of(name, kind):
        keras.utils.set_random_seed(0)
        x, autoencoder = held_out[kind][1], presets.build(name)
        return psnr(autoencoder.to_pictures(autoencoder.to_latents(x)), x)

    keras.utils.set_random_seed(0)
    autoencoder = presets.build("autoencoder-scenes")
    again = {kind: autoencoder.to_pictures(autoencoder.to_latents(x)) for kind, (_, x) in held_out.items()}
    read = {
        kind: alignment(bytes_of(again[kind]), wanted, reader).together
        for kind, (wanted, _) in held_out.items()
    }
    return {
        **{f"psnr_f{f}": psnr_of(f"autoencoder-scenes-f{f}", "one") for f in (2, 4, 8)},
        **{f"psnr_{kind}": psnr_of("autoencoder-scenes", kind) for kind in held_out},
        **{f"read_{kind}": share for kind, share in read.items()},
        "latent_std": float(encode_pictures(autoencoder, held_out["two"][1]).std()),
        "hand_psnr": psnr_of("autoencoder-scenes-f4", "one"),
    }
