"""The reference solutions of chapters 00 to 03 against truths that are known without them."""

import numpy as np
import pytest
from keras import layers, ops
from scipy.integrate import trapezoid
from scipy.stats import norm
from sklearn.decomposition import PCA

from diffusion_course.exercises import ch00, ch01, ch02, ch03
from diffusion_course.models.autoencoder import build_decoder

rng = np.random.default_rng(0)


def test_a_byte_of_51_is_a_fifth():
    unit = ch00.to_unit_range(np.array([0, 51, 255], "uint8"))
    assert unit.dtype == "float32"
    np.testing.assert_allclose(unit, [0, 0.2, 1])


def test_the_noise_of_a_drawn_code_is_the_noise_it_was_drawn_from():
    mean, covariance = np.array([3.0, -1.0]), np.array([[2.0, 0.9], [0.9, 1.0]])
    noise = rng.standard_normal((50, 2))
    z = mean + noise @ np.linalg.cholesky(covariance).T
    np.testing.assert_allclose(ch00.noise_of(z, mean, covariance), noise)


def test_drawn_codes_are_usual_and_codes_twice_as_far_twice_as_unusual():
    mean, covariance = np.array([3.0, -1.0]), np.array([[2.0, 0.9], [0.9, 1.0]])
    z = mean + rng.standard_normal((20_000, 2)) @ np.linalg.cholesky(covariance).T
    unusual = ch00.how_unusual(z, mean, covariance)
    assert np.mean(unusual**2) == pytest.approx(1, abs=0.03)
    np.testing.assert_allclose(ch00.how_unusual(mean + 2 * (z - mean), mean, covariance), 2 * unusual)


@pytest.mark.parametrize(("size", "kernel", "stride"), [(7, 3, 2), (4, 5, 3), (6, 2, 1), (1, 4, 2)])
def test_painted_size_is_that_of_a_transposed_convolution(size, kernel, stride):
    layer = layers.Conv2DTranspose(1, kernel, strides=stride, padding="valid")
    assert layer(np.ones((1, size, size, 1), "float32")).shape[1] == ch01.painted_size(size, kernel, stride)


def test_parameters_are_those_that_keras_counts():
    assert ch01.decoder_parameters(5) == build_decoder(5).count_params()


def test_pca_by_hand_is_that_of_scikit_learn():
    x_train, x = rng.normal(size=(30, 5)), rng.normal(size=(7, 5))
    np.testing.assert_allclose(ch01.pca_reconstruct(x_train, x, 5), x)
    fitted = PCA(2, svd_solver="full").fit(x_train)
    np.testing.assert_allclose(
        ch01.pca_reconstruct(x_train, x, 2), fitted.inverse_transform(fitted.transform(x))
    )


def test_neighbours_of_one_class_are_pure_and_those_on_the_border_of_two_are_half_and_half():
    codes = np.array([[-2.0, 0], [-1.9, 0], [-1, 0], [1, 0], [1.9, 0], [2.0, 0]])
    places = np.array([[-2.0, 0.1], [0, 0]])
    assert ch01.neighbour_purity(places, codes, np.array([4, 4, 4, 7, 7, 7]), 2).tolist() == [1.0, 0.5]


def test_one_bit_leaves_the_two_ends_and_many_bits_leave_all():
    codes, low, high = np.array([[0.1, 9.0], [0.6, -9.0]]), np.zeros(2), np.ones(2)
    assert ch01.with_bits(codes, low, high, 1).tolist() == [[0, 1], [1, 0]]
    np.testing.assert_allclose(ch01.with_bits(codes[:, :1], low[:1], high[:1], 20), codes[:, :1], atol=1e-6)


def test_error_without_code_is_the_variance_where_both_sets_are_one():
    x = rng.random((9, 4, 4, 1))
    assert ch01.error_without_code(x, x) == pytest.approx(x.var(axis=0).mean())


