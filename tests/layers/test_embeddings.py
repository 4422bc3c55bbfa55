"""Time embeddings: the paper's waves, and a layer that survives being saved."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from diffusion_course.layers.embeddings import TimeEmbedding, sinusoidal_embedding


def test_waves_are_those_of_the_paper():
    t, dim = np.array([0, 1, 7, 999]), 8
    waves = keras.ops.convert_to_numpy(sinusoidal_embedding(t, dim))
    frequencies = 10_000.0 ** (-np.arange(4) / 4)
    expected = np.concatenate([np.cos(np.outer(t, frequencies)), np.sin(np.outer(t, frequencies))], axis=1)
    np.testing.assert_allclose(waves, expected, atol=2e-4)
    np.testing.assert_array_equal(waves[0], [1, 1, 1, 1, 0, 0, 0, 0])


def test_waves_are_those_of_diffusers():
    """An outside witness: `samplers/witness/make_numbers.py` says how the numbers were made."""
    numbers = Path(__file__).parents[1] / "samplers" / "witness" / "numbers.json"
    cases = json.loads(numbers.read_text(encoding="utf-8"))["embeddings"]
    assert len(cases) == 2
    for case in cases:
        waves = keras.ops.convert_to_numpy(sinusoidal_embedding(np.array(case["t"]), case["dim"]))
        # Both are float32, whose neighbours lie 6e-5 apart at an angle of 999.
        np.testing.assert_allclose(waves, case["waves"], rtol=0, atol=1e-4)


def test_every_step_of_a_thousand_has_its_own_embedding():
    waves = keras.ops.convert_to_numpy(sinusoidal_embedding(np.arange(1000), 32)).astype("float64")
    distances = np.linalg.norm(waves[:, None] - waves[None], axis=-1) + 9 * np.eye(1000)
    assert distances.min() > 0.1
    assert distances[0, 1] < distances[0, 30]  # near steps are near


def test_waves_keep_their_precision_in_half_precision():
    layer = TimeEmbedding(units=8, waves=32, dtype="mixed_bfloat16")
    a, b = keras.ops.convert_to_numpy(keras.ops.cast(layer(np.array([999, 1000])), "float32"))
    assert not np.array_equal(a, b)


@pytest.mark.parametrize("dim", [0, -2, 7])
def test_refuses_odd_sizes(dim):
    with pytest.raises(ValueError, match="even and positive. Received"):
        sinusoidal_embedding(np.array([1]), dim)
