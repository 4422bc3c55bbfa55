"""The reference solutions against truths that are known without them."""

from collections import Counter

import keras
import numpy as np
import pytest
from keras import layers
from scipy.integrate import trapezoid
from scipy.stats import norm

from diffusion_course import tokenizer
from diffusion_course.datasets import scene_captions, scenes
from diffusion_course.exercises import ch00, ch01, ch02, ch03, ch07, ch08, ch12, ch13
from diffusion_course.layers.residual import ResidualBlock

rng = np.random.default_rng(0)
x0, noise = rng.uniform(-1, 1, (3, 4)), rng.standard_normal((3, 4))


def test_a_byte_of_51_is_a_fifth():
    unit = ch00.to_unit_range(np.array([0, 51, 255], "uint8"))
    np.testing.assert_allclose(unit, [0, 0.2, 1], rtol=1e-6)
    assert unit.dtype == "float32"


def test_many_samples_have_the_mean_and_the_covariance_asked_for():
    mean, covariance = np.array([1.0, -1.0]), np.array([[2.0, 0.6], [0.6, 0.5]])
    samples = ch00.sample_gaussian(mean, covariance, np.random.default_rng(1).standard_normal((100_000, 2)))
    np.testing.assert_allclose(samples.mean(axis=0), mean, atol=0.02)
    np.testing.assert_allclose(np.cov(samples, rowvar=False), covariance, atol=0.03)


def test_two_pictures_that_differ_by_one_everywhere_have_diversity_one_quarter():
    assert ch00.diversity(np.stack([np.zeros((2, 2, 1)), np.ones((2, 2, 1))])) == 0.25


@pytest.mark.parametrize("case", [(10, 5, 1, 2), (28, 3, 2, 1), (7, 3, 2, 0), (32, 4, 2, 1), (10, 5, 3, 2)])
def test_output_size_counts_the_places_of_the_kernel(case):
    size, kernel, stride, padding = case
    places = range(-padding, size + padding - kernel + 1, stride)
    assert ch01.conv_output_size(*case) == len(places)


def test_parameters_are_those_that_keras_counts():
    decoder = keras.Sequential(
        [
            layers.Input((5,)),
            layers.Dense(7 * 7 * 64),
            layers.Reshape((7, 7, 64)),
            layers.Conv2DTranspose(32, 3),
            layers.Conv2DTranspose(1, 3),
        ]
    )
    assert ch01.decoder_parameters(5) == decoder.count_params()
    for c_in, c_out in ((16, 16), (16, 24)):
        block = ResidualBlock(channels=c_out)
        block(np.zeros((1, 2, 2, c_in), "float32"), np.zeros((1, 20), "float32"))
        assert ch07.block_parameters(c_in, c_out, 20) == block.count_params()


def test_a_path_of_three_points_has_its_ends_and_its_middle():
    path = ch01.interpolate(np.array([-1.0, 4.0]), np.array([3.0, 2.0]), 3)
    np.testing.assert_allclose(path, [[-1, 4], [1, 3], [3, 2]])


def test_all_components_of_a_pca_give_everything_back():
    x_train, x = rng.normal(size=(30, 5)) + 2, rng.normal(size=(4, 5)) + 3
    np.testing.assert_allclose(ch01.pca_reconstruct(x_train, x, 5), x)


def test_reparameterised_noise_of_one_lies_one_deviation_above_the_mean():
    assert ch02.reparameterise(3.0, np.log(4.0), 1.0) == pytest.approx(3 + 2)


def test_kl_divergence_is_the_integral():
    z = np.linspace(-12, 12, 200_001)
    p, q = norm.pdf(z, 0.7, np.exp(0.2)), norm.pdf(z)
    integral = trapezoid(p * np.log(p / q), z)
    np.testing.assert_allclose(ch02.kl_divergence(np.array([[0.7]]), np.array([[0.4]])), integral, rtol=1e-6)


def test_cross_entropy_is_that_of_the_sigmoid():
    share = 1 / (1 + np.exp(-1.0))
    want = -(0.3 * np.log(share) + 0.7 * np.log(1 - share))
    np.testing.assert_allclose(ch02.cross_entropy_from_logits(0.3, 1.0), want)


def test_even_steps_have_even_shares():
    np.testing.assert_allclose(norm.cdf(ch02.even_steps(5)), [0.1, 0.3, 0.5, 0.7, 0.9])


def test_psnr_of_an_error_of_a_tenth_is_20_decibels():
    assert ch03.psnr_of(np.full(4, 0.6), np.full(4, 0.5)) == pytest.approx(20)


def test_folded_channel_holds_every_second_pixel():
    x = np.arange(2 * 4 * 6 * 3).reshape(2, 4, 6, 3)
    for i in (0, 1):
        for j in (0, 1):
            np.testing.assert_array_equal(
                ch03.fold_numpy(x)[..., (2 * i + j) * 3 : (2 * i + j) * 3 + 3], x[:, i::2, j::2]
            )


def test_score_of_a_normal_distribution():
    # Mean 1 and standard deviation 0.5: the noisy value has variance 0.25 + sigma^2.
    y, sigma = np.linspace(-2, 3, 11), 0.3
    denoise = lambda y, sigma: (0.25 * y + sigma**2) / (0.25 + sigma**2)  # noqa: E731
    np.testing.assert_allclose(ch03.score(denoise, y, sigma), (1 - y) / (0.25 + sigma**2))


