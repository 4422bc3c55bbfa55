"""Exercises of chapter 10: Tweedie's formula, annealed Langevin, Heun's step, Langevin's bias, mixed noise."""

import numpy as np

from diffusion_course.exercises.base import Exercise

EXERCISES: dict[str, Exercise] = {}

_rng = np.random.default_rng(10)
_a, _b = _rng.standard_normal((2, 6, 4))


def _pull(x, sigma):
    """The score of a hump of standard deviation 0.8 around 0.5, noised by sigma."""
    return (0.5 - x) / (0.64 + sigma**2)


def _noise(x, sigma):
    """E[noise | x] of two narrow humps at -1 and 1: curved, so that two slopes differ."""
    return (x - np.tanh(x / sigma**2)) / sigma


def clean_mean(x_t, score, signal, sigma):
    return (x_t + sigma**2 * score) / signal


EXERCISES["clean_mean"] = Exercise(
    "10.1",
    clean_mean,
    cases=[(_a, _b, 0.8, 0.6), (_a, _b, 0.28, 0.96), (_a, 0 * _b, 0.6, 0.8)],
    shape="pictures like x_t",
    wrong={
        "not shrunk": lambda x, s, a, b: x + b**2 * s,
        "only the score": lambda x, s, a, b: x + b**2 * s / a,
        "only x_t": lambda x, s, a, b: x / a + b**2 * s,
        "sigma once": lambda x, s, a, b: (x + b * s) / a,
        "sign": lambda x, s, a, b: (x - b**2 * s) / a,
        "sigma of chapter's coordinates": lambda x, s, a, b: (x + (b / a) ** 2 * s) / a,
        "square of signal": lambda x, s, a, b: (x + b**2 * s) / a**2,
    },
    hints={
        "not shrunk": "this is the mean of signal x_0, which is in x_t. You want that of x_0.",
        "only the score": "`signal` divides x_t as well: the mean of signal x_0 is x_t + sigma^2 score.",
        "only x_t": "`signal` divides the score's part as well.",
        "sigma once": "a score is noise over sigma, and the noise in x_t is sigma noise: sigma comes in twice.",
        "sign": "this walks downhill. The clean picture lies where the density rises.",
        "sigma of chapter's coordinates": "the score is that of x_t, whose noise has `sigma`, and not sigma / signal.",
        "square of signal": "x_t is signal x_0 + ..., with the first power of `signal`.",
    },
)


def annealed(score, x, levels, size, z):
    for level, draws in zip(levels, z, strict=True):
        step = size * level**2
        for draw in draws:
            x = x + step / 2 * score(x, level) + np.sqrt(step) * draw
    return x


def _walk(half=0.5, power=2, root=np.sqrt, told=None, stale=False, once=False, rising=False):
    """Annealed Langevin with a fault."""

    def walk(score, x, levels, size, z):
        for level, draws in zip(levels[::-1] if rising else levels, z, strict=True):
            step, begin = size * level**power, x
            for draw in draws[:1] if once else draws:
                slope = score(begin if stale else x, level if told is None else levels[told])
                x = x + half * step * slope + root(step) * draw
        return x

    return walk


EXERCISES["annealed"] = Exercise(
    "10.2",
    annealed,
    cases=[
        (_pull, _a, np.array([3.0, 1.0, 0.5]), 0.2, _rng.standard_normal((3, 4, 6, 4))),
        (_pull, _b, np.array([2.0, 0.1]), 0.5, _rng.standard_normal((2, 3, 6, 4))),
    ],
    shape="points like x",
    wrong={
        "no half": _walk(half=1.0),
        "no root": _walk(root=lambda step: step),
        "one size": _walk(power=0),
        "size by level": _walk(power=1),
        "first level's score": _walk(told=0),
        "last level's score": _walk(told=-1),
        "one step": _walk(once=True),
        "stale score": _walk(stale=True),
        "rising": _walk(rising=True),
        "no noise": _walk(root=lambda step: 0.0),
    },
    hints={
        "no half": "the score counts half of the step: with the whole of it you sample from the square of the density.",
        "no root": "`step` is the variance of the noise that a step adds. Its standard deviation is the root.",
        "one size": "the step must shrink with the level: it is `size` times the variance of the level's noise.",
        "size by level": "a step is a variance: `size` times the *square* of the level.",
        "first level's score": "you always ask for the score of the first level. Ask for that of the level you are at.",
        "last level's score": "that is the plain walk at the last level. Ask for the score of the level you are at.",
        "one step": "as many steps at a level as `z` has noises for it.",
        "stale score": "the score changes as x moves: ask for it at each step.",
        "rising": "begin with the most noise: `levels` are in the order in which you need them.",
        "no noise": "without noise this climbs to the top of the nearest hump. Where is z?",
    },
)


def heun_step(noise, x, here, there):
    slope = noise(x, here)
    ahead = x + (there - here) * slope
    return x + (there - here) * (slope + noise(ahead, there)) / 2


