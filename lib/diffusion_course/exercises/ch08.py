"""Exercises of chapter 08: fresh noise, inversion, a learned variance, and the arc between two noises."""

import numpy as np

from diffusion_course.exercises.base import Exercise, Wrong, expect, register

# ---------------------------------------------------------------- 08.1


def fresh_noise(alpha_bar, alpha_bar_prev, eta):
    return eta * np.sqrt((1 - alpha_bar_prev) / (1 - alpha_bar) * (1 - alpha_bar / alpha_bar_prev))


def _test_fresh_noise(answer):
    here, prev = np.array([0.9, 0.5, 0.02]), np.array([1.0, 0.8, 0.3])
    for eta in (1.0, 0.3):
        got, want = np.asarray(answer(here, prev, eta)), fresh_noise(here, prev, eta)
        expect(got.shape == want.shape, f"one number per step, shape {want.shape}. Got {got.shape}.")
        if np.allclose(got, want):
            continue
        variance = fresh_noise(here, prev, 1.0) ** 2
        expect(
            not np.allclose(got, eta * variance),
            "that is the variance at eta = 1; the noise is multiplied by a standard deviation: take the square root.",
        )
        expect(
            not np.allclose(got, np.sqrt(eta) * np.sqrt(variance)),
            "eta stands before the root, not under it.",
        )
        expect(
            not np.allclose(got, np.sqrt(variance)),
            "eta has no effect: at eta = 0 there must be no noise, and here there is.",
        )
        expect(
            not np.allclose(got, eta * np.sqrt(1 - here / prev)),
            "that is sqrt(beta), the large variance. The factor (1 - alpha_bar_prev) / (1 - alpha_bar) is missing.",
        )
        raise Wrong(f"alpha_bar={here}, alpha_bar_prev={prev}, eta={eta} must give {want}. Got {got}.")


# ---------------------------------------------------------------- 08.2


def invert_step(x, noise_hat, alpha_bar, alpha_bar_next):
    x0_hat = (x - np.sqrt(1 - alpha_bar) * noise_hat) / np.sqrt(alpha_bar)
    return np.sqrt(alpha_bar_next) * x0_hat + np.sqrt(1 - alpha_bar_next) * noise_hat


def _test_invert_step(answer):
    rng = np.random.default_rng(0)
    x0, noise = rng.uniform(-1, 1, (2, 3, 3, 1)), rng.standard_normal((2, 3, 3, 1))
    here, after = 0.8, 0.35
    x = np.sqrt(here) * x0 + np.sqrt(1 - here) * noise
    got, want = np.asarray(answer(x, noise, here, after)), np.sqrt(after) * x0 + np.sqrt(1 - after) * noise
    expect(got.shape == x.shape, f"the result must have the shape of x, {x.shape}. Got {got.shape}.")
    if np.allclose(got, want):
        return
    expect(
        not np.allclose(got, np.sqrt(after / here) * x + np.sqrt(1 - after / here) * noise),
        "that adds more noise on top, as a step of the forward process does. First find x0_hat, then mix anew.",
    )
    expect(
        not np.allclose(
            got, np.sqrt(here) * (x - np.sqrt(1 - after) * noise) / np.sqrt(after) + np.sqrt(1 - here) * noise
        ),
        "the two levels are swapped: x lies at alpha_bar, and the result at alpha_bar_next.",
    )
    expect(
        not np.allclose(got, np.sqrt(after) * x + np.sqrt(1 - after) * noise),
        "x is not yet the clean picture: take its noise out and divide by sqrt(alpha_bar) first.",
    )
    expect(
        not np.allclose(got, after * (x - (1 - here) * noise) / here + (1 - after) * noise),
        "alpha_bar is a share of the variance; pictures and noise are weighted by its square root.",
    )
    raise Wrong(
        "the result must be sqrt(alpha_bar_next) x0 + sqrt(1 - alpha_bar_next) noise. "
        f"It is off by {np.abs(got - want).max():.3g}."
    )


# ---------------------------------------------------------------- 08.3


def learned_variance(v, small, large):
    share = (v + 1) / 2
    return np.exp(share * np.log(large) + (1 - share) * np.log(small))


def _test_learned_variance(answer):
    v, small, large = np.array([-1.0, -0.2, 0.5, 1.0]), 1e-4, 0.04
    got, want = np.asarray(answer(v, small, large)), learned_variance(v, small, large)
    expect(got.shape == v.shape, f"one variance per v, shape {v.shape}. Got {got.shape}.")
    if np.allclose(got, want):
        return
    share = (v + 1) / 2
    expect(
        not np.allclose(got, np.log(want)),
        "that is the logarithm; the exercise asks for the variance: np.exp.",
    )
    expect(
        not np.allclose(got, share * large + (1 - share) * small),
        "interpolate the logarithms. On a straight line nearly every v would give a variance close to `large`.",
    )
    expect(
        not np.allclose(got, learned_variance(2 * v - 1, small, large)),
        "v runs from -1 to 1. Map it to a share from 0 to 1 first: (v + 1) / 2.",
    )
    expect(
        not np.allclose(got, learned_variance(-v, small, large)),
        "turned round: v = 1 must give `large`, v = -1 `small`.",
    )
    expect(
        not np.allclose(got, np.sqrt(want)),
        "that is the standard deviation; the exercise asks for the variance.",
    )
    raise Wrong(f"v={v}, small={small}, large={large} must give {want}. Got {got}.")


# ---------------------------------------------------------------- 08.4


