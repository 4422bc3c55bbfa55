"""Recipes of Part IV: the data that the latent U-Net learns from, and a judge that knows who follows a caption."""

from types import SimpleNamespace

import numpy as np
import pytest

from diffusion_course.datasets.scene_captions import scene_of
from diffusion_course.datasets.scenes import draw_scenes, is_held_out, sample_scenes
from diffusion_course.models import presets
from diffusion_course.recipes import latent_scenes


def test_training_data_are_latents_of_variance_one_with_what_their_captions_tell():
    count = 200
    data = latent_scenes.training_data(*latent_scenes.training_pictures(count))
    assert data["x"].shape == (count, 8, 8, 4) and data["conditions"]["context"].shape == (count, 32, 128)
    assert data["conditions"]["pooled"].shape == (count, 128)
    assert data["x"].std() == pytest.approx(1, abs=0.05)
    told = data["conditions"]["pooled"].astype("float32")
    assert len(np.unique(told.round(3), axis=0)) > 0.9 * count  # captions differ


def test_its_network_takes_what_the_text_encoder_gives_and_makes_what_the_decoder_takes():
    network = presets.build(latent_scenes.UNET)
    autoencoder = presets.build(latent_scenes.AUTOENCODER)
    assert {"context", "pooled"} <= set(network.input) and network.image_shape == autoencoder.latent_shape
    assert presets.PRESETS[latent_scenes.UNET].clip is None


class Draws:
    """Paints by the rules of the data: what the caption says, or what the one before it says."""

    def __init__(self, shift=0):
        self.shift = shift

    def generate(self, prompts, **how):
        self.prompts = prompts
        scenes = np.roll(np.array([scene_of(text) for text in prompts], dtype=object), self.shift)
        return draw_scenes(list(scenes), seed=1) / np.float32(255)


@pytest.mark.parametrize("kind", ["one", "two"])
def test_who_draws_what_the_caption_says_follows_it_and_who_draws_another_does_not(kind):
    assert latent_scenes.followed(Draws(), kind, 40).together == 1.0
    other = latent_scenes.followed(Draws(shift=1), kind, 40)
    assert other.found == 1.0 and other.together < 0.1


def test_the_judge_asks_for_combinations_that_training_never_saw(monkeypatch):
    painter = Draws()
    monkeypatch.setattr(latent_scenes, "painter", lambda network: painter)
    monkeypatch.setattr(latent_scenes, "followed", lambda p, kind: asked(p, kind))
    kinds = []

    def asked(pipeline, kind):
        kinds.append(kind)
        scenes = sample_scenes(20, seed=48, kind=kind, split="held_out")
        assert all(is_held_out(scene) for scene in scenes)
        return SimpleNamespace(summary=lambda: {"together": 0.5})

    found = latent_scenes.judge(None)
    assert kinds == ["one", "two"] and set(found) == {"one_object_together", "two_objects_together"}


class Fills(Draws):
    """Fills holes by the rules of the data; or paints the picture anew as a whole."""

    def __init__(self, anew=False):
        super().__init__()
        self.anew = anew

    def generate(self, prompts, *, pictures, mask, **how):
        made = super().generate(prompts)
        if self.anew:
            return made
        known = mask[..., None] == 0
        amount = known.sum(axis=(1, 2), keepdims=True)
        # backgrounds have a jitter of their own; a seam would be read as an object
        seam = np.where(known, pictures - made, 0).sum(axis=(1, 2), keepdims=True) / amount
        return np.where(known, pictures, np.clip(made + seam, 0, 1).astype("float32"))


def test_holes_are_filled_right_by_who_knows_and_known_pixels_are_watched():
    filled = latent_scenes.filled(Fills(), 40)
    assert filled["together"] > 0.95 and filled["unchanged"] == 1.0
    anew = latent_scenes.filled(Fills(anew=True), 40)
    assert anew["together"] == 1.0 and anew["unchanged"] < 0.1


def test_pictures_before_the_filling_show_none_of_what_is_asked_for():
    class Leaves(Fills):
        def generate(self, prompts, *, pictures, mask, **how):
            return pictures

    found = latent_scenes.filled(Leaves(), 40)
    assert found["colour"] == found["shape"] == found["together"] == 0.0
    assert found["background"] == found["position"] == 1.0
