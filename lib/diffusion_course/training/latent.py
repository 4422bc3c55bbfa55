"""What a latent diffusion model trains on: pictures as latents, and captions as what a text encoder says of them.

Both networks are frozen. Each picture and each text passes through them once, before the training (chapter 15).
"""

from collections.abc import Mapping, Sequence

import numpy as np

from diffusion_course.backend import undivided


def encode_pictures(autoencoder, pictures, *, seed: int = 0, batch_size: int = 256) -> np.ndarray:
    """Latents of pictures, drawn from the Gaussians that the encoder gives, times the latent scale.

    Args:
        autoencoder: an `models.autoencoder_kl.AutoencoderKL`, trained.
        pictures: (N, H, W, C) in [-1, 1].
        seed: of the noise.
        batch_size: pictures at a time.

    Returns:
        (N, H / f, W / f, c) float32, of variance about 1.

    Reference: Rombach et al. 2022 (arXiv:2112.10752), appendix G.
    """
    shape = (len(pictures), *autoencoder.latent_shape)
    noise = np.random.default_rng(seed).standard_normal(shape, dtype="float32")
    return autoencoder.to_latents(pictures, noise=noise, batch_size=batch_size)


def encode_texts(
    text_encoder, ids, *, names: Sequence[str] = ("context", "pooled"), batch_size: int = 256
) -> dict[str, np.ndarray]:
    """What a network is told of texts, as its conditions.

    Args:
        text_encoder: a `models.text_encoder.TextEncoder`, trained.
        ids: (N, L) token ids.
        names: which of the two the network takes.
        batch_size: texts at a time.

    Returns:
        ``"context"`` (N, L, D), the hidden states, and ``"pooled"`` (N, D); float16, since they are many: 40,000
        captions of 32 tokens are 0.3 GB.
    """
    with undivided():
        out = text_encoder.predict(ids, batch_size=batch_size, verbose=0)
    found = {"context": out["hidden"], "pooled": out["pooled"]}
    return {name: found[name].astype("float16") for name in names}


def of_nothing(text_encoder, ids, **options) -> Mapping[str, np.ndarray]:
    """The conditions of the empty text, of one row: what `DiffusionTrainer` takes for ``unconditional``.

    Args:
        text_encoder: as in `encode_texts`.
        ids: (1, L), token ids of the empty text.
        **options: as there.
    """
    return {name: array[0] for name, array in encode_texts(text_encoder, ids, **options).items()}
