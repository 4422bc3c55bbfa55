"""Exercises of chapter 05: many steps in one, cosine betas, respacing, forgetting, equal noise, a pure end."""

import numpy as np

from diffusion_course.exercises.base import Exercise

EXERCISES: dict[str, Exercise] = {}


def jump_factors(betas, t):
    alpha_bar = np.prod(1 - betas[: t + 1])
    return np.sqrt(alpha_bar), np.sqrt(1 - alpha_bar)


def _factors(alpha_bar):
    return np.sqrt(alpha_bar), np.sqrt(1 - alpha_bar)


_betas = np.linspace(0.02, 0.3, 8)

EXERCISES["jump_factors"] = Exercise(
    "05.1",
    jump_factors,
    cases=[(_betas, t) for t in (7, 3, 0)],
    shape="two numbers",
    wrong={
        "one step short": lambda b, t: _factors(np.prod(1 - b[:t])),
        "one step only": lambda b, t: _factors(1 - b[t]),
        "variances": lambda b, t: (np.prod(1 - b[: t + 1]), 1 - np.prod(1 - b[: t + 1])),
        "betas added up": lambda b, t: (jump_factors(b, t)[0], np.sqrt(b[: t + 1].sum())),
        "factors add up to 1": lambda b, t: (jump_factors(b, t)[0], 1 - jump_factors(b, t)[0]),
        "variance": lambda b, t: (jump_factors(b, t)[0], jump_factors(b, t)[1] ** 2),
        "noise": lambda b, t: (jump_factors(b, t)[0], 1.0),
    },
    hints={
        "one step short": "one step is missing: x_t is the picture *after* step t: steps 0 to t have been taken.",
        "one step only": "that is one step. Steps 0 to t have been taken: multiply their factors.",
        "variances": "these are shares of the variance; factors are their square roots.",
        "betas added up": "old noise shrinks too, by sqrt(1 - beta) at each step; the betas do not just add up.",
        "factors add up to 1": "not the factors but their squares add up to 1.",
        "variance": "that is the variance of the noise; its standard deviation was asked for.",
        "noise": "the picture's factor is right, the noise's is not: of variance 1, what is not picture is noise.",
    },
    kinds={"noise": lambda got, want, b, t: np.isclose(got[0], want[0])},
)


def cosine_betas(steps):
    time = np.arange(steps + 1) / steps
    alpha_bar = np.cos((time + 0.008) / 1.008 * np.pi / 2) ** 2
    return np.minimum(1 - alpha_bar[1:] / alpha_bar[:-1], 0.999)


def _cosine(steps, offset=0.008, squared=True, largest=0.999):
    time = np.arange(steps + 1) / steps
    wave = np.cos((time + offset) / (1 + offset) * np.pi / 2)
    wave = wave**2 if squared else wave
    return np.minimum(1 - wave[1:] / wave[:-1], largest)


def _alpha_bar_of(steps):
    return np.cumprod(1 - cosine_betas(steps))


EXERCISES["cosine_betas"] = Exercise(
    "05.2",
    cosine_betas,
    cases=[(8,), (50,)],
    shape="one beta per step",
    wrong={
        "alpha_bar": _alpha_bar_of,
        "since the beginning": lambda n: 1 - _alpha_bar_of(n),
        "alpha": lambda n: 1 - cosine_betas(n),
        "not squared": lambda n: _cosine(n, squared=False),
        "no offset": lambda n: _cosine(n, offset=0.0),
        "not cut off": lambda n: _cosine(n, largest=1.0),
        "first one forgotten": lambda n: cosine_betas(n)[1:],
    },
    hints={
        "alpha_bar": "that is alpha_bar; the betas of the single steps were asked for.",
        "since the beginning": "that is 1 - alpha_bar, the noise since the beginning; beta is that of one step.",
        "alpha": "that is alpha, what a step keeps; beta is 1 - alpha.",
        "not squared": "alpha_bar is the *squared* cosine.",
        "no offset": "the small offset is missing: (u + 0.008) / 1.008 in place of u.",
        "not cut off": "right but for the last one: cut all betas off at 0.999.",
        "first one forgotten": "one beta is missing: N steps need N + 1 times, the clean picture's among them.",
    },
)


def respaced_betas(alpha_bars, keep):
    kept = alpha_bars[keep]
    return 1 - kept / np.append(1.0, kept[:-1])


_alpha_bars = np.cumprod(1 - np.linspace(1e-3, 0.2, 40))

EXERCISES["respaced_betas"] = Exercise(
    "05.3",
    respaced_betas,
    cases=[(_alpha_bars, np.array([9, 19, 29, 39])), (_alpha_bars, np.array([0, 1, 30, 39]))],
    shape="one beta per kept step",
    wrong={
        "old betas": lambda a, k: respaced_betas(a, np.arange(len(a)))[k],
        "first one forgotten": lambda a, k: respaced_betas(a, k)[1:],
        "alphas": lambda a, k: 1 - respaced_betas(a, k),
        "since the beginning": lambda a, k: 1 - a[k],
    },
    hints={
        "old betas": "these are the old betas. One long step must do the work of all that it replaces.",
        "first one forgotten": "one beta is missing: before the first kept step alpha_bar is 1.",
        "alphas": "that is alpha, the share that stays; beta is 1 - alpha.",
        "since the beginning": "that is the noise since the beginning; divide by alpha_bar of the kept step before.",
    },
)


