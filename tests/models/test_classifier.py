"""The classifier: it learns, its head sits on its features, it serialises and refuses."""

import keras
import numpy as np
import pytest

from diffusion_course.models.classifier import Classifier

SMALL = {"num_classes": 3, "image_shape": (12, 12, 1), "widths": (4, 8)}


def test_logits_are_the_head_on_the_features():
    model = Classifier(**SMALL)
    x = np.random.default_rng(0).random((5, 12, 12, 1), "float32")
    features = model.features(x)
    assert features.shape == (5, 8)
    np.testing.assert_allclose(model.head(features), model(x), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.probabilities(x).sum(axis=1), 1, rtol=1e-5)


def test_learns_where_a_bar_lies():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 600)
    x = rng.random((600, 12, 12, 1)).astype("float32") * 0.3
    for i, k in enumerate(y):
        x[i, 4 * k : 4 * k + 4] += 0.4
    keras.utils.set_random_seed(0)
    model = Classifier(**SMALL)
    model.compile(keras.optimizers.Adam(1e-2), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x[:500], y[:500], epochs=8, batch_size=50, verbose=0)
    assert np.mean(model.probabilities(x[500:]).argmax(axis=1) == y[500:]) > 0.9


def test_saves_and_reloads(tmp_path):
    model = Classifier(**SMALL)
    x = np.random.default_rng(1).random((2, 12, 12, 1), "float32")
    model.save(tmp_path / "classifier.keras")
    again = keras.saving.load_model(tmp_path / "classifier.keras")
    assert again.get_config() == model.get_config()
    np.testing.assert_allclose(again(x), model(x), atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 1}, "at least 2. Received: num_classes=1"),
        ({"dropout": 1.0}, "Received: dropout=1.0"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ValueError, match=message):
        Classifier(**arguments)
