"""Exercises of chapter 05: the jump, a chain's stationary distribution, respacing, equal noise."""

import numpy as np

from diffusion_course.exercises.base import Exercise, Wrong, expect, register

# ---------------------------------------------------------------- 05.1


def jump(x0, noise, alpha_bar):
    return np.sqrt(alpha_bar) * x0 + np.sqrt(1 - alpha_bar) * noise


def _test_jump(answer):
    rng = np.random.default_rng(0)
    x0, noise = rng.uniform(-1, 1, (3, 4)), rng.standard_normal((3, 4))
    for a in (0.9, 0.36):
        got, want = np.asarray(answer(x0, noise, a)), jump(x0, noise, a)
        expect(
            got.shape == want.shape, f"the result must have the shape of x0, {want.shape}. Got {got.shape}."
        )
        if np.allclose(got, want):
            continue
        expect(
            not np.allclose(got, a * x0 + (1 - a) * noise),
            "alpha_bar and 1 - alpha_bar are shares of the variance. Factors of pictures are their square roots.",
        )
        expect(
            not np.allclose(got, np.sqrt(a) * x0 + (1 - a) * noise),
            "the noise is not scaled right: its standard deviation is the root of its variance 1 - alpha_bar.",
        )
        expect(
            not np.allclose(got, np.sqrt(a) * x0 + (1 - np.sqrt(a)) * noise),
            "not the factors but their squares must add up to 1.",
        )
        expect(
            not np.allclose(got, jump(x0, noise, 1 - a)),
            "picture and noise are swapped: alpha_bar = 1 must give back x0.",
        )
        raise Wrong(
            f"alpha_bar={a}: expected {np.sqrt(a):.3f} x0 + {np.sqrt(1 - a):.3f} noise. "
            f"Largest difference: {np.abs(got - want).max():.3g}."
        )


# ---------------------------------------------------------------- 05.2


def stationary(P):
    values, vectors = np.linalg.eig(P.T)
    pi = np.real(vectors[:, np.argmin(np.abs(values - 1))])
    return pi / pi.sum()


def _test_stationary(answer):
    for P in (
        np.array([[0.3, 0.7, 0.0], [0.9, 0.1, 0.0], [0.5, 0.5, 0.0]]),
        np.array([[0.8, 0.2], [0.05, 0.95]]),
    ):
        got, want = np.asarray(answer(P.copy())), stationary(P)
        expect(
            got.shape == want.shape, f"give one probability per state, shape {want.shape}. Got {got.shape}."
        )
        if np.allclose(got, want, atol=1e-6):
            continue
        expect(
            not np.allclose(got, got[0]) or np.allclose(want, want[0]),
            "all states alike: that is the eigenvector of P, because its rows add up to 1. You need that of P.T.",
        )
        expect(np.isclose(got.sum(), 1), f"the probabilities must add up to 1. Got a sum of {got.sum():.3g}.")
        expect((got > -1e-9).all(), f"probabilities must not be negative. Got {got}.")
        raise Wrong(f"one more step changes your answer: from {got.round(3)} to {(got @ P).round(3)}.")


# ---------------------------------------------------------------- 05.3


def respaced_betas(alpha_bars, keep):
    kept = alpha_bars[keep]
    return 1 - kept / np.append(1.0, kept[:-1])


def _test_respaced(answer):
    betas = np.linspace(1e-3, 0.2, 40)
    alpha_bars = np.cumprod(1 - betas)
    for keep in (np.array([9, 19, 29, 39]), np.array([0, 1, 30, 39])):
        got, want = np.asarray(answer(alpha_bars, keep)), respaced_betas(alpha_bars, keep)
        if got.shape == want.shape and np.allclose(got, want):
            continue
        expect(
            got.shape != betas[keep].shape or not np.allclose(got, betas[keep]),
            "these are the old betas at the kept steps. One long step must do the work of all that it replaces.",
        )
        expect(
            got.shape == want.shape,
            f"{len(keep)} kept steps need {len(keep)} betas; before the first one alpha_bar is 1. Got {got.shape}.",
        )
        expect(not np.allclose(got, 1 - want), "that is alpha, the share that stays; beta is 1 - alpha.")
        expect(
            not np.allclose(got, 1 - alpha_bars[keep]),
            "1 - alpha_bar is the noise since the very beginning; divide by alpha_bar of the kept step before.",
        )
        raise Wrong(
            "the product of (1 - beta) up to each kept step must be alpha_bar there. "
            f"Got {np.cumprod(1 - got).round(4)}, expected {alpha_bars[keep].round(4)}."
        )


