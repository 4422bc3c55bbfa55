"""Exercises of chapter 06: the clean picture behind a noise, the posterior, how far a network sees, one step back."""

import numpy as np

from diffusion_course.exercises.base import Exercise

EXERCISES: dict[str, Exercise] = {}


def x0_from_noise(x_t, noise, alpha_bar):
    return (x_t - np.sqrt(1 - alpha_bar) * noise) / np.sqrt(alpha_bar)


EXERCISES["x0_from_noise"] = Exercise(
    "06.1",
    x0_from_noise,
    cases=[(*np.random.default_rng(0).standard_normal((2, 3, 4)), alpha_bar) for alpha_bar in (0.9, 0.2)],
    shape="a picture like x_t",
    wrong={
        "still dimmed": lambda x, e, a: x - np.sqrt(1 - a) * e,
        "no square roots": lambda x, e, a: (x - (1 - a) * e) / a,
        "sign": lambda x, e, a: (x + np.sqrt(1 - a) * e) / np.sqrt(a),
        "plain difference": lambda x, e, a: x - e,
    },
    hints={
        "still dimmed": "the noise is gone, but the picture is still dimmed: divide by the square root of alpha_bar.",
        "no square roots": "alpha_bar and 1 - alpha_bar are shares of the variance; take their square roots.",
        "sign": "the noise was added on the way; now take it away. Look at the sign.",
        "plain difference": "the noise in x_t was scaled by sqrt(1 - alpha_bar), and the picture was scaled too.",
    },
)


def posterior_coefficients(alpha_bars):
    previous = np.append(1.0, alpha_bars[:-1])
    alphas = alpha_bars / previous
    betas = 1 - alphas
    of_x0 = betas * np.sqrt(previous) / (1 - alpha_bars)
    of_xt = (1 - previous) * np.sqrt(alphas) / (1 - alpha_bars)
    return of_x0, of_xt, betas * (1 - previous) / (1 - alpha_bars)


def _coefficients(alpha_bars, previous, alphas):
    of_x0 = (1 - alphas) * np.sqrt(previous) / (1 - alpha_bars)
    of_xt = (1 - previous) * np.sqrt(alphas) / (1 - alpha_bars)
    return of_x0, of_xt, (1 - alphas) * (1 - previous) / (1 - alpha_bars)


def _zero_before_first(alpha_bars):
    alphas = alpha_bars / np.append(1.0, alpha_bars[:-1])
    return _coefficients(alpha_bars, np.append(0.0, alpha_bars[:-1]), alphas)


def _one_ahead(alpha_bars):
    after = np.append(alpha_bars[1:], 0.0)
    return _coefficients(alpha_bars, after, after / alpha_bars)


def _with_variance(variance):
    return lambda a: (*posterior_coefficients(a)[:2], variance(a, posterior_coefficients(a)[2]))


EXERCISES["posterior_coefficients"] = Exercise(
    "06.2",
    posterior_coefficients,
    cases=[(np.cumprod(1 - np.linspace(0.02, 0.3, 6)),)],
    shape="three arrays, the factor of x_0, the factor of x_t, the variance, with one value per step",
    wrong={
        "swapped": lambda a: np.array(posterior_coefficients(a))[[1, 0, 2]],
        "zero before the first": _zero_before_first,
        "one ahead": _one_ahead,
        "beta": _with_variance(lambda a, v: 1 - a / np.append(1.0, a[:-1])),
        "standard deviation": _with_variance(lambda a, v: np.sqrt(v)),
        "factor of x_0": lambda a: (1 - posterior_coefficients(a)[1], *posterior_coefficients(a)[1:]),
        "factor of x_t": lambda a: np.array(posterior_coefficients(a))[[0, 0, 2]],
        "variance": lambda a: np.array(posterior_coefficients(a))[[0, 1, 1]],
    },
    hints={
        "swapped": "the two factors are swapped. At the first step x_0 is known and gets factor 1, x_t gets 0.",
        "zero before the first": "only the first step is wrong: nothing has happened before it, alpha_bar_prev is 1.",
        "one ahead": "you looked one step ahead; take that of the step before: np.append(1.0, alpha_bars[:-1]).",
        "beta": (
            "your variance is beta, that of the step forward. Going back we also know x_0: it is smaller, by "
            "(1 - alpha_bar_prev) / (1 - alpha_bar)."
        ),
        "standard deviation": "that is the standard deviation; the variance was asked for.",
        "factor of x_0": "the factor of x_t is right, that of x_0 is not: beta sqrt(alpha_bar_prev) / (1 - alpha_bar).",
        "factor of x_t": "the factor of x_0 is right, that of x_t is not. Check alpha = alpha_bar / alpha_bar_prev.",
        "variance": "both factors are right, the variance is not: see equation 7.",
    },
    kinds={
        "swapped": lambda got, want, a: np.allclose(got[:2], want[1::-1]),
        "zero before the first": lambda got, want, a: np.allclose(got[:, 1:], want[:, 1:]),
        "one ahead": lambda got, want, a: np.allclose(got[2, :-1], _one_ahead(a)[2][:-1]),
        "beta": lambda got, want, a: np.allclose(got[2], 1 - a / np.append(1.0, a[:-1])),
        "standard deviation": lambda got, want, a: np.allclose(got[2], np.sqrt(want[2])),
        "factor of x_0": lambda got, want, a: (
            np.allclose(got[1], want[1]) and not np.allclose(got[0], want[0])
        ),
        "factor of x_t": lambda got, want, a: (
            np.allclose(got[0], want[0]) and not np.allclose(got[1], want[1])
        ),
        "variance": lambda got, want, a: np.allclose(got[:2], want[:2]),
    },
)


