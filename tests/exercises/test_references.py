"""The reference solutions against truths that are known without them."""

from collections import Counter

import numpy as np
import pytest

from diffusion_course import tokenizer
from diffusion_course.datasets import scene_captions, scenes
from diffusion_course.exercises import ch12, ch13

rng = np.random.default_rng(0)
x0, noise = rng.uniform(-1, 1, (3, 4)), rng.standard_normal((3, 4))


def test_merging_the_most_frequent_pair_again_and_again_gives_the_library_s_merges():
    captions = scene_captions.sample_captions(scenes.sample_scenes(200, seed=0, kind="both"), seed=0)
    words = Counter(tokenizer.symbols_of(w) for c in captions for w in tokenizer.split(tokenizer.clean(c)))
    merges = []
    for _ in range(60):
        merges.append(ch12.most_frequent_pair(words))
        words = {ch12.replace_pair(w, merges[-1], "".join(merges[-1])): n for w, n in words.items()}
    assert merges == tokenizer.learn_merges(captions, 60)


def test_contrastive_loss_of_equal_logits_is_that_of_guessing_and_its_gradient_is_the_limit_of_differences():
    assert ch12.contrastive_loss(np.zeros((7, 7))) == pytest.approx(np.log(7))
    logits = np.random.default_rng(5).standard_normal((4, 4))
    gradient = ch12.loss_gradient(logits)
    np.testing.assert_allclose(gradient.sum(), 0, atol=1e-12)
    for i, j in ((0, 0), (1, 3), (2, 1)):
        step = np.zeros((4, 4))
        step[i, j] = 1e-5
        difference = ch12.contrastive_loss(logits + step) - ch12.contrastive_loss(logits - step)
        assert gradient[i, j] == pytest.approx(difference / 2e-5, rel=1e-6)


def test_twins_are_met_as_often_as_counted():
    batches = np.random.default_rng(0).integers(60, size=(4000, 64))
    met = np.mean([(batch[1:] == batch[0]).any() for batch in batches])
    assert ch12.share_with_twin(60, 64) == pytest.approx(met, abs=0.03)
    assert ch12.share_with_twin(60, 1) == 0


def test_guidance_by_the_classifier_that_a_network_implies_is_guidance_without_one():
    null, cond, sigma = *np.random.default_rng(2).standard_normal((2, 3, 4)), 0.7
    implied = (null - cond) / sigma  # the difference of two scores, each -noise / sigma
    for scale in (0.0, 1.0, 3.0):
        by_classifier = ch13.towards_class(null, implied, sigma, scale)
        np.testing.assert_allclose(ch13.classifier_free_noise(null, cond, scale), by_classifier)
        np.testing.assert_allclose(ch13.compose(null, [cond], [scale]), by_classifier)
    assert ch13.drop_labels(np.arange(3), np.array([True, False, True]), 3).tolist() == [3, 1, 3]
    assert ch13.scale_at(np.array([-1.0, 0.0, 1.0]), 5.0, 0.0, 0.5).tolist() == [1, 5, 1]