def test_kl_divergence_is_the_integral():
    mean, log_var = 0.7, 0.4
    z = np.linspace(-12, 12, 20_001)
    q, p = norm.pdf(z, mean, np.exp(log_var / 2)), norm.pdf(z)
    integral = trapezoid(q * (np.log(q) - np.log(p)), z)
    ours = ch02.kl_divergence(np.array([[mean]]), np.array([[log_var]]))
    np.testing.assert_allclose(ours, [integral], rtol=1e-6)


def test_cross_entropy_is_that_of_the_sigmoid():
    s = 1 / (1 + np.exp(-1.0))
    want = -(0.3 * np.log(s) + 0.7 * np.log(1 - s))
    np.testing.assert_allclose(
        ops.convert_to_numpy(ch02.cross_entropy_from_logits(0.3, 1.0)), want, rtol=1e-6
    )


def test_mean_of_exponentials_moves_with_what_is_added_and_is_exact_for_equal_values():
    values = rng.normal(size=(3, 8))
    np.testing.assert_allclose(ch02.log_mean_exp(values), np.log(np.exp(values).mean(axis=1)))
    np.testing.assert_allclose(ch02.log_mean_exp(values - 2000), ch02.log_mean_exp(values) - 2000)
    np.testing.assert_allclose(ch02.log_mean_exp(np.full((2, 5), -3.0)), -3)


def test_even_steps_have_even_shares():
    np.testing.assert_allclose(norm.cdf(ch02.even_steps(5)), [0.1, 0.3, 0.5, 0.7, 0.9])


def test_a_number_that_is_always_the_prior_is_not_active():
    mean, log_var = np.zeros((20, 3)), np.zeros((20, 3))
    mean[:, 1] = 3.0
    log_var[:, 2] = -4.0
    assert ch02.active_numbers(mean, log_var, 0.01) == 2


def test_folded_channel_holds_every_second_pixel():
    x = rng.normal(size=(2, 4, 6, 3))
    folded = ops.convert_to_numpy(ch03.fold(x))
    for i in range(2):
        for j in range(2):
            np.testing.assert_array_equal(
                folded[..., (2 * i + j) * 3 : (2 * i + j) * 3 + 3], x[:, i::2, j::2].astype(folded.dtype)
            )


def test_best_line_is_the_line_that_least_squares_finds():
    x = rng.normal(0.3, 0.5, 400_000)
    y = x + 0.8 * rng.standard_normal(len(x))
    slope, offset = np.polyfit(y, x, 1)
    np.testing.assert_allclose(
        ch03.best_line(np.array([-1.0, 2.0]), 0.3, 0.25, 0.8), slope * np.array([-1, 2]) + offset, atol=0.01
    )


def test_best_denoiser_far_away_gives_the_nearest_point_and_in_much_noise_the_mean():
    points = np.array([-1.0, 0.5, 2.0])
    assert ch03.best_denoiser(np.array([500.0]), points, 0.1) == 2.0
    np.testing.assert_allclose(ch03.best_denoiser(np.array([0.0]), points, 1e4), 0.5)


def test_a_step_down_keeps_the_noise_and_changes_its_size():
    x, noise = rng.normal(size=(2, 6))
    np.testing.assert_allclose(ch03.step_down(x + 0.8 * noise, x, 0.8, 0.3), x + 0.3 * noise)


def test_noise_level_is_found_in_a_smooth_picture_and_in_one_with_an_edge():
    ramp = np.linspace(0, 1, 64)[:, None, None] + np.linspace(0, 1, 64)[None, :, None]
    edge = (np.arange(64) > 30)[:, None, None] * np.ones((64, 64, 1))
    noisy = np.stack([ramp, edge]) + 0.2 * rng.standard_normal((2, 64, 64, 1))
    np.testing.assert_allclose(ch03.noise_level(noisy), 0.2, rtol=0.1)


def test_power_laws_cross_where_they_are_equal():
    levels = np.array([0.1, 0.3, 0.9])
    assert ch03.crossing(levels, levels**2, 0.2 * levels) == pytest.approx(0.2)
