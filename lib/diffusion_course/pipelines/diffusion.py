"""From noise to pictures with one of the course's diffusion networks."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import keras
import numpy as np

from diffusion_course.models import presets
from diffusion_course.models.guidance import guided
from diffusion_course.samplers.base import Sampler
from diffusion_course.samplers.dpm_solver import DPMSolverSampler
from diffusion_course.schedules import NoiseSchedule

SCHEDULES = {
    "linear": NoiseSchedule.linear,
    "scaled linear": NoiseSchedule.scaled_linear,
    "cosine": NoiseSchedule.cosine,
}
# The best of benchmarks/guidance.py, for two networks with a guide: the sampler, which the course then uses for all,
# and for each of the two its guide, a less trained network, with the guidance scale.
RECOMMENDED_SAMPLER, RECOMMENDED_ETA = DPMSolverSampler, 1.0
GUIDES = {"unet-mnist": ("unet-mnist-short", 1.5), "unet-fashion": ("unet-fashion-short", 2.0)}


@dataclass(eq=False)
class DiffusionPipeline:
    """A network with what it was trained for.

    Attributes:
        network: ``{"x", "t"}`` -> prediction.
        schedule: the NoiseSchedule of its training.
        prediction: what it predicts: "noise", "x0" or "velocity".
        guide: a weaker network for the same schedule and prediction, to lead away from; None for no guidance.
        guidance_scale: see `models.guidance.guided`; 1 is off.
        denoise: ``denoise(x, t)``, what samplers want. Always the same object, so that they compile once; for other
            networks make another pipeline (`dataclasses.replace`).
        recommended: the sampler that `generate` uses unless told otherwise.
    """

    network: keras.Model
    schedule: NoiseSchedule
    prediction: str
    guide: keras.Model | None = None
    guidance_scale: float = 1.0
    denoise: Callable = field(init=False)
    recommended: Sampler = field(init=False)

    def __post_init__(self):
        self.denoise = _denoiser(self.network)
        if self.guide is not None:
            self.denoise = guided(self.denoise, _denoiser(self.guide), self.guidance_scale)
        self.recommended = RECOMMENDED_SAMPLER(self.schedule, prediction=self.prediction, eta=RECOMMENDED_ETA)

    @property
    def calls_per_step(self) -> int:
        """Networks that run in each step of a sampler: 2 with a guide."""
        return 1 if self.guide is None else 2

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
    ) -> np.ndarray:
        """Makes pictures.

        Args:
            count: how many, at least 1.
            steps: of the sampler, or the list of steps to visit; each takes `calls_per_step` network calls.
            seed: 0 or more; of the noise to start from, and of the noise on the way.
            sampler: by default ``recommended``.
            denoise: by default the pipeline's own; another one must make the same kind of prediction.
            batch_size: pictures that are made at the same time.

        Returns:
            (count, H, W, C) float32 in [0, 1].

        Raises:
            ValueError: ``count`` or ``batch_size`` is not positive, or the sampler refuses its arguments.
        """
        if count < 1 or batch_size < 1:
            raise ValueError(
                f"`count` and `batch_size` must be positive. Received: count={count}, batch_size={batch_size}"
            )
        sampler, denoise, x_T = sampler or self.recommended, denoise or self.denoise, self.noise(count, seed)
        made = []
        for i, start in enumerate(range(0, count, batch_size)):
            part = x_T[start : start + batch_size]
            # Noise on the way is drawn per batch: with one seed for all, every batch would get the same
            x = sampler.sample(denoise, part, steps=steps, seed=(seed * 100_003 + i) % 2**31)
            made.append(keras.ops.convert_to_numpy(x))
        return np.clip((np.concatenate(made) + 1) / 2, 0, 1)


def _denoiser(network: keras.Model) -> Callable:
    def denoise(x, t):
        return network({"x": x, "t": t}, training=False)

    return denoise


def load_pipeline(name: str, *, guide: bool = False) -> DiffusionPipeline:
    """A diffusion preset with the weights that come with the course.

    Args:
        name: one of ``presets.DIFFUSION``.
        guide: True adds the guide that the course recommends for it: better pictures with half as many steps, for the
            same number of network calls.

    Raises:
        ValueError: there is no such diffusion preset, or no guide for it.
        MissingFile, DamagedFile: as `presets.load_pretrained`.
    """
    check_diffusion(name)
    if guide and name not in GUIDES:
        raise ValueError(f"`guide` needs one of {', '.join(GUIDES)}. Received: {name!r}")
    pipeline = pipeline_for(name, presets.load_pretrained(name))
    if not guide:
        return pipeline
    weaker, guidance_scale = GUIDES[name]
    return replace(pipeline, guide=presets.load_pretrained(weaker), guidance_scale=guidance_scale)


def pipeline_for(name: str, network: keras.Model) -> DiffusionPipeline:
    """A pipeline of a diffusion preset around a network that is not (or differently) trained; errors as above."""
    how = presets.DIFFUSION[check_diffusion(name)]
    return DiffusionPipeline(network, SCHEDULES[how["schedule"]](how["steps"]), how["prediction"])


def check_diffusion(name: str) -> str:
    """Returns ``name`` if it is one of ``presets.DIFFUSION``, else raises ValueError."""
    if name not in presets.DIFFUSION:
        raise ValueError(
            f"A diffusion preset must be one of {', '.join(presets.DIFFUSION)}. Received: {name!r}"
        )
    return name
