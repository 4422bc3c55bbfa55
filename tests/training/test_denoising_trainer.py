"""The trainer: noise as asked for, fresh each time, the right loss, and a network that learns."""

import keras
import numpy as np
import pytest

from diffusion_course.models.denoising_autoencoders import DnCNN
from diffusion_course.training.denoising import DenoisingTrainer

GREY = np.full((64, 28, 28, 1), 0.5, "float32")


def test_noise_has_the_levels_asked_for():
    trainer = DenoisingTrainer(DnCNN(width=4, blocks=1), levels=(0.1, 0.4), clip=False)
    noisy, sigma = (np.asarray(a) for a in trainer.corrupt(GREY))
    assert sigma.shape == (64,) and 0.1 <= sigma.min() < 0.2 < 0.3 < sigma.max() <= 0.4
    np.testing.assert_allclose((noisy - 0.5).std(axis=(1, 2, 3)), sigma, rtol=0.12)


def test_noise_is_fresh_and_repeatable():
    draw = [np.asarray(DenoisingTrainer(DnCNN(width=4), seed=s).corrupt(GREY)[0]) for s in (1, 1, 2)]
    np.testing.assert_array_equal(draw[0], draw[1])
    assert not np.array_equal(draw[0], draw[2])
    trainer = DenoisingTrainer(DnCNN(width=4))
    assert not np.array_equal(trainer.corrupt(GREY)[0], trainer.corrupt(GREY)[0])


def test_clip_keeps_the_range():
    noisy = np.asarray(DenoisingTrainer(DnCNN(width=4), levels=(1, 1)).corrupt(GREY)[0])
    assert noisy.min() == 0 and noisy.max() == 1


def test_loss_of_the_untrained_network_is_the_power_of_the_noise():
    trainer = DenoisingTrainer(DnCNN(width=4, blocks=1), levels=(0.3, 0.3), clip=False)
    trainer.compile("adam")
    loss = trainer.evaluate(GREY, verbose=0, return_dict=True)["loss"]
    np.testing.assert_allclose(loss, 0.3**2, rtol=0.03)


@pytest.mark.parametrize("conditioned", [False, True])
@pytest.mark.parametrize("jit", [False, True])
def test_learns(conditioned, jit):
    keras.utils.set_random_seed(0)
    trainer = DenoisingTrainer(
        DnCNN(width=8, blocks=1, conditioned=conditioned), levels=(0.1, 0.5), clip=False
    )
    trainer.compile(keras.optimizers.Adam(1e-2), jit_compile=jit)
    losses = trainer.fit(GREY, epochs=15, batch_size=16, verbose=0).history["loss"]
    assert losses[-1] < losses[0] / 2


@pytest.mark.parametrize("levels", [(0.4, 0.2), (0, 0.2), (-0.1, 0.1)])
def test_refuses_levels(levels):
    with pytest.raises(ValueError, match="0 < low <= high. Received"):
        DenoisingTrainer(DnCNN(width=4), levels=levels)
