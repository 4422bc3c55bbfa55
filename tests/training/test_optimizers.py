"""Muon on kernels: the step it takes, who is left to Adam, and what comes back from a file."""

import keras
import numpy as np
import pytest
from helpers import numpy

from diffusion_course.training.optimizers import OPTIMIZERS, Adam, ConvMuon, check_optimizer, kept_share

RNG = np.random.default_rng(0)
RATE = 0.01


def steps(optimizer, shape, gradients, name="kernel"):
    """How a variable of this shape has moved after the gradients, from 0."""
    variable = keras.Variable(np.zeros(shape, "float32"), name=name)
    optimizer.build([variable])
    for gradient in gradients:
        optimizer.apply_gradients([(keras.ops.convert_to_tensor(gradient), variable)])
    return keras.ops.convert_to_numpy(variable)


def gradients(*shape, count=3):
    return [RNG.normal(size=shape).astype("float32") for _ in range(count)]


def test_a_kernel_moves_equally_far_in_all_directions():
    # a gradient of one strong direction and many weak ones, 1 to 1/300
    left, _, right = np.linalg.svd(RNG.normal(size=(3 * 3 * 8, 16)), full_matrices=False)
    gradient = ((left * np.geomspace(1, 1 / 300, 16)) @ right).reshape(3, 3, 8, 16).astype("float32")
    moved = steps(ConvMuon(RATE), (3, 3, 8, 16), [gradient]).reshape(-1, 16)
    sizes = np.linalg.svd(moved, compute_uv=False) / (RATE * 0.2 * np.sqrt(72))
    # Newton-Schulz with these coefficients ends between 0.7 and 1.2; the weakest directions are still on their way
    assert sizes.max() < 1.3 and np.median(sizes) > 0.6 and sizes.min() > 0.3
    adam = steps(keras.optimizers.Adam(RATE), (3, 3, 8, 16), [gradient]).reshape(-1, 16)
    spread = np.linalg.svd(adam, compute_uv=False)
    assert spread.max() / spread.min() > 2 * sizes.max() / sizes.min()


@pytest.mark.parametrize("kernel", [(1, 1, 12, 8), (3, 3, 4, 8), (2, 2, 2, 16)])
def test_a_kernel_moves_like_the_matrix_it_is_in_kerass_own(kernel):
    matrix = (int(np.prod(kernel[:-1])), kernel[-1])
    given = gradients(*kernel)
    own = steps(ConvMuon(RATE), kernel, given)
    keras_own = keras.optimizers.Muon(RATE, weight_decay=None, adam_weight_decay=None)
    np.testing.assert_allclose(
        own.reshape(matrix), steps(keras_own, matrix, [g.reshape(matrix) for g in given]), atol=1e-6
    )


@pytest.mark.parametrize(
    ("shape", "name"),
    [((8,), "bias"), ((6, 8), "time_embedding"), ((2, 3, 4), "other"), ((3, 3, 4, 8), "patch_embedding")],
)
def test_the_rest_is_left_to_adam(shape, name):
    given = gradients(*shape)
    own = steps(ConvMuon(RATE, adam_beta_2=0.99), shape, given, name)
    adam = steps(keras.optimizers.Adam(RATE, beta_2=0.99), shape, given, name)
    np.testing.assert_allclose(own, adam, atol=1e-6)


def test_excluded_kernels_are_left_to_adam():
    given = gradients(3, 3, 4, 8)
    own = steps(ConvMuon(RATE, exclude_layers=["kern"], adam_beta_2=0.99), (3, 3, 4, 8), given)
    adam = steps(keras.optimizers.Adam(RATE, beta_2=0.99), (3, 3, 4, 8), given)
    np.testing.assert_allclose(own, adam, atol=1e-6)


@pytest.mark.parametrize("kind", [Adam, ConvMuon])
def test_the_average_looks_back_over_a_tenth_of_the_steps(kind):
    """On a weight that grows by 1 each step the average lags behind by as many steps as it looks back."""
    optimizer = kind(1.0, use_ema=True, ema_momentum=0.99)
    variable = keras.Variable(np.zeros(2, "float32"), name="kernel")
    optimizer.build([variable])
    optimizer.update_step = lambda gradient, variable, rate: variable.assign_add(np.ones(2, "float32"))
    by_hand, lags = None, []
    for n in range(300):
        optimizer.apply([keras.ops.zeros(2)])
        share = min(0.99, n / (n + 9))
        by_hand = n + 1 if by_hand is None else share * by_hand + (1 - share) * (n + 1)
        average = numpy(optimizer._model_variables_moving_average[0])
        np.testing.assert_allclose(average, by_hand, rtol=1e-4)
        lags.append(n + 1 - average[0])
    np.testing.assert_allclose([lags[99], lags[299]], [9.9, 29.9], rtol=0.02)


def test_the_share_grows_to_its_final_value_and_stays():
    shares = numpy(kept_share(0.995, np.array([0, 1, 9, 1790, 1792, 100_000])))
    np.testing.assert_allclose(shares, [0, 0.1, 0.5, 1790 / 1799, 0.995, 0.995], rtol=1e-6)


def test_comes_back_from_its_configuration():
    optimizer = ConvMuon(RATE, momentum=0.9, exclude_layers=["last"])
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert isinstance(again, ConvMuon) and again.get_config() == optimizer.get_config()
    assert again.weight_decay is None and again.momentum == 0.9


def test_names():
    assert {check_optimizer(name) for name in OPTIMIZERS} == {"adam", "muon"}
    with pytest.raises(ValueError, match="one of adam, muon. Received: 'sgd'"):
        check_optimizer("sgd")