def slerp(a, b, share):
    cosine = np.sum(a * b) / (np.linalg.norm(a) * np.linalg.norm(b))
    angle = np.arccos(np.clip(cosine, -1, 1))
    if angle < 1e-3:  # so close that arc and chord agree, and 0 / 0 is near
        return (1 - share) * a + share * b
    return (np.sin((1 - share) * angle) * a + np.sin(share * angle) * b) / np.sin(angle)


def _test_slerp(answer):
    rng = np.random.default_rng(0)
    a = rng.standard_normal(50)
    b = 0.4 * a + rng.standard_normal(50)
    for share in (0.25, 0.8):
        got, want = np.asarray(answer(a, b, share)), slerp(a, b, share)
        expect(got.shape == a.shape, f"the result must have the shape of a, {a.shape}. Got {got.shape}.")
        if np.allclose(got, want):
            continue
        line = (1 - share) * a + share * b
        expect(not np.allclose(got, line), "that is the straight line: its middle is too short.")
        expect(
            not np.allclose(got, slerp(b, a, share)),
            "turned round: share 0 must give a, and share 1 gives b.",
        )
        length = (1 - share) * np.linalg.norm(a) + share * np.linalg.norm(b)
        lengths = (length, np.linalg.norm(a), 1.0)
        expect(
            not any(np.allclose(got, line / np.linalg.norm(line) * n) for n in lengths),
            "you stretched the straight line to the right length. It is on the arc then, but not at equal angles: "
            "use the two weights with sines.",
        )
        with np.errstate(invalid="ignore"):
            angle = np.arccos(np.clip(np.sum(a * b), -1, 1))
            raw = (np.sin((1 - share) * angle) * a + np.sin(share * angle) * b) / max(np.sin(angle), 1e-12)
        expect(
            np.isfinite(got).all() and not np.allclose(got, raw),
            "the angle is wrong: the cosine is a.b divided by both lengths.",
        )
        raise Wrong(f"share={share}: off by up to {np.abs(got - want).max():.3g}.")
    with np.errstate(invalid="ignore", divide="ignore"):
        same = np.asarray(answer(a, a.copy(), 0.3))
    expect(
        np.allclose(same, a),
        "a with itself: the angle is 0 and you divide 0 by 0. Use the straight line where the angle is tiny.",
    )


# ---------------------------------------------------------------- table, with the wrong answers we have met


def _raw_angle(a, b, share):
    angle = np.arccos(np.clip(np.sum(a * b), -1, 1))
    return (np.sin((1 - share) * angle) * a + np.sin(share * angle) * b) / max(np.sin(angle), 1e-12)


def _unguarded(a, b, share):
    angle = np.arccos(np.clip(np.sum(a * b) / (np.linalg.norm(a) * np.linalg.norm(b)), -1, 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return (np.sin((1 - share) * angle) * a + np.sin(share * angle) * b) / np.sin(angle)


def _stretched(a, b, share):
    line = (1 - share) * a + share * b
    return line / np.linalg.norm(line) * np.linalg.norm(a)


EXERCISES = register(
    Exercise(
        "08.1",
        fresh_noise,
        _test_fresh_noise,
        {
            "variance": (lambda a, p, e: e * fresh_noise(a, p, 1) ** 2, "square root"),
            "eta under the root": (lambda a, p, e: np.sqrt(e) * fresh_noise(a, p, 1), "before the root"),
            "without eta": (lambda a, p, e: fresh_noise(a, p, 1), "no effect"),
            "large": (lambda a, p, e: e * np.sqrt(1 - a / p), "large variance"),
            "swapped": (lambda a, p, e: e * np.sqrt(np.abs(1 - p / a)), "must give"),
        },
    ),
    Exercise(
        "08.2",
        invert_step,
        _test_invert_step,
        {
            "forward step": (
                lambda x, e, a, n: np.sqrt(n / a) * x + np.sqrt(1 - n / a) * e,
                "forward process",
            ),
            "swapped": (lambda x, e, a, n: invert_step(x, e, n, a), "swapped"),
            "x as x0": (lambda x, e, a, n: np.sqrt(n) * x + np.sqrt(1 - n) * e, "not yet the clean picture"),
            "no roots": (lambda x, e, a, n: n * (x - (1 - a) * e) / a + (1 - n) * e, "square root"),
        },
    ),
    Exercise(
        "08.3",
        learned_variance,
        _test_learned_variance,
        {
            "logarithm": (lambda v, s, b: np.log(learned_variance(v, s, b)), "np.exp"),
            "straight line": (
                lambda v, s, b: (1 + v) / 2 * b + (1 - v) / 2 * s,
                "interpolate the logarithms",
            ),
            "v from 0 to 1": (lambda v, s, b: np.exp(v * np.log(b) + (1 - v) * np.log(s)), "(v + 1) / 2"),
            "turned round": (lambda v, s, b: learned_variance(v, b, s), "turned round"),
            "deviation": (lambda v, s, b: np.sqrt(learned_variance(v, s, b)), "standard deviation"),
        },
    ),
    Exercise(
        "08.4",
        slerp,
        _test_slerp,
        {
            "straight": (lambda a, b, s: (1 - s) * a + s * b, "straight line"),
            "turned round": (lambda a, b, s: slerp(b, a, s), "turned round"),
            "stretched": (_stretched, "equal angles"),
            "not normalised": (_raw_angle, "divided by both lengths"),
            "same vector": (_unguarded, "divide 0 by 0"),
        },
    ),
)
