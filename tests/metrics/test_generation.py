"""The ruler: 1 for real pictures, far more for anything else, and the same definition on both sides."""

import numpy as np
import pytest

from diffusion_course.datasets.images import load_mnist
from diffusion_course.metrics.frechet import fid
from diffusion_course.metrics.generation import Ruler
from diffusion_course.models.presets import load_pretrained

CLASSES = 10


class FakeClassifier:
    """Pictures of 4 x 4 pixels, class k's bright spot at pixel k: features are a fixed random ReLU layer."""

    weights = np.random.default_rng(99).normal(size=(16, 12))

    def features(self, x):
        return np.maximum(x.reshape(len(x), -1) @ self.weights, 0).astype("float32")

    def probabilities(self, x):
        logits = 20 * x.reshape(len(x), -1)[:, :CLASSES]
        exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
        return (exponents / exponents.sum(axis=1, keepdims=True)).astype("float32")


def draw(n, seed, classes=CLASSES):
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 0.3, (n, 16))
    x[np.arange(n), rng.integers(0, classes, n)] += rng.uniform(0.5, 0.7, n)
    return x.reshape(n, 4, 4, 1).astype("float32")


@pytest.fixture(scope="module")
def ruler():
    return Ruler(FakeClassifier(), draw(2000, 0), samples=400)


def test_other_real_pictures_measure_one(ruler):
    results = [ruler.measure(draw(400, seed)) for seed in range(1, 9)]
    assert np.mean([r.fid_ratio for r in results]) == pytest.approx(1, abs=0.15)
    assert abs(np.mean([r.kid for r in results])) < 3 * np.mean([r.kid_standard_error for r in results])
    for r in results:
        assert r.inception_score > 9
        np.testing.assert_allclose(r.class_shares, 0.1, atol=0.06)
        assert r.class_shares.sum() == pytest.approx(1)


def test_noise_is_far_away(ruler):
    result = ruler.measure(np.random.default_rng(0).random((400, 4, 4, 1)))
    assert result.fid_ratio > 20 and result.kid > 10 * result.kid_standard_error
    assert result.inception_score < 8


def test_one_class_only_fools_confidence_but_not_the_distance(ruler):
    collapsed = draw(400, 3, classes=1)
    confidence = FakeClassifier().probabilities(collapsed).max(axis=1).mean()
    result = ruler.measure(collapsed)
    assert confidence > 0.99 and result.class_shares[0] > 0.99
    assert result.fid_ratio > 20 and result.inception_score == pytest.approx(1, abs=0.02)


def test_a_missing_class_shows(ruler):
    result = ruler.measure(draw(400, 4, classes=9))
    assert result.class_shares[9] == 0 and result.fid_ratio > 3


def test_floor_and_fid_are_what_the_definition_says():
    real, pictures = draw(300, 5), draw(100, 6)
    ruler = Ruler(FakeClassifier(), real, samples=100, splits=3, seed=7)
    features, rng = FakeClassifier().features, np.random.default_rng(7)
    floors, distances = [], []
    for _ in range(3):
        order = rng.permutation(300)
        held_out, reference = real[order[:100]], real[order[100:]]
        floors.append(fid(features(held_out), features(reference)))
        distances.append(fid(features(pictures), features(reference)))
    np.testing.assert_allclose(ruler.floors, floors, rtol=1e-9)
    result = ruler.measure(pictures)
    assert ruler.fid(pictures) == result.fid == pytest.approx(np.mean(distances), rel=1e-9)
    assert result.fid_ratio == pytest.approx(np.mean(distances) / np.mean(floors), rel=1e-9)
    assert (ruler.floor, ruler.floor_spread) == pytest.approx((np.mean(floors), np.std(floors, ddof=1)))


def test_order_does_not_matter_to_fid_and_repetition_changes_nothing(ruler):
    pictures = draw(400, 8)
    first, again, turned = (ruler.measure(p) for p in (pictures, pictures, pictures[::-1]))
    assert (first.fid, first.kid) == (again.fid, again.kid)
    assert turned.fid == pytest.approx(first.fid)
    assert turned.inception_score == pytest.approx(first.inception_score)


def test_the_floor_follows_the_number_of_samples(ruler):
    assert Ruler(FakeClassifier(), draw(2000, 0), samples=100).floor > 2 * ruler.floor


@pytest.mark.parametrize(
    ("pictures", "words"),
    [
        (draw(399, 0), r"shape \(400, 4, 4, 1\).*Received: shape \(399, 4, 4, 1\)"),
        (draw(400, 0)[..., 0], r"shape \(N, H, W, C\)"),
        (draw(400, 0)[:, :3], "shape"),
        (2 * draw(400, 0) - 1, r"in \[0, 1\].*\(x \+ 1\) / 2.*Received: float32, -"),
        (np.full((400, 4, 4, 1), np.nan), "nan"),
        (np.zeros((400, 4, 4, 1), "uint8"), "uint8"),
    ],
)
def test_bad_pictures_are_refused(ruler, pictures, words):
    with pytest.raises(ValueError, match=words):
        ruler.measure(pictures)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"samples": 1001}, "half of the 2000 real pictures. Received: samples=1001"),
        ({"samples": 15}, "from 16 to"),
        ({"samples": 99.5}, "Received: samples=99.5"),
        ({"samples": 100, "splits": 1}, "Received: splits=1"),
    ],
)
def test_bad_settings_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        Ruler(FakeClassifier(), draw(2000, 0), **settings)


def test_a_classifier_that_sees_nothing_is_refused():
    with pytest.raises(ValueError, match="features that vary"):
        Ruler(FakeClassifier(), np.zeros((100, 4, 4, 1)), samples=20)


def test_real_digits_with_the_shipped_classifier():
    """Training digits are near 1; the same digits blurred or noisy, or threes alone, are not."""
    (train, labels), (test, _) = load_mnist()
    ruler = Ruler(load_pretrained("classifier-mnist"), test[:1500], samples=250)
    digits = train[:250]
    real = ruler.measure(digits)
    assert 0.3 < real.fid_ratio < 2
    np.testing.assert_allclose(real.class_shares, 0.1, atol=0.06)
    assert real.inception_score > 9
    noise = np.random.default_rng(0).normal(size=digits.shape)
    for worse in (np.clip(digits + 0.1 * noise, 0, 1), train[labels == 3][:250]):
        result = ruler.measure(worse)
        assert result.fid_ratio > 5 and result.kid > 5 * result.kid_standard_error
