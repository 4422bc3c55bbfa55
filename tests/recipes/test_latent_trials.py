"""The trials of chapter 14: alike but for what is compared, and judges that know good from bad."""

import keras
import numpy as np
import pytest

from diffusion_course.datasets.scenes import draw_scenes
from diffusion_course.models.autoencoder_kl import AutoencoderKL
from diffusion_course.recipes import latent_trials as trials


def test_a_row_says_all_of_a_scene_and_no_two_scenes_have_one():
    scenes, x = trials.training_scenes(300)
    rows = trials.told_of(scenes)
    assert rows.shape == (300, trials.ROW) and (rows.sum(1) == 5).all()
    assert len(set(map(bytes, rows))) == len(set(scenes))
    assert x.shape == (300, 32, 32, 3) and -1 <= x.min() < x.max() <= 1


def test_pictures_asked_for_are_held_out_and_always_the_same():
    wanted, (seen, _) = trials.wanted_scenes(64), trials.training_scenes(500)
    assert wanted == trials.wanted_scenes(64) and not {s.triples for s in wanted} & {s.triples for s in seen}


def test_ways_share_their_inner_levels():
    networks = {way: trials.new_network(way) for way in trials.WAYS}
    assert [networks[way].image_shape for way in trials.WAYS] == [(8, 8, 4), (32, 32, 3), (32, 32, 3)]
    assert networks["latents"].widths == networks["folded pixels"].widths == networks["pixels"].widths[-2:]
    assert trials.pipeline_of(networks["latents"]).clip is None
    assert [trials.pipeline_of(networks[way]).prediction for way in trials.WAYS] == [
        "velocity",
        "x0",
        "velocity",
    ]
    assert trials.pipeline_of(networks["pixels"]).clip == (-1.0, 1.0)
    with pytest.raises(ValueError, match="latents, folded pixels, pixels. Received: 'words'"):
        trials.new_network("words")


def test_real_pictures_are_clean_and_right_and_noise_is_neither():
    wanted = trials.wanted_scenes(24)
    good = trials.judge_pictures(draw_scenes(wanted, seed=0), wanted)
    assert good["right"] == good["clean"] == good["both"] == 1 and set(good["attributes"].values()) == {1.0}
    noise = np.random.default_rng(0).integers(0, 256, (24, 32, 32, 3), dtype=np.uint8)
    bad = trials.judge_pictures(noise, wanted)
    assert bad["clean"] == bad["both"] == 0 and bad["right"] < 0.2


def test_psnr_of_an_error_of_a_tenth_of_the_range():
    x = np.zeros((2, 4, 4, 3))
    assert trials.psnr(x, x + 0.2) == pytest.approx(20)
    np.testing.assert_array_equal(trials.bytes_of(np.array([-1.2, -1, 0, 1, 1.2])), [0, 0, 128, 255, 255])


@pytest.mark.slow
def test_a_little_training_teaches_and_latents_come_out_at_scale():
    keras.utils.set_random_seed(0)
    _, x = trials.training_scenes(128)
    trained = trials.trained_autoencoder(x, 1e-3, steps=30)
    before = trials.judge_autoencoder(AutoencoderKL(widths=trials.AUTOENCODER_WIDTHS), count=16)
    after = trials.judge_autoencoder(trained, count=16)
    assert after["psnr"] > before["psnr"] + 2 and len(after["std_of_channels"]) == 4
    assert trained.latent_scale == pytest.approx(1 / after["std"], rel=0.3)
    assert after["psnr_with_noise"] < after["psnr"] and after["kl"] > 0
