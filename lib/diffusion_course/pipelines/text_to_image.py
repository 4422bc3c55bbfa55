"""From a sentence to a picture, in four steps: conditioning, latent preparation, denoising loop, decoding.

Chapter 15 takes them one by one. `TextToImagePipeline.walks` is all of it on a page; editing (chapter 16) changes step
2 alone.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from keras import ops

from diffusion_course.datasets.scene_captions import unknown_words
from diffusion_course.models import presets
from diffusion_course.models.autoencoder_kl import AutoencoderKL
from diffusion_course.models.guidance import check_scale, classifier_free
from diffusion_course.models.text_encoder import TextEncoder
from diffusion_course.pipelines.arguments import (
    check_count,
    check_parts,
    checked_negatives,
    checked_pictures,
    checked_prompts,
)
from diffusion_course.pipelines.diffusion import DiffusionPipeline, load_pipeline
from diffusion_course.samplers.base import Point, Sampler, itinerary, last
from diffusion_course.samplers.ddim import DDIMSampler
from diffusion_course.samplers.ddpm import DDPMSampler
from diffusion_course.samplers.dpm_solver import DPMSolverSampler
from diffusion_course.tokenizer import Tokenizer, load_tokenizer

STEPS, GUIDANCE_SCALE, BATCH_SIZE = 25, 2.0, 64
SAMPLERS = {
    "dpm": (DPMSolverSampler, {"eta": 1.0}),  # what `DiffusionPipeline` recommends
    "dpm-ode": (DPMSolverSampler, {"eta": 0.0}),
    "ddim": (DDIMSampler, {"eta": 0.0}),
    "ddpm": (DDPMSampler, {}),
}


class UnknownWordWarning(UserWarning):
    """A prompt has words that no caption had from which the model learned; the message names them."""


@dataclass(frozen=True)
class Start:
    """What denoising begins with: the result of step 2, for N pictures.

    Attributes:
        x: (N, ...) float32, noise, or noised latents at the level where step ``skip`` begins.
        skip: steps to leave out at the noisy end; all of them: ``x`` is finished.
        resample: as in `Sampler.__call__`.
        adjust: a slice of the N pictures -> the ``adjust`` of `Sampler.__call__` for them; None for none.
        conditions: what the network takes beside the text, name -> (N, ...).
    """

    x: np.ndarray
    skip: int = 0
    resample: tuple[int, int] | None = None
    adjust: Callable[[slice], Callable[[Point], Any]] | None = None
    conditions: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(eq=False, frozen=True)
class TextToImagePipeline:
    """Tokenizer, text encoder, diffusion network and decoder, put together.

    Attributes:
        diffusion: the network with its schedule, without guidance of its own; the network takes ``context``, the text
            encoder's hidden states, or ``pooled``, or both.
        text_encoder: ids (B, L) -> {"hidden": (B, L, D), "pooled": (B, D)}.
        tokenizer: the one that the text encoder was trained with.
        autoencoder: whose latents the network makes; None for a network of pixels, in [-1, 1].
        hint: what to warn of in a prompt, or None; by default nothing.

    Raises:
        ValueError: the parts do not fit together.
    """

    diffusion: DiffusionPipeline
    text_encoder: TextEncoder
    tokenizer: Tokenizer
    autoencoder: AutoencoderKL | None = None
    hint: Callable[[str], str | None] | None = None

    more_inputs = frozenset()  # of the network, beside x, t and the text

    def __post_init__(self):
        check_parts(self, self.more_inputs)

    @property
    def picture_shape(self) -> tuple[int, int, int]:
        """(H, W, C) of what it paints."""
        return tuple((self.autoencoder or self.diffusion.network).image_shape)

    def generate(self, prompts: str | Sequence[str], **how) -> np.ndarray:
        """Paints a picture for each prompt; picture i follows from its prompts and (seed, i), whatever the batch.

        Args:
            prompts: N texts; a single one is a batch of 1. An empty one leaves all to chance.
            **how: as in `walks`.

        Returns:
            (N, H, W, C) float32 in [0, 1].

        Raises:
            ValueError, Warns: as `walks`.
        """
        return np.concatenate([self.decode(last(walk).x) for walk in self.walks(prompts, **how)])

    def film(self, prompts: str | Sequence[str], *, show: str = "x", **how) -> Iterator[np.ndarray]:
        """Paints as `generate` does, and shows the pictures after each step; the last ones are the finished ones.

        Args:
            prompts: as in `generate`.
            show: "x", the noisy pictures as they are then, or "x0_hat", what the network takes them to become.
            **how: as in `walks`.

        Returns:
            An iterator over (N, H, W, C) float32 in [0, 1].

        Raises:
            ValueError, Warns: as `walks`, at once.
        """
        if show not in ("x", "x0_hat"):
            raise ValueError(f"`show` must be 'x' or 'x0_hat'. Received: {show!r}")
        steps = zip(*self.walks(prompts, **how), strict=True)  # all batches in step
        return (np.concatenate([self.decode(getattr(point, show)) for point in points]) for points in steps)

    def walks(
        self,
        prompts: str | Sequence[str],
        *,
        negative: str | Sequence[str] | None = None,
        guidance_scale: float = GUIDANCE_SCALE,
        steps=STEPS,
        seed: int = 0,
        sampler: Sampler | str | None = None,
        batch_size: int = BATCH_SIZE,
        callback: Callable[[int, int], Any] | None = None,
        start: Start | None = None,
    ) -> list[Iterator[Point]]:
        """Steps 1 to 3: the walks from noise to latents, one for each batch of prompts, to be walked by the caller.

        Args:
            prompts: as in `generate`.
            negative: what to lead away from, one text for all or one per prompt; by default the empty text. It has no
                influence where the guidance scale is 1.
            guidance_scale: 1 is off, and halves the work; above 1 the pictures follow the text more closely.
            steps: of the sampler, or the list of steps to visit.
            seed: 0 or more; of the noise to start from, and of the noise on the way.
            sampler: one of ``SAMPLERS``, or a Sampler; by default the one that `DiffusionPipeline` recommends.
            batch_size: pictures that are made at the same time.
            callback: called after each step of each batch with (steps done, steps in all).
            start: what to begin with; by default noise.

        Returns:
            For each batch an iterator of `Point`; the last one's x are its latents.

        Raises:
            ValueError: an argument breaks its rule; nothing has been computed then.

        Warns:
            TruncationWarning: a prompt is longer than the text encoder reads.
            UnknownWordWarning: a prompt has words that the model cannot know.
        """
        prompts = checked_prompts(prompts)
        negatives = checked_negatives(negative, len(prompts))
        check_scale(guidance_scale)
        check_count("seed", seed, least=0)
        check_count("batch_size", batch_size)
        sampler = self.sampler(sampler)
        start = start or self.start(len(prompts), seed)
        count = len(sampler.table(steps)["t"])  # refuses wrong steps
        moves = [] if start.skip == count else itinerary(count, start.skip, start.resample)
        self._warn([*prompts, *negatives])

        parts = [slice(first, first + batch_size) for first in range(0, len(prompts), batch_size)]
        in_all = len(parts) * sum(up_from is None for _, up_from in moves)
        done = iter(range(1, in_all + 1))

        def walk(part: slice) -> Iterator[Point]:
            # 1. Conditioning: what the network shall do, and what to lead away from.
            conditions = self.conditions(prompts[part])
            none = {} if guidance_scale == 1 else self.conditions(negatives[part])
            denoise = classifier_free(self.diffusion.denoise, none, guidance_scale)
            # 2. Latent preparation.
            x = start.x[part]
            conditions |= {name: value[part] for name, value in start.conditions.items()}
            # 3. The denoising loop.
            if not moves:
                yield Point(x, x, 0, 1.0)
                return
            way = {"steps": steps, "skip": start.skip, "resample": start.resample}
            own = {"seed": seed, "first": part.start, "adjust": start.adjust and start.adjust(part)}
            for point in sampler(denoise, x, **way, **own, **conditions):
                if callback is not None:
                    callback(next(done), in_all)
                yield point

        return [walk(part) for part in parts]

    # --- 1. Conditioning

    def conditions(self, texts: Sequence[str]) -> dict[str, Any]:
        """What the network takes of N texts: ``context`` (N, L, D), ``pooled`` (N, D), or both."""
        told = self.text_encoder(self.tokenizer.encode(texts), training=False)
        both = {"context": told["hidden"], "pooled": told["pooled"]}
        return {name: value for name, value in both.items() if name in self.diffusion.network.input}

    def _warn(self, texts) -> None:
        for text in dict.fromkeys(texts if self.hint else ()):
            if message := self.hint(text):
                warnings.warn(f"{message} It is painted all the same.", UnknownWordWarning, stacklevel=4)

    # --- 2. Latent preparation

    def start(self, count: int, seed: int = 0) -> Start:
        """Noise for ``count`` pictures; what picture i gets depends on (seed, i) alone."""
        return Start(self.diffusion.noise(count, seed))

    def encode(self, pictures, count: int) -> np.ndarray:
        """Latents of given pictures, to be edited.

        Args:
            pictures: (N, H, W, C) in [0, 1], or (H, W, C), one for all.
            count: N.

        Returns:
            (N, ...) float32, in the range or at the scale of the network's training.

        Raises:
            ValueError: another shape or range.
        """
        pictures = self.checked_pictures(pictures, count)
        x = 2 * pictures - 1
        return x if self.autoencoder is None else self.autoencoder.to_latents(x)

    def checked_pictures(self, pictures, count: int) -> np.ndarray:
        """``count`` pictures as a float32 array, if they are such as in `encode`; else raises ValueError."""
        return checked_pictures(pictures, count, self.picture_shape)

    # --- 3. The denoising loop

    def sampler(self, sampler: Sampler | str | None = None) -> Sampler:
        """A sampler for this network: one of ``SAMPLERS`` by its name, a given one, or the recommended one for None."""
        if not isinstance(sampler, str):
            return self.diffusion.checked_sampler(sampler)
        if sampler not in SAMPLERS:
            raise ValueError(f"A sampler must be one of {', '.join(SAMPLERS)}. Received: {sampler!r}")
        kind, options = SAMPLERS[sampler]
        return self.diffusion.sampler(kind, **options)

    # --- 4. Decoding

    def decode(self, latents) -> np.ndarray:
        """Pictures (N, H, W, C) float32 in [0, 1] of latents (N, ...)."""
        x = ops.convert_to_numpy(latents)
        x = x if self.autoencoder is None else self.autoencoder.to_pictures(x)
        return np.clip((x + 1) / 2, 0, 1)


def load_text_to_image(
    name: str = "unet-scenes", kind: type[TextToImagePipeline] = TextToImagePipeline
) -> TextToImagePipeline:
    """A text-to-image preset with the weights that come with the course, and all that it needs beside them.

    Args:
        name: one of ``presets.TEXT_TO_IMAGE``.
        kind: the pipeline to make; see `image_to_image` and `inpaint` for others.

    Raises:
        ValueError: there is no such preset, no weights for it, or the kind of pipeline does not fit it.
        MissingFile, DamagedFile: as `presets.load_pretrained`.
    """
    preset = presets.PRESETS[presets.check_preset(name, presets.TEXT_TO_IMAGE, "text-to-image preset")]
    return kind(
        load_pipeline(name),
        presets.load_pretrained(preset.text).text_encoder,
        load_tokenizer("scenes"),
        presets.load_pretrained(preset.autoencoder) if preset.autoencoder else None,
        hint=unknown_words,
    )
