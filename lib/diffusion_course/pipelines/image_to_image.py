"""From a picture and a sentence to another picture: noise it only so far, and denoise it by the sentence.

Chapter 16. Only step 2 of `text_to_image`, latent preparation, is another one.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from diffusion_course.pipelines.arguments import check_count, checked_prompts
from diffusion_course.pipelines.text_to_image import (
    STEPS,
    Start,
    TextToImagePipeline,
    load_text_to_image,
)
from diffusion_course.samplers.base import Point, Sampler, climb


class ImageToImagePipeline(TextToImagePipeline):
    """As `TextToImagePipeline`; `generate` and `film` take what `walks` adds here.

    Reference: Meng et al., "SDEdit: guided image synthesis and editing with stochastic differential equations", 2022
    (arXiv:2108.01073), section 3.
    """

    def walks(
        self,
        prompts: str | Sequence[str],
        *,
        pictures,
        strength: float = 0.6,
        steps=STEPS,
        seed: int = 0,
        sampler: Sampler | str | None = None,
        **how,
    ) -> list[Iterator[Point]]:
        """As `TextToImagePipeline.walks`, from pictures that are noised in part.

        Args:
            prompts: N texts, or one.
            pictures: (N, H, W, C) in [0, 1], or (H, W, C), one for all.
            strength: 0 to 1, the share of the steps that is taken, the last ones. At 0 there is none: the picture comes
                back, through the autoencoder if there is one. At 1 all are, and of the picture is left what the
                schedule leaves of it at its last step: next to nothing.
            steps, seed, sampler, **how: as there.

        Raises:
            ValueError: as there; a strength out of range; pictures of another shape or range.
        """
        prompts, sampler = checked_prompts(prompts), self.sampler(sampler)
        check_count("seed", seed, least=0)
        levels = sampler.table(steps)["alpha_bar"][::-1]  # where each step begins, the noisiest first
        skip = steps_to_skip(strength, len(levels))
        latents = self.encode(pictures, len(prompts))
        if skip < len(levels):
            latents = climb(latents, levels[skip], self.diffusion.noise(len(prompts), seed)).astype("float32")
        start = Start(np.asarray(latents), skip)
        return super().walks(prompts, start=start, steps=steps, seed=seed, sampler=sampler, **how)


def steps_to_skip(strength: float, steps: int) -> int:
    """How many of so many steps are left out at the noisy end: all but the share ``strength``, rounded.

    >>> [steps_to_skip(strength, 25) for strength in (0, 0.2, 0.5, 1)]
    [25, 20, 13, 0]

    Raises:
        ValueError: the strength is not from 0 to 1.
    """
    if not 0 <= strength <= 1:
        raise ValueError(f"`strength` must be from 0 to 1. Received: strength={strength}")
    return steps - round(strength * steps)


def load_image_to_image(name: str = "unet-scenes") -> ImageToImagePipeline:
    """As `load_text_to_image`, to edit pictures."""
    return load_text_to_image(name, ImageToImagePipeline)