EXERCISES["heun_step"] = Exercise(
    "10.3",
    heun_step,
    cases=[(_noise, _a, 1.2, 0.7), (_noise, _b, 0.6, 0.9)],
    shape="points like x",
    wrong={
        "Euler": lambda f, x, s, r: x + (r - s) * f(x, s),
        "end only": lambda f, x, s, r: x + (r - s) * f(x + (r - s) * f(x, s), r),
        "sum": lambda f, x, s, r: x + (r - s) * (f(x, s) + f(x + (r - s) * f(x, s), r)),
        "from the end": lambda f, x, s, r: (
            x + (r - s) * f(x, s) + (r - s) * (f(x, s) + f(x + (r - s) * f(x, s), r)) / 2
        ),
        "same place": lambda f, x, s, r: x + (r - s) * (f(x, s) + f(x, r)) / 2,
        "same level": lambda f, x, s, r: x + (r - s) * (f(x, s) + f(x + (r - s) * f(x, s), s)) / 2,
        "midpoint": lambda f, x, s, r: x + (r - s) * f(x + (r - s) / 2 * f(x, s), (s + r) / 2),
        "sign": lambda f, x, s, r: x + (s - r) * (f(x, s) + f(x + (s - r) * f(x, s), r)) / 2,
    },
    hints={
        "Euler": "that is Euler's step, which is DDIM. Ask once more where it ends, and take the mean of both slopes.",
        "end only": "take the mean of both slopes, not the second alone.",
        "sum": "the mean of two slopes is half of their sum.",
        "from the end": "the step starts at x. Where Euler's step ended you only asked for the slope.",
        "same place": "ask for the second slope where Euler's step ends, not at x.",
        "same level": "the point where Euler's step ends has the noise of `there`: tell the network so.",
        "midpoint": "that is another method of second order. Here the second slope is taken at the end of the step.",
        "sign": "mind the direction: from `here` to `there`, so the step is there - here.",
    },
)


def langevin_variance(variance, size):
    return variance / (1 - size / (4 * variance))


EXERCISES["langevin_variance"] = Exercise(
    "10.4",
    langevin_variance,
    cases=[(1.0, 0.5), (4.0, 2.0), (0.25, 0.3)],
    shape="one number",
    wrong={
        "no bias": lambda v, h: v,
        "too narrow": lambda v, h: v / (1 + h / (4 * v)),
        "no half": lambda v, h: v / (2 - h / v),
        "one step": lambda v, h: (1 - h / (2 * v)) ** 2 * v + h,
        "added": lambda v, h: v + h,
        "unit variance": lambda v, h: v / (1 - h / 4),
        "deviation": lambda v, h: np.sqrt(v / (1 - h / (4 * v))),
    },
    hints={
        "no bias": "right as the step goes to 0. For this step, solve V = (1 - size / (2 variance))^2 V + size for V.",
        "too narrow": "mind the sign when you square 1 - size / (2 variance): a step that is too long makes it wider.",
        "no half": "the score counts half: x becomes (1 - size / (2 variance)) x + noise.",
        "one step": "that is the variance one step after the truth. Wanted is the one that a step no longer changes.",
        "added": "the noise is added in each step, but the pull to the middle takes some of it away again.",
        "unit variance": "how long a step is, is told by `size` over the variance, not by `size` alone.",
        "deviation": "that is the standard deviation. The variance is wanted.",
    },
)


def mix_noise(a, b, share):
    return ((1 - share) * a + share * b) / np.sqrt((1 - share) ** 2 + share**2)


EXERCISES["mix_noise"] = Exercise(
    "10.5",
    mix_noise,
    cases=[(_a, _b, 0.5), (_a, _b, 0.2), (_b, _a, 1.0)],
    shape="noise like a and b",
    wrong={
        "line": lambda a, b, s: (1 - s) * a + s * b,
        "roots": lambda a, b, s: np.sqrt(1 - s) * a + np.sqrt(s) * b,
        "always the middle": lambda a, b, s: ((1 - s) * a + s * b) * np.sqrt(2),
        "variance": lambda a, b, s: ((1 - s) * a + s * b) / ((1 - s) ** 2 + s**2),
        "arc": lambda a, b, s: np.cos(s * np.pi / 2) * a + np.sin(s * np.pi / 2) * b,
        "measured": lambda a, b, s: ((1 - s) * a + s * b) / ((1 - s) * a + s * b).std(),
        "swapped": lambda a, b, s: (s * a + (1 - s) * b) / np.sqrt((1 - s) ** 2 + s**2),
    },
    hints={
        "line": "the straight line has variance (1 - share)^2 + share^2. Divide, so that it is 1.",
        "roots": "this has variance 1, but it is not the straight line: the ratio of the two weights changed.",
        "always the middle": "the root of 2 is right in the middle only.",
        "variance": "divide by the standard deviation, which is the root of the variance.",
        "arc": "that is the arc for two noises at a right angle. Stay on the straight line, and scale it.",
        "measured": "divide by the standard deviation that such a mixture has on average; that of one noise varies.",
        "swapped": "share 0 is `a`, share 1 is `b`.",
    },
)
