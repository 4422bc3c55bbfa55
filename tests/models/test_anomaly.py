"""The anomaly detector: the tutorial's layers, noise in training only, serialisation, what it is for."""

import keras
import numpy as np
import pytest
from keras import layers

from diffusion_course.metrics.detection import auroc
from diffusion_course.metrics.residual_scores import mean_absolute
from diffusion_course.models.anomaly import AnomalyDetector


def test_equals_the_hand_built_network():
    theirs = keras.Sequential(
        [keras.Input((140,))]
        + [layers.Dense(n, activation="relu") for n in (32, 16, 8, 16, 32)]
        + [layers.Dense(140, activation="sigmoid")]
    )
    ours = AnomalyDetector()
    assert [w.shape for w in ours.weights] == [w.shape for w in theirs.weights]
    ours.set_weights(theirs.get_weights())
    x = np.random.default_rng(0).random((3, 140), "float32")
    np.testing.assert_allclose(ours(x), theirs(x), atol=1e-6)


def test_parameters_match_the_count_by_hand():
    sizes = (140, 32, 16, 8, 16, 32, 140)
    want = sum(a * b + b for a, b in zip(sizes, sizes[1:], strict=False))
    assert AnomalyDetector().count_params() == want == 10_484


def test_linear_network_passes_any_sign():
    model = AnomalyDetector(length=6, widths=(4,), code_activation="linear", output_activation="linear")
    x = np.random.default_rng(0).normal(size=(50, 6)).astype("float32")
    assert (np.asarray(model.encoder(x)) < 0).any() and (np.asarray(model(x)) < 0).any()


def test_noise_is_added_in_training_only():
    model = AnomalyDetector(length=5, widths=(3,), noise=0.5, seed=1)
    x = np.ones((400, 5), "float32")
    np.testing.assert_array_equal(model(x), model.decoder(model.encoder(x)))
    noisy = np.asarray(model.add_noise(x, training=True)) - x
    np.testing.assert_allclose([noisy.mean(), noisy.std()], [0, 0.5], atol=0.05)
    assert not np.array_equal(model(x, training=True), model(x, training=True))


def test_saves_and_reloads(tmp_path):
    model = AnomalyDetector(length=12, widths=(6, 2), code_activation="linear", noise=0.3, seed=5)
    x = np.random.default_rng(1).random((2, 12), "float32")
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.get_config() == model.get_config()
    np.testing.assert_array_equal(again(x), model(x))
    assert tuple(model.compute_output_shape((None, 12))) == (None, 12)


def test_learns_the_normal_and_stumbles_over_the_rest():
    keras.utils.set_random_seed(0)
    rng, time = np.random.default_rng(0), np.linspace(0, 2 * np.pi, 40)
    normal = np.sin(time + rng.normal(size=(400, 1)))
    strange = np.sin(2 * time + rng.normal(size=(100, 1)))
    x = np.concatenate([normal, strange]).astype("float32")
    is_anomaly = np.arange(500) >= 400
    model = AnomalyDetector(
        length=40, widths=(16, 2), code_activation="linear", output_activation="linear", noise=0.1
    )
    model.compile(keras.optimizers.Adam(1e-2), loss="mae")
    model.fit(x[:300], x[:300], epochs=60, batch_size=32, verbose=0)
    seen = slice(300, None)
    scores = mean_absolute(x[seen] - model.predict(x[seen], verbose=0))
    assert auroc(scores, is_anomaly[seen]) > 0.99


@pytest.mark.parametrize("bad", [{"length": 0}, {"widths": ()}, {"widths": (8, 2.5)}, {"widths": (8, -1)}])
def test_refuses_bad_sizes(bad):
    with pytest.raises(ValueError, match="positive integers. Received"):
        AnomalyDetector(**bad)


@pytest.mark.parametrize("noise", [-0.1, float("nan")])
def test_refuses_negative_noise(noise):
    with pytest.raises(ValueError, match="must not be negative. Received: noise="):
        AnomalyDetector(noise=noise)
