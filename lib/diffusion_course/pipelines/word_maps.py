"""Which word drove which pixel: attention maps of a text-to-image network, by step and by word (chapter 15).

>>> from diffusion_course.tokenizer import Tokenizer, learn_merges
>>> words_of(Tokenizer(learn_merges(["a red star"], 20)), "A red star, blue")
[('a', [1]), ('red', [2]), ('star', [3]), (',', [4]), ('blue', [5, 6, 7, 8])]
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from diffusion_course.models.attention_maps import map_reader
from diffusion_course.pipelines.arguments import checked_prompts
from diffusion_course.pipelines.text_to_image import TextToImagePipeline
from diffusion_course.tokenizer import Tokenizer, clean, split


class Look(NamedTuple):
    """What is seen of a step.

    Attributes:
        t: the step that the network was told.
        pictures: (N, H, W, C) in [0, 1], what the network took the pictures to become.
        maps: layer -> (N, heads, pixels of the layer, tokens), as `models.attention_maps.attention_maps`, of the
            network with the prompt, before the step; empty where no step was taken.
        x: (N, ...), pixels or latents after the step.
    """

    t: int
    pictures: np.ndarray
    maps: dict[str, np.ndarray]
    x: Any


def watch(
    pipeline: TextToImagePipeline,
    prompts: str | Sequence[str],
    *,
    seed: int = 0,
    read: Callable[[dict], dict] | None = None,
    **how,
) -> Iterator[Look]:
    """Paints as `TextToImagePipeline.generate` does, all prompts at once, and reads the attention maps of each step.

    Args:
        pipeline: of any kind, with a network that attends to the ``context``.
        prompts: N texts, or one.
        seed, **how: as in the ``walks`` of that kind, without ``batch_size``.
        read: a `map_reader` of the network, for who watches often; by default one is made.

    Yields:
        A `Look` for each step; the last one's pictures are the finished ones.

    Raises:
        ValueError: as there, or the network attends to no context.
    """
    prompts = checked_prompts(prompts)
    count, told = len(prompts), {}
    read = read or map_reader(pipeline.diffusion.network)
    denoise = pipeline.diffusion.denoise

    def overheard(x, t, **conditions):
        # With guidance the batch is there twice, and the prompts' rows are the last.
        t = ops.broadcast_to(t, (x.shape[0],))
        told.update({name: value[-count:] for name, value in {"x": x, "t": t, **conditions}.items()})
        return denoise(x, t, **conditions)

    diffusion = copy(pipeline.diffusion)
    object.__setattr__(diffusion, "denoise", overheard)  # the copy's: it is frozen for everyone else
    overheard_pipeline = replace(pipeline, diffusion=diffusion)
    (walk,) = overheard_pipeline.walks(prompts, seed=seed, batch_size=count, **how)
    for point in walk:
        yield Look(point.t, pipeline.decode(point.x0_hat), read(told) if told else {}, point.x)


def words_of(tokenizer: Tokenizer, prompt: str) -> list[tuple[str, list[int]]]:
    """The words of a prompt, each with the columns of the context that its tokens have.

    Column 0 is the start token's. Words, cleaned as the tokenizer does it, that no longer fit have no columns, or
    fewer.
    """
    words, column = [], 1
    for word in split(clean(prompt)):
        end = column + len(tokenizer.tokens(word))
        words.append((word, [i for i in range(column, end) if i < tokenizer.length - 1]))
        column = end
    return words


def word_map(maps: Mapping[str, np.ndarray], columns: Sequence[int], size: tuple[int, int]) -> np.ndarray:
    """How much each pixel looked at a word: the mean over heads and layers, the sum over the word's tokens.

    Args:
        maps: layer -> (N, heads, pixels of the layer, tokens).
        columns: of the word, from `words_of`.
        size: (H, W) of the result; each layer's pixels become blocks of it.

    Returns:
        (N, H, W) float32 from 0 to 1; over all columns it adds to 1.

    Raises:
        ValueError: there are no maps, or the pixels of one do not divide the size.

    Reference: Hertz et al. 2022 (arXiv:2208.01626), section 3.
    """
    if not maps:
        raise ValueError("`maps` must have at least one layer. Received: none")
    layers = []
    for name, weights in maps.items():
        pixels = weights.shape[2]
        factor = round((size[0] * size[1] / pixels) ** 0.5)
        if factor < 1 or size[0] % factor or size[1] % factor or factor**2 * pixels != size[0] * size[1]:
            raise ValueError(
                f"`size` must be a multiple of the layers' pixels. Received: {size}, {name}: {pixels}"
            )
        looked = weights[..., list(columns)].sum(axis=-1).mean(axis=1)  # (N, pixels)
        small = looked.reshape(-1, size[0] // factor, size[1] // factor)
        layers.append(small.repeat(factor, axis=1).repeat(factor, axis=2))  # (N, H, W)
    return np.mean(layers, axis=0, dtype="float32")
