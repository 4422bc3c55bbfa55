"""The reference solutions of chapter 11 against truths that are known without them."""

import numpy as np
from scipy.special import logsumexp, softmax

from diffusion_course.exercises import ch11
from diffusion_course.layers.transformer import BasicTransformerBlock

rng = np.random.default_rng(0)


def test_weights_are_the_softmax_over_what_may_be_seen():
    scores, mask = rng.normal(size=(4, 6)), rng.random((4, 6)) < 0.6
    mask[:, 2] = True
    weights = ch11.masked_softmax(scores, mask)
    for n in range(4):
        np.testing.assert_allclose(weights[n, mask[n]], softmax(scores[n, mask[n]]))
        assert not weights[n, ~mask[n]].any()


def test_a_block_is_the_librarys():
    library = BasicTransformerBlock(heads=2)
    x, context = (rng.normal(size=(1, n, 8)).astype("float32") for n in (5, 3))
    want = library(x, context)
    norms = library.norm_1, library.norm_2, library.norm_3
    parts = library.self_attention, library.cross_attention, lambda h: library.out(library.mlp(h))
    np.testing.assert_allclose(ch11.block(x, context, norms, *parts), want, atol=1e-6)


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
