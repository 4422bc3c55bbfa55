"""Exercises of chapter 06: the clean picture behind a noise, the posterior, how far a network sees, one step back."""

import numpy as np

from diffusion_course.exercises.base import Exercise, Wrong, expect, register


def _same(got, want) -> bool:
    got = np.asarray(got, dtype="float64")
    return got.shape == np.shape(want) and np.allclose(got, want, rtol=1e-5, atol=1e-8)


# ---------------------------------------------------------------- 06.1


def x0_from_noise(x_t, noise, alpha_bar):
    return (x_t - np.sqrt(1 - alpha_bar) * noise) / np.sqrt(alpha_bar)


def _test_x0_from_noise(answer):
    rng = np.random.default_rng(0)
    x0, noise = rng.uniform(-1, 1, (3, 4)), rng.standard_normal((3, 4))
    for alpha_bar in (0.9, 0.2):
        x_t = np.sqrt(alpha_bar) * x0 + np.sqrt(1 - alpha_bar) * noise
        got = answer(x_t, noise, alpha_bar)
        if _same(got, x0):
            continue
        expect(np.shape(got) == x0.shape, f"the picture must keep its shape {x0.shape}. Got {np.shape(got)}.")
        expect(
            not _same(got, np.sqrt(alpha_bar) * x0),
            "the noise is gone, but the picture is still dimmed: divide by the square root of alpha_bar.",
        )
        expect(
            not _same(got, (x_t - (1 - alpha_bar) * noise) / alpha_bar),
            "alpha_bar and 1 - alpha_bar are shares of the variance. The factors are their square roots.",
        )
        expect(
            not _same(got, (x_t + np.sqrt(1 - alpha_bar) * noise) / np.sqrt(alpha_bar)),
            "the noise was added on the way; now take it away. Look at the sign.",
        )
        expect(
            not _same(got, x_t - noise),
            "the noise in x_t is not the whole noise: it was scaled by sqrt(1 - alpha_bar), and the picture too.",
        )
        gap = np.abs(np.asarray(got) - x0).max()
        raise Wrong(
            f"alpha_bar={alpha_bar}: with the true noise you must get x_0 back. Largest gap {gap:.3g}."
        )


# ---------------------------------------------------------------- 06.2


def posterior_coefficients(alpha_bars):
    previous = np.append(1.0, alpha_bars[:-1])
    alphas = alpha_bars / previous
    betas = 1 - alphas
    of_x0 = betas * np.sqrt(previous) / (1 - alpha_bars)
    of_xt = (1 - previous) * np.sqrt(alphas) / (1 - alpha_bars)
    return of_x0, of_xt, betas * (1 - previous) / (1 - alpha_bars)


def _test_posterior_coefficients(answer):
    alpha_bars = np.cumprod(1 - np.linspace(0.02, 0.3, 6))
    got, want = answer(alpha_bars.copy()), posterior_coefficients(alpha_bars)
    expect(
        isinstance(got, tuple | list) and len(got) == 3,
        "return three arrays: the factor of x_0, the factor of x_t, the variance.",
    )
    if all(_same(g, w) for g, w in zip(got, want, strict=True)):
        return
    expect(
        not (_same(got[0], want[1]) and _same(got[1], want[0])),
        "the two factors are swapped. At the first step x_0 is known and gets factor 1, x_t gets 0.",
    )
    ahead = np.append(alpha_bars[1:], 0.0)
    expect(
        all(np.shape(g) == alpha_bars.shape for g in got),
        f"each array must have one value per step, shape {alpha_bars.shape}. Got {[np.shape(g) for g in got]}.",
    )
    expect(
        _same(np.asarray(got[0])[1:], want[0][1:]) or not _same(np.asarray(got[1])[1:], want[1][1:]),
        "the factor of x_t is right, that of x_0 is not: beta sqrt(alpha_bar_prev) / (1 - alpha_bar).",
    )
    wrong_first = all(_same(np.asarray(g)[1:], w[1:]) for g, w in zip(got, want, strict=True))
    expect(
        not wrong_first,
        "only the first step is wrong: before it nothing has happened, so alpha_bar_prev is 1 there, not 0.",
    )
    expect(
        not _same(got[2], 1 - alpha_bars / np.append(1.0, alpha_bars[:-1])),
        "your variance is beta, that of the step forward. Going back we also know x_0: it is smaller, "
        "by (1 - alpha_bar_prev) / (1 - alpha_bar).",
    )
    expect(not _same(got[2], np.sqrt(want[2])), "that is the standard deviation; the variance was asked for.")
    with np.errstate(all="ignore"):
        betas = 1 - ahead / alpha_bars
    expect(
        not _same(got[2][:-1], (betas * (1 - ahead) / (1 - alpha_bars))[:-1]),
        "you looked one step ahead; alpha_bar_prev is that of the step before: np.append(1.0, alpha_bars[:-1]).",
    )
    names = ("the factor of x_0", "the factor of x_t", "the variance")
    first = next(n for n, g, w in zip(names, got, want, strict=True) if not _same(g, w))
    raise Wrong(f"{first} is not that of equations 6 and 7. Check alpha = alpha_bar / alpha_bar_prev first.")


