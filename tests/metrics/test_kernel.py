"""Kernel distance against a double loop, and the promise that it is unbiased."""

import numpy as np
import pytest

from diffusion_course.metrics import kernel
from diffusion_course.metrics.kernel import kid, kid_exact, polynomial_kernel


def naive(a, b):
    def k(x, y):
        return (x @ y / len(x) + 1) ** 3

    m, n = len(a), len(b)
    aa = sum(k(a[i], a[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    bb = sum(k(b[i], b[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    return aa + bb - 2 * sum(k(x, y) for x in a for y in b) / (m * n)


@pytest.mark.parametrize("block", [1, 4, 1000])
def test_equals_a_double_loop(monkeypatch, block):
    monkeypatch.setattr(kernel, "_BLOCK", block)
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(11, 5)), rng.normal(1, 2, size=(8, 5))
    assert kid_exact(a, b) == pytest.approx(naive(a, b), rel=1e-12)
    assert kid_exact(b, a) == pytest.approx(kid_exact(a, b), rel=1e-12)


def test_the_kernel_is_the_papers():
    assert polynomial_kernel(np.array([[1.0, 2.0]]), np.array([[3.0, 1.0]]))[0, 0] == (5 / 2 + 1) ** 3


@pytest.mark.parametrize("n", [10, 40])
def test_unbiased_at_any_size(n):
    rng = np.random.default_rng(1)
    values = [kid_exact(rng.normal(size=(n, 4)), rng.normal(size=(n, 4))) for _ in range(2000)]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(2000)
    assert 0.2 < np.mean(np.array(values) < 0) < 0.8


def test_positive_for_other_means_and_other_spreads():
    rng = np.random.default_rng(2)
    a = rng.normal(size=(800, 4))
    for other in (rng.normal(0.5, 1, (800, 4)), rng.normal(0, 1.4, (800, 4))):
        mean, error = kid(a, other, rng=rng)
        assert mean > 4 * error and kid_exact(a, other) > 0


def test_standard_error_is_the_spread_over_repeated_experiments():
    rng = np.random.default_rng(3)
    results = [
        kid(rng.normal(size=(160, 4)), rng.normal(0.3, 1, (400, 4)), rng=rng, subsets=8) for _ in range(400)
    ]
    means, errors = np.array(results).T
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(means.std(), rel=0.15)


def test_subsets_are_dealt_without_overlap():
    """Two hands of all rows: their mean must not change when a row is repeated by chance, so none is."""
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
    deal = np.random.default_rng(9)
    pa, pb = deal.permutation(4), deal.permutation(4)
    hands = [kid_exact(a[pa[i : i + 2]], b[pb[i : i + 2]]) for i in (0, 2)]
    mean, error = kid(a, b, subsets=2, rng=np.random.default_rng(9))
    assert mean == pytest.approx(np.mean(hands))
    assert error == pytest.approx(abs(hands[0] - hands[1]) / 2)


def test_bad_input_is_refused():
    x, rng = np.zeros((10, 3)), np.random.default_rng(0)
    with pytest.raises(ValueError, match="one D"):
        kid_exact(x, np.zeros((10, 4)))
    with pytest.raises(ValueError, match="`features_b` must have shape"):
        kid_exact(x, np.zeros((1, 3)))
    for subsets in (1, 6):
        with pytest.raises(ValueError, match=f"from 2 to 5. Received: subsets={subsets}"):
            kid(x, x, subsets=subsets, rng=rng)