def receptive_field(kernels, fold):
    return fold * (1 + sum(kernel - 1 for kernel in kernels))


EXERCISES["receptive_field"] = Exercise(
    "06.3",
    receptive_field,
    cases=[((3, 3), 1), ((5, 3, 1), 1), ((3,) * 10, 2)],
    wrong={
        "product": lambda k, f: f * int(np.prod(k)),
        "sum of kernels": lambda k, f: f * sum(k),
        "fold forgotten": lambda k, f: receptive_field(k, 1),
        "area": lambda k, f: receptive_field(k, f) ** 2,
        "without the first": lambda k, f: receptive_field(k, f) - f,
    },
    hints={
        "product": "layers add up, they do not multiply. A second 3 x 3 layer sees one pixel more on each side.",
        "sum of kernels": "each layer adds k - 1, not k; two 3 x 3 layers see 5 pixels.",
        "fold forgotten": "one folded place stands for `fold` pixels in each direction.",
        "area": "the side of the square was asked for, not its area.",
        "without the first": "begin with 1, the pixel that asks is seen too.",
    },
)


def ancestral_step(x_t, x0_hat, z, t, betas):
    alpha_bars = np.cumprod(1 - betas)
    previous = alpha_bars[t - 1] if t > 0 else 1.0
    mean = (betas[t] * np.sqrt(previous) * x0_hat + (1 - previous) * np.sqrt(1 - betas[t]) * x_t) / (
        1 - alpha_bars[t]
    )
    if t == 0:
        return mean
    return mean + np.sqrt(betas[t] * (1 - previous) / (1 - alpha_bars[t])) * z


def _with_noise(scale):
    """A step whose noise is scaled by a function of (beta, posterior variance)."""

    def step(x_t, x0_hat, z, t, betas):
        alpha_bars = np.append(np.cumprod(1 - betas), 1.0)  # so that index -1 is the clean picture
        variance = betas[t] * (1 - alpha_bars[t - 1]) / (1 - alpha_bars[t])
        return ancestral_step(x_t, x0_hat, 0 * z, t, betas) + scale(betas[t], variance) * z

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


_pictures = np.random.default_rng(1).standard_normal((3, 5, 5))

EXERCISES["ancestral_step"] = Exercise(
    "06.4",
    ancestral_step,
    cases=[(*_pictures, t, np.linspace(0.01, 0.2, 8)) for t in (7, 3, 0)],
    shape="a picture like x_t",
    wrong={
        "noise at 0": _with_noise(lambda beta, v: np.sqrt(v if v > 0 else beta)),
        "mean only": _with_noise(lambda beta, v: 0.0),
        "variance": _with_noise(lambda beta, v: v),
        "not scaled": _with_noise(lambda beta, v: 1.0),
        "beta": _with_noise(lambda beta, v: np.sqrt(beta)),
        "jump again": _jump_again,
        "index -1": _last_value_before_first,
    },
    hints={
        "noise at 0": "t=0: the last step must return x0_hat, with no noise on it. alpha_bar_prev is 1 there.",
        "mean only": "this is the mean of the posterior. Algorithm 2 draws from it: add sigma times z.",
        "variance": "z is scaled by the standard deviation, not by the variance.",
        "not scaled": "z must be scaled: by the standard deviation of the posterior at this step.",
        "beta": "that is the paper's other choice, sigma squared = beta. Here the posterior variance was asked for.",
        "jump again": "you noise x0_hat afresh with the jump and forget x_t. The posterior's mean needs both.",
        "index -1": "t=0: before the first step alpha_bar is 1; mind that index -1 of an array is its last value.",
    },
    kinds={"noise at 0": lambda got, want, x_t, x0_hat, z, t, betas: t == 0},
)
