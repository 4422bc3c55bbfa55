"""The classifier of noised pictures: it learns, it uses the step, it serialises and refuses."""

import keras
import numpy as np
import pytest

from diffusion_course.models.noisy_classifier import NoisyClassifier

SMALL = {"num_classes": 3, "image_shape": (12, 12, 1), "widths": (8, 16), "num_res_blocks": 1}


def bars(n, rng):
    """Pictures (n, 12, 12, 1) with a bar in one of three bands, what band, and step 100 or 900."""
    y = rng.integers(0, 3, n)
    x = 0.3 * rng.standard_normal((n, 12, 12, 1)).astype("float32")
    for i, k in enumerate(y):
        x[i, 4 * k : 4 * k + 4] += 1
    return {"x": x, "t": rng.choice([100, 900], n).astype("int32")}, y


def test_default_size_and_untrained_opinion():
    model = NoisyClassifier()
    assert 0.15e6 < model.count_params() < 0.3e6
    logits = model({"x": np.ones((2, 28, 28, 1), "float32"), "t": np.array([3, 900], "int32")})
    np.testing.assert_array_equal(logits, np.zeros((2, 10)))


def test_learns_where_a_bar_lies_and_what_the_step_means():
    rng = np.random.default_rng(0)
    inputs, y = bars(600, rng)
    y = np.where(inputs["t"] == 100, y, (y + 1) % 3)  # of late steps another answer is right
    keras.utils.set_random_seed(0)
    model = NoisyClassifier(**SMALL)
    model.compile(keras.optimizers.Adam(1e-2), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(inputs, y, epochs=8, batch_size=50, verbose=0)
    inputs, y = bars(200, rng)
    early, late = (
        keras.ops.convert_to_numpy(model({**inputs, "t": np.full(200, t, "int32")})).argmax(-1)
        for t in (100, 900)
    )
    assert np.mean(early == y) > 0.9 and np.mean(late == (y + 1) % 3) > 0.9


def test_saves_and_reloads(tmp_path):
    model = NoisyClassifier(**SMALL, dropout=0.1)
    rng = np.random.default_rng(1)
    for variable in model.trainable_variables:  # zeros would hide a lost layer
        variable.assign(rng.standard_normal(variable.shape))
    inputs, _ = bars(4, rng)
    model.save(tmp_path / "noisy.keras")
    again = keras.saving.load_model(tmp_path / "noisy.keras")
    assert again.get_config() == model.get_config()
    np.testing.assert_allclose(again(inputs), model(inputs), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 1}, "at least 2. Received: num_classes=1"),
        ({"image_shape": (15, 15, 1)}, "divisible by `fold`"),
        ({"widths": ()}, "at least one level"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ValueError, match=message):
        NoisyClassifier(**arguments)
