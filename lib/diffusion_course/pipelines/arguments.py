"""What text-to-image pipelines refuse: parts that do not fit, and arguments that break a rule (chapters 15 and 16)."""

from collections.abc import Collection, Sequence
from numbers import Integral

import numpy as np


def check_parts(pipeline, more: Collection[str] = ()) -> None:
    """Raises ValueError unless the parts of a `TextToImagePipeline` fit together.

    Args:
        pipeline: not yet in use.
        more: what its network may take beside x, t and a text.
    """
    network = pipeline.diffusion.network
    inputs = set(network.input)
    if not inputs & {"context", "pooled"} or inputs - {"x", "t", "context", "pooled"} - more:
        raise ValueError(
            "The network must take x, t, and of a text its `context` or `pooled`"
            f"{''.join(f', may take {name}' for name in more)}. Received: {sorted(inputs)}"
        )
    for name in sorted(inputs & {"context", "pooled"}):
        wanted = network.input[name].shape[-1]
        if pipeline.text_encoder.width != wanted:
            raise ValueError(
                f"The text encoder must have the width of the network's `{name}`, {wanted}. "
                f"Received: {pipeline.text_encoder.width}"
            )
    has = (pipeline.tokenizer.vocabulary_size, pipeline.tokenizer.length)
    reads = (pipeline.text_encoder.vocabulary_size, pipeline.text_encoder.length)
    if has[0] != reads[0] or has[1] > reads[1]:
        raise ValueError(
            f"The tokenizer must be the text encoder's, of {reads[0]} ids and up to {reads[1]} tokens. "
            f"Received: {has[0]} ids and {has[1]} tokens"
        )
    if pipeline.diffusion.calls_per_step != 1:
        raise ValueError("`diffusion` must be without guidance of its own. Received: one with it")
    if pipeline.autoencoder is not None and pipeline.autoencoder.latent_shape != network.image_shape:
        raise ValueError(
            f"The network must make the autoencoder's latents, {pipeline.autoencoder.latent_shape}. "
            f"Received: {network.image_shape}"
        )


def checked_prompts(prompts: str | Sequence[str]) -> list[str]:
    """A list of at least one text; a single text is a list of one.

    Raises:
        ValueError: it is no such list.
    """
    prompts = [prompts] if isinstance(prompts, str) else list(prompts)
    if not prompts or not all(isinstance(prompt, str) for prompt in prompts):
        raise ValueError(f"`prompts` must be a text, or at least one. Received: {prompts!r:.200}")
    return prompts


def checked_negatives(negative: str | Sequence[str] | None, count: int) -> list[str]:
    """``count`` negative prompts, of one for all, of one each, or of None, which is the empty text.

    Raises:
        ValueError: another number of them.
    """
    if negative is None or isinstance(negative, str):
        return [negative or ""] * count
    negative = list(negative)
    if len(negative) != count or not all(isinstance(text, str) for text in negative):
        raise ValueError(
            f"`negative` must be one text, or {count}, one per prompt. Received: {negative!r:.200}"
        )
    return negative


def check_count(name: str, value: int, least: int = 1) -> None:
    """Raises ValueError unless a value is an integer of at least so much."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise ValueError(f"`{name}` must be an integer of {least} or more. Received: {name}={value!r}")


def checked_pictures(pictures, count: int, shape: tuple[int, int, int]) -> np.ndarray:
    """``count`` pictures, (N, H, W, C) float32, of as many, or of one for all.

    Raises:
        ValueError: another shape than ``shape``, or values that are not floating point from 0 to 1.
    """
    pictures = np.asarray(pictures)
    if pictures.shape not in (shape, (count, *shape)):
        raise ValueError(
            f"`pictures` must have shape {(count, *shape)}, or {shape} for all. Received: {pictures.shape}"
        )
    if pictures.dtype.kind != "f" or not (pictures.min() >= 0 and pictures.max() <= 1):
        raise ValueError(
            "`pictures` must be floating point in [0, 1]. "
            f"Received: {pictures.dtype} from {pictures.min()} to {pictures.max()}"
        )
    return np.array(np.broadcast_to(pictures, (count, *shape)), "float32")


def checked_mask(mask, count: int, size: tuple[int, int]) -> np.ndarray:
    """A mask for each of ``count`` pictures, (N, H, W, 1) float32.

    Raises:
        ValueError: another size, or another value than 0 and 1.
    """
    mask = np.asarray(mask)
    if mask.shape not in (tuple(size), (count, *size)):
        raise ValueError(
            f"`mask` must have the pictures' size, {tuple(size)}, or be one per picture, {(count, *size)}. "
            f"Received: {mask.shape}"
        )
    if mask.dtype.kind not in "buif" or not np.isin(mask, (0, 1)).all():
        raise ValueError(
            "`mask` must be 1 where to paint and 0 elsewhere. "
            f"Received: {mask.dtype}, values {np.unique(mask)[:5].tolist()}"
        )
    return np.broadcast_to(mask, (count, *size))[..., None].astype("float32")