# ---------------------------------------------------------------- 06.3


def receptive_field(kernels, fold):
    return fold * (1 + sum(kernel - 1 for kernel in kernels))


def _test_receptive_field(answer):
    for kernels, fold in (((3, 3), 1), ((5, 3, 1), 1), ((3,) * 10, 2)):
        got, want = answer(kernels, fold), receptive_field(kernels, fold)
        if got == want:
            continue
        case = f"kernels {kernels}, fold {fold}"
        expect(
            got != fold * int(np.prod(kernels)),
            f"{case}: layers add up, they do not multiply. A second 3 x 3 layer sees one pixel more on each side.",
        )
        expect(
            got != fold * sum(kernels),
            f"{case}: each layer adds k - 1, not k; two 3 x 3 layers see 5 pixels.",
        )
        expect(
            got != want // fold,
            f"{case}: one folded place stands for {fold} pixels in each direction.",
        )
        expect(got != want**2, "the side of the square was asked for, not its area.")
        expect(
            got != fold * sum(k - 1 for k in kernels),
            f"{case}: begin with 1, the pixel that asks is seen too.",
        )
        raise Wrong(f"{case}: one pixel of the output sees a square of side {want}. Got {got}.")


# ---------------------------------------------------------------- 06.4


def ancestral_step(x_t, x0_hat, z, t, betas):
    alpha_bars = np.cumprod(1 - betas)
    previous = alpha_bars[t - 1] if t > 0 else 1.0
    mean = (betas[t] * np.sqrt(previous) * x0_hat + (1 - previous) * np.sqrt(1 - betas[t]) * x_t) / (
        1 - alpha_bars[t]
    )
    if t == 0:
        return mean
    return mean + np.sqrt(betas[t] * (1 - previous) / (1 - alpha_bars[t])) * z


def _test_ancestral_step(answer):
    rng = np.random.default_rng(1)
    betas = np.linspace(0.01, 0.2, 8)
    alpha_bars = np.cumprod(1 - betas)
    x_t, x0_hat, z = rng.standard_normal((3, 5, 5))
    for t in (7, 3):
        got, want = answer(x_t, x0_hat, z, t, betas), ancestral_step(x_t, x0_hat, z, t, betas)
        if _same(got, want):
            continue
        mean = ancestral_step(x_t, x0_hat, 0 * z, t, betas)
        variance = betas[t] * (1 - alpha_bars[t - 1]) / (1 - alpha_bars[t])
        expect(
            not _same(got, mean),
            "this is the mean of the posterior. Algorithm 2 draws from it: add sigma times z.",
        )
        expect(
            not _same(got, mean + variance * z), "z is scaled by the standard deviation, not by the variance."
        )
        expect(
            not _same(got, mean + z),
            "z must be scaled: by the standard deviation of the posterior at this step.",
        )
        expect(
            not _same(got, mean + np.sqrt(betas[t]) * z),
            "that is the paper's other choice, sigma squared = beta. Here the posterior variance was asked for.",
        )
        expect(
            not _same(got, np.sqrt(alpha_bars[t - 1]) * x0_hat + np.sqrt(1 - alpha_bars[t - 1]) * z),
            "you noise x0_hat afresh with the jump and forget x_t. The posterior's mean needs both.",
        )
        raise Wrong(
            f"t={t}: off by up to {np.abs(np.asarray(got) - want).max():.3g} from the posterior's draw."
        )
    got = np.asarray(answer(x_t, x0_hat, z, 0, betas))
    expect(
        np.isfinite(got).all() and np.allclose(got, x0_hat, atol=1e-6),
        "t=0: the last step must return x0_hat, with no noise on it. alpha_bar_prev is 1 there; "
        "mind that index -1 of an array is its last value.",
    )


# ---------------------------------------------------------------- table, with the wrong answers we have met


def _zero_before_first(alpha_bars):
    previous = np.append(0.0, alpha_bars[:-1])
    alphas = alpha_bars / np.append(1.0, alpha_bars[:-1])
    of_x0 = (1 - alphas) * np.sqrt(previous) / (1 - alpha_bars)
    of_xt = (1 - previous) * np.sqrt(alphas) / (1 - alpha_bars)
    return of_x0, of_xt, (1 - alphas) * (1 - previous) / (1 - alpha_bars)


