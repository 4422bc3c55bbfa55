"""CLIP: directions in one space, its parts under their own names, saving, precision."""

import keras
import numpy as np
from helpers import numpy, shaken

from diffusion_course.models.clip import CLIP, LOG_SCALE_START, AtMost, unit_length
from diffusion_course.models.weights import load_weights, weights_as_bytes

PARTS = {
    "image": {"image_shape": (8, 8, 3), "width": 6, "widths": (8,), "groups": 2},
    "text": {"vocabulary_size": 12, "width": 8, "depth": 1, "heads": 2, "length": 9},
}
RNG = np.random.default_rng(0)
X = {
    "image": RNG.uniform(-1, 1, (3, 8, 8, 3)).astype("float32"),
    "ids": np.array([[10, 1, 2, 11, 11]] * 2, "int32"),
}


def test_embeddings_have_length_1_and_are_those_of_the_parts():
    clip = shaken(CLIP(**PARTS))
    out = {name: numpy(value) for name, value in clip(X).items()}
    assert out["image"].shape == (3, 6) and out["text"].shape == (2, 6)
    for value in out.values():
        np.testing.assert_allclose(np.linalg.norm(value, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(clip.embed_images(X["image"], batch_size=2), out["image"], atol=1e-5)
    np.testing.assert_allclose(clip.embed_texts(X["ids"], batch_size=1), out["text"], atol=1e-5)
    projected = numpy(clip.text_encoder(X["ids"])["pooled"]) @ numpy(clip.text_projection.kernel)
    np.testing.assert_allclose(out["text"], projected / np.linalg.norm(projected, axis=1)[:, None], atol=1e-5)


def test_zero_has_no_direction_and_no_gradient_that_is_nan():
    assert not numpy(unit_length(np.zeros((2, 3)))).any()
    np.testing.assert_allclose(numpy(unit_length([[3.0, 4.0], [3e-3, 4e-3]])), [[0.6, 0.8]] * 2, rtol=1e-5)


def test_temperature_starts_where_the_paper_s_does_and_is_held_below_100():
    clip = CLIP(**PARTS)
    np.testing.assert_allclose(numpy(clip.log_scale), LOG_SCALE_START, rtol=1e-6)
    np.testing.assert_allclose(1 / np.exp(LOG_SCALE_START), 0.07)
    optimizer = keras.optimizers.SGD(1.0)
    optimizer.build([clip.log_scale])
    optimizer.apply([keras.ops.convert_to_tensor(-1e3)], [clip.log_scale])  # a push far beyond
    np.testing.assert_allclose(numpy(clip.log_scale), np.log(100), rtol=1e-6)
    optimizer.apply([keras.ops.convert_to_tensor(1.5)], [clip.log_scale])  # ... and it still comes down
    np.testing.assert_allclose(numpy(clip.log_scale), np.log(100) - 1.5, rtol=1e-6)
    assert AtMost.from_config(AtMost(2.0).get_config()).most == 2.0


def test_config_weights_and_model_survive(tmp_path):
    clip = shaken(CLIP(**PARTS))
    again = CLIP.from_config(clip.get_config())
    load_weights(again, weights_as_bytes(clip, "float32"))
    clip.save(tmp_path / "m.keras")
    for loaded in (again, keras.saving.load_model(tmp_path / "m.keras")):
        np.testing.assert_allclose(numpy(loaded.log_scale), numpy(clip.log_scale))
        for name, value in clip(X).items():
            np.testing.assert_allclose(numpy(loaded(X)[name]), numpy(value), atol=1e-5)


def test_half_precision_keeps_temperature_and_embeddings_in_float32():
    clip = CLIP(**PARTS, dtype="mixed_bfloat16")
    out = clip(X)
    assert {keras.backend.standardize_dtype(v.dtype) for v in [*out.values(), clip.log_scale]} == {"float32"}
    np.testing.assert_allclose(np.linalg.norm(numpy(out["text"]), axis=1), 1, atol=1e-5)
    again = CLIP.from_config(clip.get_config())
    assert again.text_encoder.get_layer("text_block_0").dtype_policy.name == "mixed_bfloat16"
    assert again.image_encoder.get_layer("image_first").dtype_policy.name == "mixed_bfloat16"
