"""From a picture with a hole and a sentence to a whole picture, in two ways.

Chapter 16. With any text-to-image network: RePaint, which after each step puts the known part back, noised to the level
where the step ends, and walks back and forth so that both parts come to fit. With a network that was trained for it: it
is shown the mask and what the mask leaves of the picture, as further channels.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from keras import ops

from diffusion_course.models.inpainting import extra_channels, latent_mask
from diffusion_course.pipelines.arguments import check_count, checked_mask, checked_prompts
from diffusion_course.pipelines.text_to_image import (
    Start,
    TextToImagePipeline,
    load_text_to_image,
)
from diffusion_course.samplers.base import Point, climb
from diffusion_course.samplers.noise import PictureNoise

RESAMPLE = (5, 3)  # each stretch of five steps is walked three times
# What is added to the seed for the known part's noise, so that no seed of a person gives the sampler the same noise.
KNOWN_SEED = 2**64


class InpaintPipeline(TextToImagePipeline):
    """As `TextToImagePipeline`; `generate` and `film` take what `walks` adds here.

    A network with the input ``extra`` is one that was trained for it, and gets there what
    `models.inpainting.extra_channels` gives; with any other the hole is filled by RePaint.

    Reference: Lugmayr et al., "RePaint: inpainting using denoising diffusion probabilistic models", 2022
    (arXiv:2201.09865), algorithm 1; Rombach et al. 2022 (arXiv:2112.10752), section 4.5, for the further channels.
    """

    more_inputs = frozenset({"extra"})

    def __post_init__(self):
        super().__post_init__()
        wanted = 1 + self.diffusion.network.image_shape[-1]
        if self.trained_for_it and self.diffusion.network.input["extra"].shape[-1] != wanted:
            raise ValueError(
                f"`extra` must have {wanted} channels, a mask and what it leaves. "
                f"Received: {self.diffusion.network.input['extra'].shape[-1]}"
            )

    @property
    def trained_for_it(self) -> bool:
        """Whether the network is told mask and known part itself."""
        return "extra" in self.diffusion.network.input

    def generate(self, prompts: str | Sequence[str], *, pictures, mask, **how) -> np.ndarray:
        """As `TextToImagePipeline.generate`; outside of the mask each pixel is that of the picture, unchanged.

        Args:
            prompts, pictures, mask, **how: as in `walks`.
        """
        made = super().generate(prompts, pictures=pictures, mask=mask, **how)
        return self._with_known(made, pictures, mask)

    def film(self, prompts: str | Sequence[str], *, pictures, mask, **how) -> Iterator[np.ndarray]:
        """As `TextToImagePipeline.film`, with the known pixels as they are from the beginning on; see `walks`."""
        frames = super().film(prompts, pictures=pictures, mask=mask, **how)
        return (self._with_known(made, pictures, mask) for made in frames)

    def walks(
        self,
        prompts: str | Sequence[str],
        *,
        pictures,
        mask,
        resample: tuple[int, int] | None = RESAMPLE,
        seed: int = 0,
        **how,
    ) -> list[Iterator[Point]]:
        """As `TextToImagePipeline.walks`, with a part of each picture given.

        Args:
            prompts: N texts, or one, of the whole picture.
            pictures: (N, H, W, C) in [0, 1], or (H, W, C), one for all.
            mask: (N, H, W), or (H, W) for all; 1 where to paint, 0 where the picture stays.
            resample: (length, times) of RePaint, as in `Sampler.__call__`; None walks each step once. A network that
                was trained for it is not resampled.
            seed, **how: as there.

        Raises:
            ValueError: as there; pictures of another shape or range; a mask of another size, or with another value
                than 0 and 1.
        """
        prompts = checked_prompts(prompts)
        count = len(prompts)
        check_count("seed", seed, least=0)
        mask = checked_mask(mask, count, self.picture_shape[:2])
        noise = self.diffusion.noise(count, seed)
        if self.trained_for_it:
            x = 2 * self.checked_pictures(pictures, count) - 1
            start = Start(noise, conditions={"extra": extra_channels(self.autoencoder, x, mask)})
        else:
            start = repaint(noise, self.encode(pictures, count), self._of_latents(mask), resample, seed)
        return super().walks(prompts, start=start, seed=seed, **how)

    def _of_latents(self, mask):
        return latent_mask(mask, 1 if self.autoencoder is None else self.autoencoder.factor)

    def _with_known(self, made, pictures, mask):
        mask = checked_mask(mask, len(made), self.picture_shape[:2])
        return np.where(mask == 1, made, self.checked_pictures(pictures, len(made)))


def repaint(noise, known, mask, resample, seed: int) -> Start:
    """Step 2 of RePaint: noise, and at each step the known part as it would be at that level.

    Args:
        noise: (N, h, w, c), to start from.
        known: like ``noise``, latents of the given pictures.
        mask: (N, h, w, 1), 1 where to paint.
        resample: as in `InpaintPipeline.walks`.
        seed: of the noise of the known part, which is drawn anew at each step; picture i's depends on (seed, i) alone.
    """

    def adjust_of(part: slice):
        z, hole = known[part], mask[part] == 1
        draw = PictureNoise(z.shape, seed=seed + KNOWN_SEED, first=part.start)

        def adjust(point: Point):
            return ops.where(hole, point.x, climb(z, point.alpha_bar, draw()))

        return adjust

    return Start(noise, resample=resample, adjust=adjust_of)


def load_inpaint(name: str = "unet-scenes-inpaint") -> InpaintPipeline:
    """As `load_text_to_image`, to fill holes; a network without the input ``extra`` does it by RePaint."""
    return load_text_to_image(name, InpaintPipeline)