# ---------------------------------------------------------------- 05.4


def same_noise(t, source, target):
    def log_snr(alpha_bars):
        return np.log(alpha_bars) - np.log1p(-alpha_bars)

    return int(np.argmin(np.abs(log_snr(target) - log_snr(source)[t])))


def _test_same_noise(answer):
    linear = np.cumprod(1 - np.linspace(1e-4, 0.02, 1000))
    scaled = np.cumprod(1 - np.linspace(np.sqrt(0.00085), np.sqrt(0.012), 1000) ** 2)
    short = np.cumprod(1 - np.linspace(2e-3, 0.4, 50))
    for source, target in ((linear, scaled), (scaled, linear), (linear, short)):
        for t in (20, 300, 990):
            t = min(t, len(source) - 1)
            got, want = answer(t, source, target), same_noise(t, source, target)
            if got == want:
                continue
            expect(np.ndim(got) == 0 and got == int(got), f"give one step, an integer. Got {got}.")
            expect(0 <= got < len(target), f"the step must be one of 0 to {len(target) - 1}. Got {got}.")
            same_share = round(t * (len(target) - 1) / (len(source) - 1))
            expect(
                got != t and got != same_share,
                "the number of the step says nothing about the noise: compare the noise itself.",
            )
            by_alpha_bar = int(np.argmin(np.abs(target - source[t])))
            expect(
                got != by_alpha_bar,
                "nearest in alpha_bar is not nearest in log-SNR: late steps differ much in log-SNR only.",
            )
            raise Wrong(
                f"step {t} of the one schedule is as noisy as step {want} of the other; "
                f"alpha_bar {source[t]:.4g} and {target[want]:.4g}. Got step {got}."
            )


# ---------------------------------------------------------------- table, with the wrong answers we have met


def _right_eigenvector(P):
    values, vectors = np.linalg.eig(P)
    v = np.real(vectors[:, np.argmin(np.abs(values - 1))])
    return v / v.sum()


EXERCISES = register(
    Exercise(
        "05.1",
        jump,
        _test_jump,
        {
            "no roots": (lambda x, e, a: a * x + (1 - a) * e, "square roots"),
            "noise without root": (lambda x, e, a: np.sqrt(a) * x + (1 - a) * e, "root of its variance"),
            "factors add up to 1": (lambda x, e, a: np.sqrt(a) * x + (1 - np.sqrt(a)) * e, "their squares"),
            "swapped": (lambda x, e, a: np.sqrt(1 - a) * x + np.sqrt(a) * e, "swapped"),
            "signal kept whole": (lambda x, e, a: x + np.sqrt(1 - a) * e, "expected"),
        },
    ),
    Exercise(
        "05.2",
        stationary,
        _test_stationary,
        {
            "eigenvector of P": (_right_eigenvector, "P.T"),
            "not normalised": (lambda P: 2 * stationary(P), "add up to 1"),
            "one step only": (lambda P: np.full(len(P), 1 / len(P)) @ P, "one more step"),
            "a matrix": (lambda P: np.linalg.matrix_power(P, 200), "one probability per state"),
        },
    ),
    Exercise(
        "05.3",
        respaced_betas,
        _test_respaced,
        {
            "old betas": (lambda a, k: (1 - a / np.append(1.0, a[:-1]))[k], "One long step"),
            "first one forgotten": (lambda a, k: 1 - a[k][1:] / a[k][:-1], "before the first one"),
            "alphas": (lambda a, k: a[k] / np.append(1.0, a[k][:-1]), "beta is 1 - alpha"),
            "since the beginning": (lambda a, k: 1 - a[k], "since the very beginning"),
        },
    ),
    Exercise(
        "05.4",
        same_noise,
        _test_same_noise,
        {
            "same number": (lambda t, s, g: min(t, len(g) - 1), "number of the step"),
            "same share": (lambda t, s, g: round(t * (len(g) - 1) / (len(s) - 1)), "number of the step"),
            "nearest alpha_bar": (lambda t, s, g: int(np.argmin(np.abs(g - s[t]))), "nearest in alpha_bar"),
            "farthest": (lambda t, s, g: int(np.argmax(np.abs(g - s[t]))), "as noisy as"),
        },
    ),
)