def steps_to_forget(P, share):
    second = np.sort(np.abs(np.linalg.eigvals(P)))[-2]
    return int(np.ceil(np.log(share) / np.log(second)))


EXERCISES["steps_to_forget"] = Exercise(
    "05.4",
    steps_to_forget,
    cases=[
        (np.array([[0.3, 0.7, 0.0], [0.9, 0.1, 0.0], [0.5, 0.5, 0.0]]), 0.01),
        (np.array([[0.8, 0.2], [0.05, 0.95]]), 0.001),
        (np.array([[0.8, 0.15, 0.05], [0.3, 0.5, 0.2], [0.2, 0.4, 0.4]]), 0.05),
    ],
    wrong={
        "rounded down": lambda P, s: steps_to_forget(P, s) - 1,
        "not whole": lambda P, s: np.log(s) / np.log(np.sort(np.abs(np.linalg.eigvals(P)))[-2]),
        "one step divided": lambda P, s: int(
            np.ceil((1 - s) / (1 - np.sort(np.abs(np.linalg.eigvals(P)))[-2]))
        ),
        "smallest": lambda P, s: int(
            np.ceil(np.log(s) / np.log(max(np.sort(np.abs(np.linalg.eigvals(P)))[0], 1e-9)))
        ),
    },
    hints={
        "rounded down": "after so many steps a little more than `share` is left; one more is needed.",
        "not whole": "steps are whole: round up.",
        "one step divided": "each step leaves a *share* of what is left, so that n steps leave a power.",
        "smallest": "the slowest part decides: the second largest eigenvalue by size, not the smallest.",
    },
    kinds={"not whole": lambda got, want, P, s: got != np.round(got)},
)


def same_noise(t, source, target):
    def log_snr(alpha_bars):
        return np.log(alpha_bars) - np.log1p(-alpha_bars)

    return int(np.argmin(np.abs(log_snr(target) - log_snr(source)[t])))


_linear = np.cumprod(1 - np.linspace(1e-4, 0.02, 1000))
_scaled = np.cumprod(1 - np.linspace(np.sqrt(0.00085), np.sqrt(0.012), 1000) ** 2)
_short = np.cumprod(1 - np.linspace(2e-3, 0.4, 50))

EXERCISES["same_noise"] = Exercise(
    "05.5",
    same_noise,
    cases=[
        (t, source, target)
        for source, target in ((_linear, _short), (_linear, _scaled), (_scaled, _linear))
        for t in (300, 20, 990)
    ],
    wrong={
        "same number": lambda t, s, g: min(t, len(g) - 1),
        "same share": lambda t, s, g: round(t * (len(g) - 1) / (len(s) - 1)),
        "nearest alpha_bar": lambda t, s, g: int(np.argmin(np.abs(g - s[t]))),
        "farthest": lambda t, s, g: int(np.argmax(np.abs(g - s[t]))),
        "between two steps": lambda t, s, g: same_noise(t, s, g) + 0.5,
        "outside": lambda t, s, g: same_noise(t, s, g) - len(g),
    },
    hints={
        "same number": "the number of the step says nothing about the noise: compare the noise itself.",
        "same share": "the same share of the walk says nothing about the noise: compare the noise itself.",
        "nearest alpha_bar": "nearest in alpha_bar is not nearest in log-SNR: late steps differ much in log-SNR only.",
        "farthest": "that is the step that differs most; take the smallest difference.",
        "between two steps": "give one step, an integer.",
        "outside": "the step must be one of 0 to len(target) - 1.",
    },
    kinds={
        "between two steps": lambda got, want, t, s, g: got != np.round(got),
        "outside": lambda got, want, t, s, g: not 0 <= got < len(g),
    },
)


def pure_end(alpha_bars):
    signal = np.sqrt(alpha_bars)
    signal = (signal - signal[-1]) * signal[0] / (signal[0] - signal[-1])
    return signal**2


def _shifted(alpha_bars):
    return (np.sqrt(alpha_bars) - np.sqrt(alpha_bars[-1])) ** 2


EXERCISES["pure_end"] = Exercise(
    "05.6",
    pure_end,
    cases=[(np.cumprod(1 - np.linspace(0.01, 0.2, 6)),), (_scaled[::100],)],
    shape="one alpha_bar per level",
    wrong={
        "shifted only": _shifted,
        "alpha_bar itself": lambda a: (a - a[-1]) * a[0] / (a[0] - a[-1]),
        "last one cut": lambda a: np.append(a[:-1], 0.0),
        "the signal": lambda a: np.sqrt(pure_end(a)),
        "start at 1": lambda a: pure_end(a) / pure_end(a)[0],
        "another end": lambda a: a,
    },
    hints={
        "shifted only": "the last level is right, but the first has changed: stretch the signal until it is as before.",
        "alpha_bar itself": "shift and stretch the signal, sqrt(alpha_bar), not alpha_bar.",
        "last one cut": "only the last level has changed: the step before it would do everything at once.",
        "the signal": "that is the signal; return its square, alpha_bar.",
        "start at 1": "the first level must stay as it was, not become the clean picture.",
        "another end": "at the last level nothing of the picture may be left: alpha_bar = 0.",
    },
    kinds={"another end": lambda got, want, a: abs(got[-1]) > 1e-6},
)
