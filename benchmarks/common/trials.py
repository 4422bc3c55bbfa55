"""One training step and one step of use for every preset: does it run here, on this backend, and how fast?"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import keras
import numpy as np

from diffusion_course.backend import compile_function
from diffusion_course.models import presets
from diffusion_course.models.anomaly import AnomalyDetector
from diffusion_course.models.autoencoder import Autoencoder
from diffusion_course.models.classifier import Classifier
from diffusion_course.models.denoiser import Denoiser
from diffusion_course.models.denoising_autoencoders import DenoisingAutoencoder, DnCNN
from diffusion_course.models.resnet_denoiser import ResNetDenoiser
from diffusion_course.models.unet import UNet
from diffusion_course.models.vae import VAE
from diffusion_course.samplers.ddpm import DDPMSampler
from diffusion_course.schedules import NoiseSchedule
from diffusion_course.training.denoising import DenoisingTrainer
from diffusion_course.training.diffusion import DiffusionTrainer

DIFFUSION = (UNet, ResNetDenoiser)


@dataclass(frozen=True)
class Trial:
    """A preset with all that one step needs.

    Attributes:
        model: as `presets.build` gave it.
        train: number of steps -> mean loss over them; one batch of random data, always the same.
        use: number of steps -> tensor, what the model is for, compiled, on that batch: a diffusion network takes so
            many sampling steps, any other model is called so often.
    """

    model: keras.Model
    train: Callable[[int], float]
    use: Callable[[int], object]


def prepare(
    name: str, *, batch_size: int = 4, jit: bool = False, policy: str = "float32", seed: int = 0
) -> Trial:
    """Builds a preset, untrained, and the trainer that fits it.

    Args:
        name: one of `presets.PRESETS`.
        batch_size: rows of the batch.
        jit: XLA for training and sampling where the backend leaves the choice; JAX always uses it.
        policy: Keras's dtype policy of the model, e.g. "mixed_bfloat16"; trainers and samplers compute in float32.
        seed: of weights and data.

    Raises:
        ValueError: no such preset.
        TypeError: no trainer is known for this kind of model.
    """
    keras.utils.set_random_seed(seed)
    with _dtype_policy(policy):
        model = presets.build(name)
    trainer, loss, x, y = _task(model, batch_size, np.random.default_rng(seed))
    # On JAX False would mean op by op, which nobody wants to know.
    trainer.compile(
        keras.optimizers.Adam(1e-3), loss=loss, jit_compile=jit or keras.config.backend() == "jax"
    )
    trainer.optimizer.build(trainer.trainable_variables)  # or TensorFlow traces the first step twice

    def batches():
        while True:
            yield (x,) if y is None else (x, y)

    def train(steps: int) -> float:
        return float(
            trainer.fit(batches(), steps_per_epoch=steps, shuffle=False, verbose=0).history["loss"][0]
        )

    return Trial(model, train, _use(model, trainer, x, jit))


def timed(step: Callable[[int], object], steps: int) -> dict[str, float]:
    """How long ``train`` or ``use`` of a trial takes.

    Args:
        step: takes the number of steps.
        steps: of the measurement.

    Returns:
        ``cold_start_s``, seconds of the first call with one step, which traces and compiles, and ``ms_per_step`` of a
        later call.
    """

    def run(count: int) -> float:
        began = time.perf_counter()
        result = step(count)
        if not isinstance(result, float):
            keras.ops.convert_to_numpy(result)  # a GPU works on after the call has returned
        return time.perf_counter() - began

    cold = run(1)
    run(steps)
    return {"cold_start_s": cold, "ms_per_step": 1000 * run(steps) / steps}


@contextmanager
def _dtype_policy(policy: str) -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _task(model: keras.Model, batch_size: int, rng: np.random.Generator):
    """The model that `fit` is called on, its loss if it has none of its own, inputs and targets."""
    if isinstance(model, AnomalyDetector):
        x = rng.standard_normal((batch_size, model.length)).astype("float32")
        return model, "mae", x, x
    if isinstance(model, DIFFUSION):
        x = rng.uniform(-1, 1, (batch_size, *model.image_shape)).astype("float32")
        return (
            DiffusionTrainer(model, NoiseSchedule.cosine(), learned_variance=_learned(model)),
            None,
            x,
            None,
        )
    shape = getattr(model, "image_shape", None) or (28, 28, 1)
    x = rng.uniform(0, 1, (batch_size, *shape)).astype("float32")
    if isinstance(model, (DenoisingAutoencoder, DnCNN)):
        return DenoisingTrainer(model), None, x, None
    if isinstance(model, VAE):
        return model, None, x, None
    if isinstance(model, Classifier):
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        return model, loss, x, rng.integers(0, model.num_classes, batch_size)
    if isinstance(model, Autoencoder):
        return model, "mse", x, x
    raise TypeError(
        f"`model` must be of a kind that a trainer is known for. Received: {type(model).__name__}"
    )


def _use(model: keras.Model, trainer: keras.Model, x: np.ndarray, jit: bool) -> Callable[[int], object]:
    if not isinstance(model, DIFFUSION):
        inputs = {"x": x, "sigma": np.full(len(x), 0.2, "float32")} if _conditioned(model) else x
        compiled = compile_function(lambda inputs: model(inputs), jit=jit)

        def call(steps: int):
            for _ in range(steps):
                result = compiled(inputs)
            return result

        return call
    variance = "learned" if _learned(model) else "small"
    sampler, denoise = DDPMSampler(trainer.schedule, variance=variance), Denoiser(model, jit=jit)
    return lambda steps: sampler.sample(denoise, x, steps=steps)


def _learned(model: keras.Model) -> bool:
    return model.out_channels == 2 * model.image_shape[-1]


def _conditioned(model: keras.Model) -> bool:
    return getattr(model, "conditioned", False)
