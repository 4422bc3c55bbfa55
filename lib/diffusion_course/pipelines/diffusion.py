"""From noise to pictures with one of the course's diffusion networks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import keras
import numpy as np

from diffusion_course.models import presets
from diffusion_course.models.denoiser import Denoiser
from diffusion_course.models.guidance import classifier_free
from diffusion_course.samplers.base import Sampler
from diffusion_course.samplers.dpm_solver import DPMSolverSampler
from diffusion_course.schedules import NoiseSchedule

SCHEDULES = {
    "linear": NoiseSchedule.linear,
    "scaled linear": NoiseSchedule.scaled_linear,
    "cosine": NoiseSchedule.cosine,
}
# The best of benchmarks/guidance.py, for two networks with a guide; the course uses it for all.
RECOMMENDED_SAMPLER, RECOMMENDED_ETA = DPMSolverSampler, 1.0


@dataclass(eq=False, frozen=True)
class DiffusionPipeline:
    """A network with what it was trained for; for another network or scale make another one (`dataclasses.replace`).

    Attributes:
        network: ``{"x", "t", **conditions}`` -> prediction.
        schedule: the NoiseSchedule of its training.
        prediction: what it predicts: "noise", "x0" or "velocity".
        clip: the range of the data that it was trained with; None for latents.
        guide: a weaker network for the same schedule and prediction, to lead away from; None for none.
        unconditional: condition -> what stands for "none", the same for all pictures, without the batch's dimension:
            then guidance is classifier-free; None for none.
        guidance_scale: see `models.guidance`; 1 is off.
        denoise: ``denoise(x, t, **conditions)``, what samplers want.
        recommended: the sampler that `generate` uses unless told otherwise.

    Raises:
        ValueError: both a guide and ``unconditional``, or a guidance scale without either.
    """

    network: keras.Model
    schedule: NoiseSchedule
    prediction: str
    clip: tuple[float, float] | None = (-1.0, 1.0)
    guide: keras.Model | None = None
    unconditional: Mapping | None = None
    guidance_scale: float = 1.0
    denoise: Callable = field(init=False)
    recommended: Sampler = field(init=False)

    def __post_init__(self):
        if self.guide is not None and self.unconditional is not None:
            raise ValueError("Guidance must be by a `guide` or by `unconditional`. Received: both")
        if self.guide is not None:
            denoise = Denoiser(self.network, guide=self.guide, guidance_scale=self.guidance_scale)
        elif self.unconditional:
            denoise = classifier_free(Denoiser(self.network), self.unconditional, self.guidance_scale)
        elif self.guidance_scale != 1:
            raise ValueError(
                f"`guidance_scale` needs a `guide` or `unconditional`. Received: guidance_scale={self.guidance_scale}"
            )
        else:
            denoise = Denoiser(self.network)
        object.__setattr__(self, "denoise", denoise)
        object.__setattr__(self, "recommended", self.sampler(RECOMMENDED_SAMPLER, eta=RECOMMENDED_ETA))

    def sampler(self, kind: type[Sampler], **options) -> Sampler:
        """A sampler of that kind for what this network was trained for.

        Args:
            kind: e.g. `DDIMSampler`.
            **options: of its own, e.g. ``eta``.
        """
        return kind(self.schedule, **{"prediction": self.prediction, "clip": self.clip, **options})

    def checked_sampler(self, sampler: Sampler | None) -> Sampler:
        """Returns ``sampler``, or ``recommended`` for None; ValueError if it is for another schedule or prediction."""
        sampler = sampler or self.recommended
        if sampler.prediction != self.prediction or not np.array_equal(
            sampler.schedule.alpha_bars, self.schedule.alpha_bars
        ):
            raise ValueError(
                f"`sampler` must be for {self.schedule!r} and prediction {self.prediction!r}. Received: "
                f"{sampler.schedule!r} and {sampler.prediction!r}"
            )
        return sampler

    @property
    def calls_per_step(self) -> int:
        """Pictures that the networks look at for each one in each step of a sampler: 2 with guidance."""
        return 1 if self.guide is None and not self.unconditional else 2

    def noise(self, count: int, seed: int = 0) -> np.ndarray:
        """Standard normal noise (count, H, W, C), float32, the same for the same seed on every backend."""
        shape = (count, *self.network.image_shape)
        return np.random.default_rng(seed).standard_normal(shape, dtype="float32")

    def generate(
        self,
        count: int,
        *,
        steps=50,
        seed: int = 0,
        sampler: Sampler | None = None,
        denoise: Callable | None = None,
        batch_size: int = 256,
        **conditions,
    ) -> np.ndarray:
        """Makes pictures; picture i follows from (seed, i) and its conditions, however the set is cut into batches.

        Args:
            count: how many, at least 1.
            steps: of the sampler, or the list of steps to visit; each takes `calls_per_step` network calls.
            seed: 0 or more; of the noise to start from, and of the noise on the way.
            sampler: by default ``recommended``.
            denoise: by default the pipeline's own; another one must make the same kind of prediction.
            batch_size: pictures that are made at the same time.
            **conditions: what the network takes beside pictures and steps, each (count, ...).

        Returns:
            (count, H, W, C) float32 in [0, 1]; as the network made them where there is no ``clip``.

        Raises:
            ValueError: ``count`` or ``batch_size`` is not positive, the sampler is for another schedule or prediction
                or refuses its arguments, or a condition is not one per picture.
        """
        if count < 1 or batch_size < 1:
            raise ValueError(
                f"`count` and `batch_size` must be positive. Received: count={count}, batch_size={batch_size}"
            )
        sampler = self.checked_sampler(sampler)
        reserved = sorted({"first", "skip", "resample", "adjust"} & set(conditions))
        if reserved:
            raise ValueError(
                f"Conditions must not be named as arguments of samplers are. Received: {reserved}"
            )
        for name, value in conditions.items():
            if np.shape(value)[:1] != (count,):
                raise ValueError(
                    f"`{name}` must have one row per picture, {count}. Received: shape {np.shape(value)}"
                )
        denoise, x_T = denoise or self.denoise, self.noise(count, seed)
        made = []
        for first in range(0, count, batch_size):
            part = slice(first, first + batch_size)
            own = {name: value[part] for name, value in conditions.items()}
            x = sampler.sample(denoise, x_T[part], steps=steps, seed=seed, first=first, **own)
            made.append(keras.ops.convert_to_numpy(x))
        made = np.concatenate(made)
        if self.clip is None:
            return made
        low, high = self.clip
        return np.clip((made - low) / (high - low), 0, 1)


def load_pipeline(name: str, *, guide: bool = False) -> DiffusionPipeline:
    """A diffusion preset with the weights that come with the course.

    Args:
        name: one of ``presets.DIFFUSION``.
        guide: True adds the guide that the course recommends for it: better pictures with half as many steps, for the
            same number of network calls.

    Raises:
        ValueError: there is no such diffusion preset, or no weights or no guide for it.
        MissingFile, DamagedFile: as `presets.load_pretrained`.
    """
    check_diffusion(name)
    if guide:
        presets.check_preset(name, presets.GUIDED, "preset with a `guide`")
    pipeline = pipeline_for(name, presets.load_pretrained(name))
    if not guide:
        return pipeline
    weaker, guidance_scale = presets.PRESETS[name].guide
    return replace(pipeline, guide=presets.load_pretrained(weaker), guidance_scale=guidance_scale)


def pipeline_for(name: str, network: keras.Model) -> DiffusionPipeline:
    """A pipeline of a diffusion preset around a network that is not (or differently) trained; errors as above."""
    preset = presets.PRESETS[check_diffusion(name)]
    schedule, steps = preset.schedule
    return DiffusionPipeline(network, SCHEDULES[schedule](steps), preset.prediction, preset.clip)


def check_diffusion(name: str) -> str:
    """Returns ``name`` if it is one of ``presets.DIFFUSION``, else raises ValueError."""
    return presets.check_preset(name, presets.DIFFUSION, "diffusion preset")