def test_best_denoiser_far_away_gives_the_nearest_point_and_in_much_noise_the_mean():
    points = np.array([-1.0, 0.5, 2.0])
    assert ch03.best_denoiser(np.array([500.0]), points, 0.1) == 2.0
    np.testing.assert_allclose(ch03.best_denoiser(np.array([0.0]), points, 1e4), 0.5)


def test_what_the_jump_mixes_is_taken_apart_again():
    for alpha_bar in (0.9, 0.2):
        x_t = np.sqrt(alpha_bar) * x0 + np.sqrt(1 - alpha_bar) * noise
        np.testing.assert_allclose(ch08.invert_step(x_t, noise, alpha_bar, 0.1), np.sqrt(0.1) * x0 + np.sqrt(0.9) * noise)


def test_frequencies_fall_by_one_ratio_from_1():
    omega = ch07.frequencies(8, 10_000)
    np.testing.assert_allclose(omega, [1, 0.1, 0.01, 0.001])


def test_each_group_of_a_picture_has_mean_0_and_variance_1():
    groups = ch07.group_norm(rng.normal(3, 2, (2, 5, 4, 12)), 4).reshape(2, 5, 4, 4, 3)
    np.testing.assert_allclose(groups.mean(axis=(1, 2, 4)), 0, atol=1e-12)
    np.testing.assert_allclose(groups.var(axis=(1, 2, 4)), 1, atol=1e-4)


def test_channels_after_the_bridges_counted_on_paper():
    # Put aside on the way down: 32 (first convolution), 32, 32 (halving), 64. On the way up: 64 + 64, 64 + 32; 64 + 32,
    # 32 + 32.
    assert ch07.channels_into_up_blocks((32, 64), 1) == [128, 96, 96, 64]


def test_ddim_noise_at_eta_1_is_the_posterior_of_ddpm():
    betas = np.linspace(0.02, 0.3, 6)
    alpha_bars = np.cumprod(1 - betas)
    variance = betas * (1 - np.append(1.0, alpha_bars[:-1])) / (1 - alpha_bars)
    np.testing.assert_allclose(
        ch08.fresh_noise(alpha_bars, np.append(1.0, alpha_bars[:-1]), 1.0) ** 2, variance
    )


def test_learned_variance_goes_from_small_to_large_by_ratios():
    np.testing.assert_allclose(
        ch08.learned_variance(np.array([-1.0, 0.0, 1.0]), 1e-4, 1e-2), [1e-4, 1e-3, 1e-2]
    )


def test_slerp_turns_by_equal_angles_from_a_to_b():
    a, b = np.array([2.0, 0.0]), np.array([0.0, 2.0])
    third = np.pi / 6
    np.testing.assert_allclose(ch08.slerp(a, b, 1 / 3), [2 * np.cos(third), 2 * np.sin(third)])
    np.testing.assert_allclose(ch08.slerp(a, 3 * b, 0.0), a, atol=1e-12)
    np.testing.assert_allclose(ch08.slerp(a, 3 * b, 1.0), 3 * b, atol=1e-12)
    np.testing.assert_allclose(ch08.slerp(a, a, 0.3), a)


def test_merging_the_most_frequent_pair_again_and_again_gives_the_library_s_merges():
    captions = scene_captions.sample_captions(scenes.sample_scenes(200, seed=0, kind="both"), seed=0)
    words = Counter(tokenizer.symbols_of(w) for c in captions for w in tokenizer.split(tokenizer.clean(c)))
    merges = []
    for _ in range(60):
        merges.append(ch12.most_frequent_pair(words))
        words = {ch12.replace_pair(w, merges[-1], "".join(merges[-1])): n for w, n in words.items()}
    assert merges == tokenizer.learn_merges(captions, 60)


def test_contrastive_loss_of_equal_logits_is_that_of_guessing_and_its_gradient_is_the_limit_of_differences():
    assert ch12.contrastive_loss(np.zeros((7, 7))) == pytest.approx(np.log(7))
    logits = np.random.default_rng(5).standard_normal((4, 4))
    gradient = ch12.loss_gradient(logits)
    np.testing.assert_allclose(gradient.sum(), 0, atol=1e-12)
    for i, j in ((0, 0), (1, 3), (2, 1)):
        step = np.zeros((4, 4))
        step[i, j] = 1e-5
        difference = ch12.contrastive_loss(logits + step) - ch12.contrastive_loss(logits - step)
        assert gradient[i, j] == pytest.approx(difference / 2e-5, rel=1e-6)


def test_twins_are_met_as_often_as_counted():
    batches = np.random.default_rng(0).integers(60, size=(4000, 64))
    met = np.mean([(batch[1:] == batch[0]).any() for batch in batches])
    assert ch12.share_with_twin(60, 64) == pytest.approx(met, abs=0.03)
    assert ch12.share_with_twin(60, 1) == 0


def test_guidance_by_the_classifier_that_a_network_implies_is_guidance_without_one():
    null, cond, sigma = *np.random.default_rng(2).standard_normal((2, 3, 4)), 0.7
    implied = (null - cond) / sigma  # the difference of two scores, each -noise / sigma
    for scale in (0.0, 1.0, 3.0):
        by_classifier = ch13.towards_class(null, implied, sigma, scale)
        np.testing.assert_allclose(ch13.classifier_free_noise(null, cond, scale), by_classifier)
        np.testing.assert_allclose(ch13.compose(null, [cond], [scale]), by_classifier)
    assert ch13.drop_labels(np.arange(3), np.array([True, False, True]), 3).tolist() == [3, 1, 3]
    assert ch13.scale_at(np.array([-1.0, 0.0, 1.0]), 5.0, 0.0, 0.5).tolist() == [1, 5, 1]
