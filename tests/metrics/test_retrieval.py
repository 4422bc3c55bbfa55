"""Retrieval and zero-shot classification: perfect, random and degenerate embeddings."""

import numpy as np
import pytest

from diffusion_course.metrics.retrieval import ensemble, retrieval, zero_shot

RNG = np.random.default_rng(0)
E = RNG.standard_normal((50, 16))


def test_perfect_embeddings_find_each_other_whatever_their_length():
    assert retrieval(E, 3 * E) == {"image to text": 1.0, "text to image": 1.0}
    near = E + 0.1 * RNG.standard_normal(E.shape)
    assert retrieval(E, near) == {"image to text": 1.0, "text to image": 1.0}


def test_unrelated_embeddings_find_by_chance_and_equal_ones_nothing():
    found = retrieval(RNG.standard_normal((400, 16)), RNG.standard_normal((400, 16)))
    assert max(found.values()) < 0.02  # chance is 1 / 400
    assert retrieval(np.ones((5, 3)), np.ones((5, 3))) == {"image to text": 0.0, "text to image": 0.0}


def test_both_ways_are_told_apart():
    """Texts of pictures 1 and 2 lie closer to picture 0 than its own does; each picture's own text is still nearest."""
    images = np.array([[1.0, 0, 0], [0.6, 0.8, 0], [0.6, 0, 0.8]])
    texts = np.array([[1.0, 0.1, 0.1], [1.0, 0.9, 0], [1.0, 0, 0.9]])
    assert retrieval(images, texts) == {"image to text": 1.0, "text to image": 1.0}
    texts[0] = [1, -3, 0]
    assert retrieval(images, texts) == {"image to text": 2 / 3, "text to image": 1.0}


def test_zero_shot_takes_the_nearest_of_all_or_of_the_picture_s_own():
    classes = np.eye(4)
    labels = np.array([2, 0, 3, 3, 1])
    images = 5 * classes[labels] + 0.1
    np.testing.assert_array_equal(zero_shot(images, classes), labels)
    own = np.stack([classes, classes[::-1]])  # the second picture's texts stand the other way round
    np.testing.assert_array_equal(zero_shot(images[:2], own), [2, 3])


def test_ensemble_is_the_mean_direction():
    prompts = np.array([[[9.0, 0], [0, 1]], [[-1, 0], [-2, 0]]])
    np.testing.assert_allclose(ensemble(prompts), [[0.5**0.5, 0.5**0.5], [-1, 0]])
    np.testing.assert_array_equal(zero_shot([[1, 1], [-1, 0]], ensemble(prompts)), [0, 1])


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: retrieval(E, E[:4]), "one shape"),
        (lambda: retrieval(E[0], E[0]), "2 dimensions"),
        (lambda: retrieval(E * np.nan, E), "finite"),
        (lambda: retrieval(E[:0], E[:0]), "not empty"),
        (lambda: zero_shot(E, E[:, :3]), "`candidate_embeddings` must be"),
        (lambda: zero_shot(E, E[None]), "`candidate_embeddings` must be"),
        (lambda: ensemble(E), "3 dimensions"),
    ],
)
def test_refuses(call, words):
    with pytest.raises(ValueError, match=f"{words}.*Received"):
        call()
