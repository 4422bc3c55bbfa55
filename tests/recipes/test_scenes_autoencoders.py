"""Recipes of chapter 14: pictures of other colours, and measures that see what an autoencoder loses."""

import numpy as np
import pytest

from diffusion_course.models import presets
from diffusion_course.recipes import scenes_autoencoders
from diffusion_course.recipes.scenes_autoencoders import recoloured, training_pictures


def test_other_colours_keep_edges_and_range():
    pictures = training_pictures(300)
    other = recoloured(pictures, seed=0)
    assert other.shape == pictures.shape and np.abs(other).max() <= 1
    changed = (other != pictures).any(axis=(1, 2, 3))
    # 1 of 48 of those that are chosen draws the colours that it had
    assert changed.mean() == pytest.approx(2 / 3 * 47 / 48, abs=0.09)
    for before, after in zip(pictures[changed], other[changed], strict=True):
        # each channel is one of the old ones, or its negative
        for channel in np.moveaxis(after, -1, 0):
            assert any(
                np.array_equal(channel, sign * old) for old in np.moveaxis(before, -1, 0) for sign in (1, -1)
            )
    np.testing.assert_array_equal(other, recoloured(pictures, seed=0))
    assert (recoloured(pictures, seed=1) != other).any()


def test_only_the_autoencoder_of_the_later_chapters_has_a_second_stage():
    assert scenes_autoencoders.stages_of("autoencoder-scenes", "standard") == [3_000, 600]
    assert scenes_autoencoders.stages_of("autoencoder-scenes-f8", "standard") == [1_000]
    files = scenes_autoencoders.checkpoints_of("autoencoder-scenes", "standard", 0)
    others = scenes_autoencoders.checkpoints_of("autoencoder-scenes", "full", 1)
    assert len({*files, *others}) == 4


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_compared_autoencoders_differ_in_their_factor(factor):
    model = presets.build(f"autoencoder-scenes-f{factor}")
    assert model.factor == factor and model.latent_shape == (32 // factor, 32 // factor, 4)


class Blurs:
    """An autoencoder that loses a part of each picture."""

    latent_scale = 1.0

    def __init__(self, error):
        self.error = error

    def to_latents(self, x):
        return x

    def to_pictures(self, z):
        sign = np.where(np.indices(z.shape).sum(axis=0) % 2, 1, -1)
        return np.clip(z, -1 + self.error, 1 - self.error) + self.error * sign.astype("float32")


def test_psnr_and_readability_of_an_autoencoder_fall_with_what_it_loses():
    good, bad = (scenes_autoencoders.evaluate(Blurs(error), count=60) for error in (0.01, 0.6))
    # An error of 0.01 everywhere is 46 dB of a range of 2, a little less where the range's ends were cut
    assert good["one_psnr"] == pytest.approx(46, abs=0.5) and good["one_read"] == good["two_read"] == 1.0
    assert bad["one_psnr"] < 15 and bad["two_read"] < good["two_read"]
