"""Stable Diffusion at full size as one of the course's pipelines, for who has the published weights (chapter 17).

Text to image, image to image and filling holes are the same classes as for the course's own small network: only the
parts are larger.
"""

from pathlib import Path
from types import MappingProxyType

from diffusion_course.models import stable_diffusion
from diffusion_course.models.published import Networks, load_published
from diffusion_course.models.tensor_files import check_checksum
from diffusion_course.pipelines.diffusion import SCHEDULES, DiffusionPipeline
from diffusion_course.pipelines.text_to_image import TextToImagePipeline
from diffusion_course.tokenizer import CLIP_VOCABULARY_SHA256, Tokenizer, load_clip_tokenizer

# As published: 50 steps of DDIM, away from the empty text.
SETTINGS = MappingProxyType({"steps": 50, "guidance_scale": 7.5, "sampler": "ddim", "batch_size": 1})


def load_stable_diffusion(
    name: str,
    folder: Path | str,
    kind: type[TextToImagePipeline] = TextToImagePipeline,
    *,
    side: int | None = None,
) -> TextToImagePipeline:
    """A pipeline with the published weights of a folder.

    Args:
        name: "sd-1" or "sd-2".
        folder: as in `models.published`. A network with nine channels, which was trained to fill holes, makes an
            `InpaintPipeline` only; with any other one that does it by RePaint.
        kind: the pipeline to make.
        side: of the pictures in pixels, a multiple of 64; by default that of the training.

    Raises:
        MissingFile, DamagedFile, ValueError: as `load_published`; also of the tokenizer's files, or where the kind of
            pipeline does not fit.
    """
    tokenizer = clip_tokenizer(name, Path(folder))  # before what takes long
    return put_together(load_published(name, folder, side=side), tokenizer, kind)


def put_together(
    networks: Networks, tokenizer: Tokenizer, kind: type[TextToImagePipeline] = TextToImagePipeline
) -> TextToImagePipeline:
    """A pipeline of networks that are loaded already; arguments as in `load_stable_diffusion`."""
    schedule, steps = stable_diffusion.SCHEDULE
    # Latents have no range to clip to.
    diffusion = DiffusionPipeline(networks.unet, SCHEDULES[schedule](steps), networks.prediction, None)
    return kind(diffusion, networks.text_encoder, tokenizer, networks.autoencoder)


def clip_tokenizer(name: str, folder: Path) -> Tokenizer:
    """The tokenizer of a release: from the folder's own files if there are any, else from those of the course.

    Args:
        name: "sd-1" or "sd-2", which fill short texts up with different tokens.
        folder: it may hold ``tokenizer/merges.txt``, with ``vocab.json`` beside it, or
            ``bpe_simple_vocab_16e6.txt.gz``.

    Raises:
        ValueError, DamagedFile: as `Tokenizer.from_clip_files`.
    """
    pad_id = stable_diffusion.release(name).pad_id
    merges, published = folder / "tokenizer" / "merges.txt", folder / "bpe_simple_vocab_16e6.txt.gz"
    if merges.is_file():
        vocabulary = merges.with_name("vocab.json")
        vocabulary = vocabulary if vocabulary.is_file() else None
        return Tokenizer.from_clip_files(merges, vocabulary, pad_id=pad_id)
    if published.is_file():
        return Tokenizer.from_clip_files(check_checksum(published, CLIP_VOCABULARY_SHA256), pad_id=pad_id)
    return load_clip_tokenizer(pad_id=pad_id)
