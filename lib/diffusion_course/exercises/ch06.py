"""Exercises of chapter 06: velocity, a step back, the exact denoiser, the bound's weights, how far a network sees."""

import numpy as np

from diffusion_course.exercises.base import Exercise, not_finite

EXERCISES: dict[str, Exercise] = {}


def from_velocity(x_t, v, alpha_bar):
    a, b = np.sqrt(alpha_bar), np.sqrt(1 - alpha_bar)
    return a * x_t - b * v, b * x_t + a * v


def _from_noise(x_t, v, alpha_bar):
    return (x_t - np.sqrt(1 - alpha_bar) * v) / np.sqrt(alpha_bar), v


EXERCISES["from_velocity"] = Exercise(
    "06.1",
    from_velocity,
    cases=[(*np.random.default_rng(0).standard_normal((2, 3, 4)), alpha_bar) for alpha_bar in (0.9, 0.2)],
    shape="two arrays, the picture and the noise, each like x_t",
    wrong={
        "swapped": lambda x, v, a: from_velocity(x, v, a)[::-1],
        "taken for the noise": _from_noise,
        "sign": lambda x, v, a: from_velocity(x, -v, a),
        "no square roots": lambda x, v, a: (a * x - (1 - a) * v, (1 - a) * x + a * v),
        "only one": lambda x, v, a: from_velocity(x, v, a)[0],
        "noise": lambda x, v, a: (from_velocity(x, v, a)[0], v),
    },
    hints={
        "swapped": "picture and noise are swapped: return the picture first.",
        "taken for the noise": "v is not the noise. Solve x_t = a x_0 + b noise and v = a noise - b x_0 together.",
        "sign": "mind the signs: v = a noise - b x_0. Multiply one equation by a, the other by b, and add or subtract.",
        "no square roots": "alpha_bar and 1 - alpha_bar are shares of the variance; take their square roots.",
        "only one": "two things were asked for: the picture and the noise.",
        "noise": "the picture is right, the noise is not: it is what is left of x_t, (x_t - a x_0) / b.",
    },
    kinds={"noise": lambda got, want, x, v, a: np.allclose(got[0], want[0])},
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
    "06.2",
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


def posterior_mean(x_t, bank, signal, sigma):
    # log N(x_t; signal x_i, sigma^2), without what is the same for all i
    log_weight = (signal * x_t @ bank.T - signal**2 / 2 * (bank**2).sum(axis=1)) / sigma**2  # (N, M)
    weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))  # the largest is 1: nothing overflows
    return weight @ bank / weight.sum(axis=1, keepdims=True)


def _weighted(log_weight, bank):
    weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
    return weight @ bank / weight.sum(axis=1, keepdims=True)


def _squares(x_t, pictures):
    return ((x_t[:, None] - pictures) ** 2).sum(axis=2)


def _unshifted(x_t, bank, signal, sigma):
    weight = np.exp(-_squares(x_t, signal * bank) / (2 * sigma**2))
    return weight @ bank / weight.sum(axis=1, keepdims=True)


def _posterior_cases():
    rng = np.random.default_rng(2)
    bank = rng.uniform(-1, 1, (6, 5))
    near = (0.8 * bank[:4] + 0.6 * rng.standard_normal((4, 5)), bank, 0.8, 0.6)
    wide = rng.uniform(-1, 1, (6, 784))
    return [near, (0.995 * wide[:2] + 0.3 * rng.standard_normal((2, 784)), wide, 0.995, 0.1)]


EXERCISES["posterior_mean"] = Exercise(
    "06.3",
    posterior_mean,
    cases=_posterior_cases,
    shape="one picture per noisy picture, (N, D)",
    atol=1e-6,
    wrong={
        "overflow": _unshifted,
        "nearest": lambda x, bank, a, b: bank[_squares(x, a * bank).argmin(axis=1)],
        "not dimmed": lambda x, bank, a, b: _weighted(-_squares(x, bank) / (2 * b**2), bank),
        "no half": lambda x, bank, a, b: _weighted(-_squares(x, a * bank) / b**2, bank),
        "sigma not squared": lambda x, bank, a, b: _weighted(-_squares(x, a * bank) / (2 * b), bank),
        "plain mean": lambda x, bank, a, b: np.broadcast_to(bank.mean(axis=0), x.shape),
        "dimmed mean": lambda x, bank, a, b: a * posterior_mean(x, bank, a, b),
        "not divided": lambda x, bank, a, b: np.exp(-_squares(x, a * bank) / (2 * b**2)) @ bank,
    },
    hints={
        "overflow": (
            "right in principle, but all weights of a row are rounded to 0, and 0 / 0 is no number: subtract the "
            "largest exponent of each row before you take exp."
        ),
        "nearest": "that is the nearest known picture. The mean of all, weighted, was asked for.",
        "not dimmed": "x_t lies around signal times a known picture: dim the pictures before you compare.",
        "no half": "the exponent of a Gaussian is the squared distance over *twice* the variance.",
        "sigma not squared": "the exponent is divided by twice the variance, sigma squared.",
        "plain mean": "that is the mean digit, whatever x_t is. Nearer pictures must weigh more.",
        "dimmed mean": "that is the mean of what is left of the picture in x_t; the clean picture was asked for.",
        "not divided": "the weights of a row must add up to 1: divide by their sum.",
    },
    kinds={"overflow": not_finite},
)


def picture_weight(alpha_bars):
    snr = alpha_bars / (1 - alpha_bars)
    return (snr[:-1] - snr[1:]) / 2


def _log_snr(alpha_bars):
    return np.log(alpha_bars / (1 - alpha_bars))


def _noise_weight(alpha_bars):
    """Equation 12's weight."""
    before, now = alpha_bars[:-1], alpha_bars[1:]
    beta = 1 - now / before
    return beta**2 / (2 * beta * (1 - before) / (1 - now) * (now / before) * (1 - now))


def _without_variance(alpha_bars):
    before, now = alpha_bars[:-1], alpha_bars[1:]
    return (np.sqrt(before) * (1 - now / before) / (1 - now)) ** 2


EXERCISES["picture_weight"] = Exercise(
    "06.4",
    picture_weight,
    cases=[(np.cumprod(1 - np.linspace(0.02, 0.3, 6)),)],
    shape="one weight per level from t = 1 on",
    wrong={
        "weight of the noise": _noise_weight,
        "not halved": lambda a: 2 * picture_weight(a),
        "sign": lambda a: -picture_weight(a),
        "logarithms": lambda a: (_log_snr(a)[:-1] - _log_snr(a)[1:]) / 2,
        "alpha_bars": lambda a: (a[:-1] - a[1:]) / 2,
        "over no variance": _without_variance,
        "with the lowest level": lambda a: np.append(np.nan, picture_weight(a)),
    },
    hints={
        "weight of the noise": "that is w of equation 12. An error of the picture is b / a times that of the noise.",
        "not halved": "half of it: the KL divergence has 2 sigma squared in the denominator.",
        "sign": "a weight is positive: the signal-to-noise ratio falls with t.",
        "logarithms": "nearly: take the ratios themselves, not their logarithms.",
        "alpha_bars": "nearly: take alpha_bar / (1 - alpha_bar), the signal-to-noise ratio, in place of alpha_bar.",
        "over no variance": "that is the squared factor of x_0; divide by twice the posterior's variance.",
        "with the lowest level": "the lowest level has no such term; begin with t = 1.",
    },
)


def receptive_field(kernels, fold):
    return fold * (1 + sum(kernel - 1 for kernel in kernels))


EXERCISES["receptive_field"] = Exercise(
    "06.5",
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