def _one_ahead(alpha_bars):
    previous = np.append(alpha_bars[1:], 0.0)
    alphas = previous / alpha_bars
    of_x0 = (1 - alphas) * np.sqrt(previous) / (1 - alpha_bars)
    of_xt = (1 - previous) * np.sqrt(alphas) / (1 - alpha_bars)
    return of_x0, of_xt, (1 - alphas) * (1 - previous) / (1 - alpha_bars)


def _with_beta(alpha_bars):
    of_x0, of_xt, _ = posterior_coefficients(alpha_bars)
    return of_x0, of_xt, 1 - alpha_bars / np.append(1.0, alpha_bars[:-1])


def _with_noise(scale, even_at_0=False):
    """A step whose noise is scaled by a function of (beta, posterior variance)."""

    def step(x_t, x0_hat, z, t, betas):
        mean = ancestral_step(x_t, x0_hat, 0 * z, t, betas)
        alpha_bars = np.append(np.cumprod(1 - betas), 1.0)  # so that index -1 is the clean picture
        variance = betas[t] * (1 - alpha_bars[t - 1]) / (1 - alpha_bars[t])
        return mean + scale(betas[t], variance) * z if t or even_at_0 else mean

    return step


def _last_value_before_first(x_t, x0_hat, z, t, betas):
    alpha_bars = np.cumprod(1 - betas)
    previous = alpha_bars[t - 1]
    mean = betas[t] * np.sqrt(previous) * x0_hat + (1 - previous) * np.sqrt(1 - betas[t]) * x_t
    variance = betas[t] * (1 - previous) / (1 - alpha_bars[t])
    return mean / (1 - alpha_bars[t]) + np.sqrt(variance) * z


def _jump_again(x_t, x0_hat, z, t, betas):
    previous = np.append(np.cumprod(1 - betas), 1.0)[t - 1]
    return np.sqrt(previous) * x0_hat + np.sqrt(1 - previous) * z


EXERCISES = register(
    Exercise(
        "06.1",
        x0_from_noise,
        _test_x0_from_noise,
        {
            "still dimmed": (lambda x, e, a: x - np.sqrt(1 - a) * e, "still dimmed"),
            "no square roots": (lambda x, e, a: (x - (1 - a) * e) / a, "square roots"),
            "sign": (lambda x, e, a: (x + np.sqrt(1 - a) * e) / np.sqrt(a), "sign"),
            "plain difference": (lambda x, e, a: x - e, "was scaled"),
            "one number": (lambda x, e, a: np.mean(x - e), "keep its shape"),
        },
    ),
    Exercise(
        "06.2",
        posterior_coefficients,
        _test_posterior_coefficients,
        {
            "swapped": (lambda a: [posterior_coefficients(a)[k] for k in (1, 0, 2)], "swapped"),
            "zero before the first": (_zero_before_first, "alpha_bar_prev is 1"),
            "one ahead": (_one_ahead, "step ahead"),
            "beta": (_with_beta, "step forward"),
            "standard deviation": (
                lambda a: (*posterior_coefficients(a)[:2], np.sqrt(posterior_coefficients(a)[2])),
                "standard deviation",
            ),
            "two arrays": (lambda a: posterior_coefficients(a)[:2], "three arrays"),
        },
    ),
    Exercise(
        "06.3",
        receptive_field,
        _test_receptive_field,
        {
            "product": (lambda k, f: f * int(np.prod(k)), "add up"),
            "sum of kernels": (lambda k, f: f * sum(k), "k - 1"),
            "fold forgotten": (lambda k, f: 1 + sum(n - 1 for n in k), "folded"),
            "area": (lambda k, f: receptive_field(k, f) ** 2, "side"),
            "without the first": (lambda k, f: f * sum(n - 1 for n in k), "begin with 1"),
        },
    ),
    Exercise(
        "06.4",
        ancestral_step,
        _test_ancestral_step,
        {
            "mean only": (_with_noise(lambda beta, v: 0.0), "add sigma"),
            "variance": (_with_noise(lambda beta, v: v), "not by the variance"),
            "not scaled": (_with_noise(lambda beta, v: 1.0), "must be scaled"),
            "beta": (_with_noise(lambda beta, v: np.sqrt(beta)), "other choice"),
            "jump again": (_jump_again, "forget x_t"),
            "noise at 0": (_with_noise(lambda beta, v: np.sqrt(v if v > 0 else beta), True), "no noise"),
            "index -1": (_last_value_before_first, "index -1"),
        },
    ),
)
