"""A larger latent U-Net for those who have a GPU: the same data and the same steps as in chapter 15, more of both."""

from functools import partial

from diffusion_course.models.unet import UNet
from diffusion_course.recipes.base import Recipe
from diffusion_course.recipes.diffusion import Stage, tidy_up, train_stages
from diffusion_course.recipes.latent_scenes import (
    AUTOENCODER,
    JUDGED,
    PICTURES,
    TEXT,
    dropping,
    evaluate,
    followed,
    painter,
    training_data,
    training_pictures,
)

LARGE = "unet-scenes-96"
STAGES = (Stage(12_000, "muon", ema=0.999, focus=(0.0, 2.0)),)  # 60,000 in `full`


def train(network: UNet, profile: str, seed: int = 0) -> float:
    """Trains in place on latents of scenes and their captions. Returns the seconds of all runs."""
    data = training_data(*training_pictures(PICTURES[profile]))
    return train_stages(network, LARGE, STAGES, profile, seed, data, **dropping())


def judge(network: UNet) -> dict[str, float]:
    """How well pictures of default settings follow held-out captions of one object and of two."""
    pipeline = painter(network, LARGE)
    return {
        f"{kind}_{name}": value
        for kind in ("one", "two")
        for name, value in followed(pipeline, kind).summary().items()
    }


RECIPES = {
    LARGE: Recipe(
        "Scenes, 40,000 training scenes (in `full` 200,000) with their captions; measured on held-out combinations",
        train,
        partial(evaluate, name=LARGE),
        judge,
        f"{JUDGED} held-out captions of each kind with default settings, by `metrics.alignment`",
        partial(tidy_up, LARGE, STAGES),
        needs=(AUTOENCODER, TEXT),
    )
}
