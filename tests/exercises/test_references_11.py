"""The reference solutions of chapter 11 against truths that are known without them."""

import numpy as np
from scipy.special import logsumexp, softmax

from diffusion_course.exercises import ch11

rng = np.random.default_rng(0)


def test_weights_are_the_softmax_over_what_may_be_seen():
    q, k = rng.normal(size=(4, 9)), rng.normal(size=(6, 9))
    mask = rng.random((4, 6)) < 0.6
    mask[:, 2] = True
    weights = ch11.attention_weights(q, k, mask)
    for n in range(4):
        np.testing.assert_allclose(weights[n, mask[n]], softmax(k[mask[n]] @ q[n] / 3))
        assert not weights[n, ~mask[n]].any()


def test_a_head_has_its_own_channels_of_every_position():
    x = rng.normal(size=(5, 12))
    for h, part in enumerate(ch11.split_heads(x, 3)):
        np.testing.assert_array_equal(part, x[:, 4 * h : 4 * h + 4])


def test_a_text_of_two_words_and_padding():
    np.testing.assert_array_equal(ch11.may_look(np.array([7, 2, 0])), [[1, 0, 0], [1, 1, 0], [1, 1, 0]])


def test_even_weights_over_n_words_count_as_n():
    weights = np.zeros((4, 5))
    for n in range(4):
        weights[n, : n + 1] = 1 / (n + 1)
    np.testing.assert_allclose(ch11.effective_words(weights), [1, 2, 3, 4])


def test_parts_merge_to_attention_over_all():
    scores, values = 30 * rng.normal(size=(3, 7)), rng.normal(size=(7, 2))
    parts = [
        (softmax(scores[:, s], axis=1) @ values[s], logsumexp(scores[:, s], axis=1))
        for s in (slice(4), slice(4, 7))
    ]
    np.testing.assert_allclose(ch11.merge_parts(*parts[0], *parts[1]), softmax(scores, axis=1) @ values)
