"""What references of chapters 07 to 09 must be true for, whatever they are compared with in the notebooks."""

import numpy as np
import pytest

from diffusion_course.exercises import ch07, ch08, ch09
from diffusion_course.layers.residual import ResidualBlock
from diffusion_course.metrics.kernel import kid_exact
from diffusion_course.models.presets import PRESETS
from diffusion_course.samplers.ddim import DDIMSampler
from diffusion_course.samplers.dpm_solver import DPMSolverSampler
from diffusion_course.schedules import NoiseSchedule
from diffusion_course.training.diffusion import focused_shares
from diffusion_course.training.optimizers import kept_share

rng = np.random.default_rng(0)


def test_parameters_of_a_block_are_those_of_the_library():
    for c_in, c_out in ((16, 16), (16, 24)):
        block = ResidualBlock(channels=c_out)
        block(np.zeros((1, 2, 2, c_in), "float32"), np.zeros((1, 20), "float32"))
        assert ch07.block_parameters(c_in, c_out, 20) == block.count_params()


def test_a_map_that_is_told_nothing_stays_and_a_scale_acts_on_its_own_channel():
    h = rng.normal(size=(1, 2, 2, 2))
    np.testing.assert_allclose(ch07.tell_time(h, np.zeros((1, 4))), h)
    told = ch07.tell_time(h, np.array([[1.0, 0.0, 0.0, 5.0]]))
    np.testing.assert_allclose(told[..., 0], 2 * h[..., 0])
    np.testing.assert_allclose(told[..., 1], h[..., 1] + 5)


def test_the_way_up_takes_the_last_bridge_first():
    bridges = [np.full((1, 1, 1), value) for value in (10.0, 20.0)]
    doubled_plus_bridge = [lambda x: 2 * np.asarray(x)[..., :1] + np.asarray(x)[..., 1:]] * 2
    found = ch07.way_up(np.ones((1, 1, 1)), bridges, doubled_plus_bridge)
    assert float(np.squeeze(found)) == 2 * (2 * 1 + 20) + 10


def test_each_group_of_a_picture_has_mean_0_and_variance_1():
    groups = ch07.group_norm(rng.normal(3, 2, (2, 5, 4, 12)), 4).reshape(2, 5, 4, 4, 3)
    np.testing.assert_allclose(groups.mean(axis=(1, 2, 4)), 0, atol=1e-12)
    np.testing.assert_allclose(groups.var(axis=(1, 2, 4)), 1, atol=1e-4)


def test_channels_after_the_bridges_counted_on_paper():
    # Put aside on the way down: 32 (first convolution), 32, 32 (halving), 64. On the way up: 64 + 64, 64 + 32; 64 + 32,
    # 32 + 32.
    assert ch07.channels_into_up_blocks((32, 64), 1) == [128, 96, 96, 64]


def test_kernel_distance_is_the_library_s_and_0_on_average_between_equal_clouds():
    a, b = rng.normal(size=(40, 6)), rng.normal(0.3, 1, size=(30, 6))
    assert ch08.kernel_distance(a, b) == pytest.approx(float(kid_exact(a, b)), rel=1e-5)
    alike = [ch08.kernel_distance(*rng.normal(size=(2, 20, 6))) for _ in range(400)]
    assert abs(np.mean(alike)) < 4 * np.std(alike) / 20


def test_levels_that_are_drawn_are_as_frequent_as_the_trainer_says():
    schedule = NoiseSchedule.cosine(50)
    drawn = ch08.draw_levels(schedule.log_snr, rng.normal(-0.5, 1.5, 20_000))
    shares = np.cumsum(np.bincount(drawn, minlength=50)) / 20_000
    np.testing.assert_allclose(shares, focused_shares(schedule, -0.5, 1.5), atol=0.015)


def test_average_keeps_the_share_that_the_optimizers_keep():
    for done in (0, 5, 4000):
        kept = ch08.keep_average(np.ones(1), np.zeros(1), done, 0.99)[0]
        assert kept == pytest.approx(float(kept_share(0.99, done)), rel=1e-6)


def test_a_fid_that_is_a_line_over_1_over_n_is_read_off_at_0():
    sizes = np.array([100, 300, 900])
    assert ch08.fid_at_infinity(sizes, 2.5 + 40 / sizes) == pytest.approx(2.5)
    assert ch08.best_score(np.array([0.5, 0.5, 0.0])) == pytest.approx(2)


def test_a_step_down_is_the_library_s_for_every_eta():
    schedule = NoiseSchedule.cosine(40).respace(8)
    x0, noise, z = rng.standard_normal((3, 5))
    for eta in (0.0, 0.4, 1.0):
        table = DDIMSampler(schedule, eta=eta).table()
        for i in (1, 4, 7):
            x_t = schedule.signal[i] * x0 + schedule.sigma[i] * noise
            library = table["a"][i] * x0 + table["b"][i] * x_t + table["s"][i] * z
            ours = ch09.step_down(x0, noise, z, schedule.alpha_bars[i - 1], table["s"][i])
            np.testing.assert_allclose(ours, library, atol=1e-9)
            found = ch09.which_eta(table["s"][i], schedule.alpha_bars[i], schedule.alpha_bars[i - 1])
            assert found == pytest.approx(eta, abs=1e-9)


def test_look_ahead_moves_as_far_as_the_library_s_table_says():
    schedule = NoiseSchedule.cosine(40).respace(8)
    m = DPMSolverSampler(schedule).table()["m"]
    for i in (2, 5):
        ahead = ch09.look_ahead(1.0, 0.0, *schedule.log_snr[[i + 1, i, i - 1]])
        assert ahead - 1 == pytest.approx(m[i])


def test_v_of_turns_the_formula_of_the_learned_variance_round():
    v = np.array([-1.2, -1.0, 0.3, 1.0])
    variance = np.exp((1 + v) / 2 * np.log(0.04) + (1 - v) / 2 * np.log(0.001))
    np.testing.assert_allclose(ch09.v_of(variance, 0.001, 0.04), v, atol=1e-12)


def test_rivals_of_chapter_07_differ_by_less_than_one_in_a_hundred_in_size():
    from diffusion_course.models.resnet_denoiser import ResNetDenoiser
    from diffusion_course.models.unet import UNet

    u_net = UNet(fold=2, widths=(16, 32), num_res_blocks=1).count_params()
    resnet = ResNetDenoiser(fold=2, width=40, blocks=5, embedding_units=64).count_params()
    assert abs(u_net / resnet - 1) < 0.01
    assert PRESETS["unet-mnist-short"].schedule == PRESETS["unet-mnist-no-skips"].schedule
