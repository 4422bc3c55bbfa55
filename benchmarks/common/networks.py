"""The networks of the comparisons."""

import keras

from diffusion_course.models import presets
from diffusion_course.models.unet import UNet
from diffusion_course.schedules import NoiseSchedule
from diffusion_course.training.diffusion import DiffusionTrainer, train_diffusion

RECOMMENDED = "unet-mnist"


def tutorial_network() -> keras.Model:
    """The U-Net of the tutorials at 32 channels: 28 x 28 pixels, 1-2-2 times the width, two blocks, attention below."""
    return UNet(image_shape=(28, 28, 1), widths=(32, 64, 64), num_res_blocks=2, heads=1)


def recommended_network() -> keras.Model:
    """What the course advises for MNIST."""
    return presets.build(RECOMMENDED)


def labelled_network() -> keras.Model:
    """The same with class labels, for guidance without a classifier."""
    return UNet(fold=2, widths=(32, 64), num_res_blocks=1, num_classes=10)


NETWORKS = {
    "tutorial": tutorial_network,
    "recommended": recommended_network,
    "labelled": labelled_network,
}


def described(model: keras.Model) -> dict:
    """What a reader needs to build it again."""
    names = ("fold", "widths", "num_res_blocks", "attention", "middle_attention")
    return {
        "parameters": model.count_params(),
        **{name: getattr(model, name) for name in names if hasattr(model, name)},
    }


def train_recommended(network: keras.Model, x, *, steps: int, **options) -> tuple[NoiseSchedule, str]:
    """Trains as the course advises for MNIST: velocity, cosine schedule, averaged weights.

    Args:
        network: of `recommended_network`; afterwards it holds the averaged weights.
        x: pictures in [-1, 1].
        steps, options: for `train_diffusion`.

    Returns:
        The schedule and the kind of prediction that a sampler must know.
    """
    schedule, prediction = NoiseSchedule.cosine(1000), "velocity"
    trainer = DiffusionTrainer(network, schedule, prediction=prediction)
    train_diffusion(trainer, x, steps=steps, warmup=min(200, steps // 10), **options)
    return schedule, prediction
