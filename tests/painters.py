"""Tiny text-to-image pipelines for tests: an oracle that knows the picture of each prompt, and untrained networks."""

import keras
import numpy as np
from helpers import numpy, shaken

from diffusion_course.models.autoencoder_kl import AutoencoderKL
from diffusion_course.models.text_encoder import TextEncoder
from diffusion_course.models.unet import UNet
from diffusion_course.pipelines.diffusion import DiffusionPipeline
from diffusion_course.pipelines.text_to_image import TextToImagePipeline
from diffusion_course.schedules import NoiseSchedule
from diffusion_course.tokenizer import Tokenizer, learn_merges

PROMPTS = ["a red star", "a blue ring", "red ring, blue star"]
LENGTH, WIDTH = 10, 8


def tokenizer() -> Tokenizer:
    return Tokenizer(learn_merges(PROMPTS, 40), length=LENGTH)


def text_encoder():
    size = tokenizer().vocabulary_size
    return shaken(TextEncoder(vocabulary_size=size, width=WIDTH, depth=1, heads=2, length=LENGTH))


def autoencoder(scale: float = 0.7) -> AutoencoderKL:
    """8 x 8 x 3 to 4 x 4 x 2."""
    sizes = {"image_shape": (8, 8, 3), "latent_channels": 2, "widths": (4,), "groups": 2}
    model = shaken(AutoencoderKL(**sizes), 0.2)
    model.latent_scale = scale
    return model


def unet(shape, **more) -> UNet:
    sizes = {"widths": (4,), "num_res_blocks": 1, "groups": 2, "heads": 2}
    return shaken(UNet(image_shape=shape, **sizes, context_dim=WIDTH, pooled_dim=WIDTH, **more), 0.2)


def pixels(kind=TextToImagePipeline, **more):
    """An untrained network of 8 x 8 x 3 pixels, 50 steps, velocity."""
    diffusion = DiffusionPipeline(unet((8, 8, 3), **more), NoiseSchedule.cosine(50), "velocity")
    return kind(diffusion, text_encoder(), tokenizer())


def latents(kind=TextToImagePipeline, **more):
    """The same for latents of 4 x 4 x 2."""
    diffusion = DiffusionPipeline(unet((4, 4, 2), **more), NoiseSchedule.cosine(50), "velocity", clip=None)
    return kind(diffusion, text_encoder(), tokenizer(), autoencoder())


def oracle(answers: dict[str, np.ndarray], kind=TextToImagePipeline, *, decoder=None):
    """A pipeline whose network knows what each text is to give: an affine function of the text's pooled vector.

    Args:
        answers: text -> (H, W, C), pixels in [-1, 1], or latents; at most as many as a pooled vector has numbers.
        kind: of the pipeline.
        decoder: the autoencoder of the latents.
    """
    encoder, words = text_encoder(), tokenizer()
    told = numpy(encoder(words.encode(list(answers)))["pooled"])  # (K, WIDTH)
    shape = np.shape(next(iter(answers.values())))
    wanted = np.stack(list(answers.values())).reshape(len(answers), -1)
    x, t = keras.Input(shape, name="x"), keras.Input((), dtype="int32", name="t")
    pooled = keras.Input((WIDTH,), name="pooled")
    dense = keras.layers.Dense(wanted.shape[1], use_bias=False)
    said = keras.ops.reshape(dense(pooled), (-1, *shape)) + 0 * x
    said = said + 0 * keras.ops.reshape(keras.ops.cast(t, "float32"), (-1, 1, 1, 1))
    dense.kernel.assign(np.linalg.pinv(told.astype("float64")) @ wanted)
    network = keras.Model({"x": x, "t": t, "pooled": pooled}, said)
    network.image_shape = tuple(shape)
    clip = (-1.0, 1.0) if decoder is None else None
    return kind(DiffusionPipeline(network, NoiseSchedule.cosine(50), "x0", clip), encoder, words, decoder)


def counting(pipeline, rows: list):
    """Replaces the pipeline's ``denoise`` by one that notes how many pictures each call is for, and what it is told."""
    inner = pipeline.diffusion.denoise

    def denoise(x, t, **conditions):
        rows.append((x.shape[0], numpy(x), {name: numpy(value) for name, value in conditions.items()}))
        return inner(x, t, **conditions)

    object.__setattr__(pipeline.diffusion, "denoise", denoise)
    return pipeline
