"""XLA compiles what a GPU will run, with the same numbers: on a CPU nothing else in the course would notice a fault."""

import keras
import numpy as np
import pytest

from diffusion_course.models.denoiser import Denoiser
from diffusion_course.models.unet import UNet
from diffusion_course.samplers.ddpm import DDPMSampler
from diffusion_course.schedules import NoiseSchedule
from diffusion_course.training.diffusion import DiffusionTrainer

RNG = np.random.default_rng(0)
X, NOISE = (RNG.standard_normal((4, 8, 8, 1)).astype("float32") for _ in range(2))
T = np.array([0, 3, 20, 39], "int32")


def network():
    keras.utils.set_random_seed(0)
    widths = (8, 16)
    return UNet(
        image_shape=(8, 8, 1), widths=widths, fold=2, heads=2, attention=(False, True), num_res_blocks=1
    )


def trained(jit):
    """A U-Net after three steps on given noise: Keras's own draws differ under XLA."""
    model = network()
    model.compile(keras.optimizers.Adam(1e-2), "mse", jit_compile=jit)
    losses = model.fit({"x": X, "t": T}, NOISE, batch_size=4, epochs=3, verbose=0, shuffle=False)
    return model, losses.history["loss"]


def test_training_step_and_sampled_pictures_are_the_same_with_xla():
    plain, plain_losses = trained(False)
    xla, xla_losses = trained(True)
    assert plain_losses[0] > plain_losses[-1]
    np.testing.assert_allclose(xla_losses, plain_losses, rtol=1e-4)
    pictures = [
        keras.ops.convert_to_numpy(
            DDPMSampler(NoiseSchedule.cosine(40)).sample(Denoiser(plain, jit=jit), X, steps=10, seed=1)
        )
        for jit in (False, True)
    ]
    np.testing.assert_allclose(pictures[1], pictures[0], atol=1e-3)


@pytest.mark.parametrize("learned_variance", [False, True])
def test_diffusion_trainer_compiles_with_xla(learned_variance):
    keras.utils.set_random_seed(0)
    widths = {"widths": (8,), "heads": 2, "out_channels": 2 if learned_variance else 1}
    trainer = DiffusionTrainer(
        UNet(image_shape=(8, 8, 1), **widths), NoiseSchedule.cosine(40), learned_variance=learned_variance
    )
    trainer.compile(keras.optimizers.Adam(1e-2, use_ema=True), jit_compile=True)
    assert np.isfinite(
        trainer.fit(np.clip(X, -1, 1), batch_size=4, epochs=2, verbose=0).history["loss"]
    ).all()
