"""The text encoder: what sees what, published sizes, saving, precision."""

import keras
import numpy as np
import pytest
from helpers import numpy, shaken

from diffusion_course.backend import compile_function
from diffusion_course.models.text_encoder import TextEncoder
from diffusion_course.models.weights import load_weights, weights_as_bytes
from diffusion_course.tokenizer import Tokenizer, learn_merges

SMALL = {"vocabulary_size": 12, "width": 8, "depth": 2, "heads": 2, "length": 9}
END = 11
IDS = np.array([[10, 1, 2, 3, END, END, END], [10, 4, END, END, END, END, END]], "int32")


@pytest.fixture(scope="module")
def encoder():
    return shaken(TextEncoder(**SMALL))


def read(encoder, ids):
    return {name: numpy(value) for name, value in encoder(ids).items()}


def test_a_token_is_seen_from_its_place_on(encoder):
    out, changed = read(encoder, IDS), IDS.copy()
    assert out["hidden"].shape == (2, 7, 8) and out["pooled"].shape == (2, 8)
    changed[0, 2] = 7
    difference = np.abs(read(encoder, changed)["hidden"] - out["hidden"]).max(axis=-1)
    assert difference[0, :2].max() < 1e-6 and difference[1].max() < 1e-6 and difference[0, 2:].min() > 1e-3


def test_pooled_is_the_state_at_the_first_end(encoder):
    out = read(encoder, IDS)
    np.testing.assert_allclose(out["pooled"], out["hidden"][[0, 1], [4, 2]], atol=1e-6)


def test_what_follows_the_end_has_no_influence_on_what_stands_before(encoder):
    out, padded = read(encoder, IDS), IDS.copy()
    padded[0, 5:], padded[1, 3:] = 0, 6  # another padding
    for other in (read(encoder, padded), read(encoder, IDS[:, :5])):  # ... or less of it
        np.testing.assert_allclose(other["pooled"], out["pooled"], atol=1e-5)
        np.testing.assert_allclose(other["hidden"][0, :5], out["hidden"][0, :5], atol=1e-5)
        np.testing.assert_allclose(other["hidden"][1, :3], out["hidden"][1, :3], atol=1e-5)


def test_hidden_states_are_normed(encoder):
    gamma, beta = (numpy(w) for w in encoder.get_layer("text_norm").weights)
    plain = (read(encoder, IDS)["hidden"] - beta) / gamma
    np.testing.assert_allclose(plain.mean(-1), 0, atol=1e-4)
    np.testing.assert_allclose(plain.std(-1), 1, atol=1e-3)


def test_reads_what_the_tokenizer_writes():
    tokenizer = Tokenizer(learn_merges(["a red ring above a blue star"], 30), length=12)
    encoder = TextEncoder(**{**SMALL, "vocabulary_size": tokenizer.vocabulary_size, "length": 12})
    assert encoder.end_id == tokenizer.end_id
    texts = ["a red ring above a blue star", "a blue star above a red ring", ""]
    out = read(shaken(encoder), tokenizer.encode(texts))
    assert np.isfinite(out["hidden"]).all()
    assert np.abs(out["pooled"][0] - out["pooled"][1]).max() > 1e-3  # the order of words counts


def parameters(vocabulary_size, width, depth, length, mlp_ratio=4, **_):
    attention = 4 * (width * width + width)
    mlp = 2 * mlp_ratio * width * width + mlp_ratio * width + width
    return (vocabulary_size + length) * width + depth * (attention + mlp + 4 * width) + 2 * width


def test_parameters_follow_a_formula_which_gives_the_published_counts(encoder):
    assert encoder.count_params() == parameters(**SMALL)
    wide = {**SMALL, "mlp_ratio": 3, "depth": 1}
    assert TextEncoder(**wide).count_params() == parameters(**wide)
    # the text encoders of Stable Diffusion 1 (CLIP ViT-L/14) and 2 (OpenCLIP ViT-H without its last block)
    assert parameters(vocabulary_size=49_408, width=768, depth=12, length=77) == 123_060_480
    assert parameters(vocabulary_size=49_408, width=1024, depth=23, length=77) == 340_387_840


def test_config_weights_and_model_survive(encoder, tmp_path):
    other = TextEncoder(**{**SMALL, "activation": "quick_gelu", "end_id": 3, "mlp_ratio": 2})
    assert TextEncoder.from_config(other.get_config()).get_config() == other.get_config()
    again = TextEncoder.from_config(encoder.get_config())
    load_weights(again, weights_as_bytes(encoder, "float32"))
    encoder.save(tmp_path / "m.keras")
    for loaded in (again, keras.saving.load_model(tmp_path / "m.keras")):
        for name, value in read(encoder, IDS).items():
            np.testing.assert_allclose(read(loaded, IDS)[name], value, atol=1e-6)


def test_compiles_and_stays_the_same_under_xla(encoder):
    compiled = compile_function(lambda ids: encoder(ids), jit=True)
    out = compiled(keras.ops.convert_to_tensor(IDS))
    for name, value in read(encoder, IDS).items():
        np.testing.assert_allclose(numpy(out[name]), value, atol=1e-4)


def test_half_precision_gives_float32_and_is_kept(encoder):
    half = TextEncoder(**SMALL, dtype="mixed_bfloat16")
    half.set_weights(encoder.get_weights())
    out = half(IDS)
    assert {keras.backend.standardize_dtype(value.dtype) for value in out.values()} == {"float32"}
    np.testing.assert_allclose(numpy(out["pooled"]), read(encoder, IDS)["pooled"], atol=0.05)
    again = TextEncoder.from_config(half.get_config())
    assert again.get_layer("text_block_1").dtype_policy.name == "mixed_bfloat16"


@pytest.mark.parametrize(
    "change, words",
    [
        ({"heads": 3}, "divisible by `heads`"),
        ({"end_id": 12}, "below `vocabulary_size`"),
        ({"length": 1}, "`length` at least 2"),
        ({"activation": "relu"}, "`activation`"),
    ],
)
def test_refuses(change, words):
    with pytest.raises(ValueError, match=f"{words}.*Received"):
        TextEncoder(**{**SMALL, **change})
