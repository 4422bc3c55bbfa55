"""Exercises of chapter 08: a kernel distance, averages of weights, drawing levels, and two readings of a ruler."""

import numpy as np

from diffusion_course.exercises.base import Exercise

EXERCISES: dict[str, Exercise] = {}


def kernel_distance(real, made):
    def pairs(u, v):
        return (u @ v.T / u.shape[1] + 1) ** 3

    def within(u):
        k = pairs(u, u)
        return (k.sum() - np.trace(k)) / (len(u) * (len(u) - 1))  # without each picture's pair with itself

    return within(real) + within(made) - 2 * pairs(real, made).mean()


def _kernel_distance(real, made, with_itself=False, power=3, mixed=2.0, scaled=True):
    def pairs(u, v):
        return (u @ v.T / (u.shape[1] if scaled else 1) + 1) ** power

    def within(u):
        k = pairs(u, u)
        return k.mean() if with_itself else (k.sum() - np.trace(k)) / (len(u) * (len(u) - 1))

    return within(real) + within(made) - mixed * pairs(real, made).mean()


def _feature_clouds():
    rng = np.random.default_rng(8)
    return rng.normal(size=(6, 4)), rng.normal(0.5, 1.2, size=(9, 4))


EXERCISES["kernel_distance"] = Exercise(
    "08.1",
    kernel_distance,
    cases=[_feature_clouds(), (_feature_clouds()[1], _feature_clouds()[0] / 2)],
    wrong={
        "with itself": lambda a, b: _kernel_distance(a, b, with_itself=True),
        "mixed once": lambda a, b: _kernel_distance(a, b, mixed=1.0),
        "sign": lambda a, b: -_kernel_distance(a, b),
        "squared": lambda a, b: _kernel_distance(a, b, power=2),
        "not divided": lambda a, b: _kernel_distance(a, b, scaled=False),
        "sums": lambda a, b: len(a) * len(b) * _kernel_distance(a, b),
    },
    hints={
        "with itself": "a picture's pair with itself is in your mean: that makes the estimate biased. Leave it out.",
        "mixed once": "the mean over mixed pairs counts twice.",
        "sign": "the sign is turned round: pairs of one kind count plus, mixed pairs minus.",
        "squared": "the kernel is a cube.",
        "not divided": "the inner product is divided by the number of features.",
        "sums": "take means over pairs, not sums.",
    },
)


def keep_average(average, weights, done, share):
    share = min(share, done / (done + 9))
    return share * average + (1 - share) * weights


_average, _weights = np.random.default_rng(3).normal(size=(2, 5))

EXERCISES["keep_average"] = Exercise(
    "08.2",
    keep_average,
    cases=[(_average, _weights, done, 0.995) for done in (5000, 30, 0)],
    shape="weights like the average",
    wrong={
        "turned round": lambda a, w, done, share: (
            (1 - min(share, done / (done + 9))) * a + min(share, done / (done + 9)) * w
        ),
        "always the share": lambda a, w, done, share: share * a + (1 - share) * w,
        "the larger": lambda a, w, done, share: (
            max(share, done / (done + 9)) * a + (1 - max(share, done / (done + 9))) * w
        ),
        "plain mean": lambda a, w, done, share: a + (w - a) / (done + 1),
        "warm-up only": lambda a, w, done, share: done / (done + 9) * a + 9 / (done + 9) * w,
    },
    hints={
        "turned round": "the old average keeps the large share, and the new weights come in with the rest.",
        "always the share": "at the start less is kept, or the untrained weights stay in the average for long.",
        "the larger": "of the two shares the smaller one counts.",
        "plain mean": "that is the mean of all weights so far: it never forgets the start.",
        "warm-up only": "in the long run the share is `share`: take the smaller of the two.",
    },
)


def draw_levels(log_snr, drawn):
    return np.abs(log_snr[:, None] - drawn).argmin(axis=0)


_log_snr = np.array([9.0, 6.0, 3.5, 1.0, -2.0, -5.0])
_drawn = np.array([0.2, -9.0, 3.4, 12.0, 4.9, -0.6])

EXERCISES["draw_levels"] = Exercise(
    "08.3",
    draw_levels,
    cases=[(_log_snr, _drawn), (_log_snr[:4], _drawn[:2])],
    shape="one level per number drawn",
    wrong={
        "values": lambda log_snr, drawn: log_snr[draw_levels(log_snr, drawn)],
        "farthest": lambda log_snr, drawn: np.abs(log_snr[:, None] - drawn).argmax(axis=0),
        "next lower": lambda log_snr, drawn: np.minimum(
            (log_snr[:, None] > drawn).sum(axis=0), len(log_snr) - 1
        ),
        "as if it rose": lambda log_snr, drawn: len(log_snr) - 1 - draw_levels(log_snr, drawn),
        "one per level": lambda log_snr, drawn: np.abs(log_snr[:, None] - drawn).argmin(axis=1),
    },
    hints={
        "values": "those are log-SNRs; the network is told a level, an index from 0.",
        "farthest": "that is the level farthest away; take the nearest.",
        "next lower": "you take the next level with less signal; the nearest may lie on the other side.",
        "as if it rose": "the log-SNR falls with t; you count the levels from the wrong end.",
        "one per level": "for each number drawn, one level; you found, for each level, a number.",
    },
)


def fid_at_infinity(sizes, fids):
    slope, intercept = np.polyfit(1 / np.asarray(sizes, "float64"), fids, 1)
    return intercept


_sizes = np.array([250, 500, 1000, 2000])
_fids = 3.0 + 700 / _sizes + np.array([0.05, -0.03, 0.02, -0.01])

EXERCISES["fid_at_infinity"] = Exercise(
    "08.4",
    fid_at_infinity,
    cases=[(_sizes, _fids), (_sizes[:2], np.array([4.0, 2.0]))],
    wrong={
        "slope": lambda n, f: np.polyfit(1 / n, f, 1)[0],
        "over the sizes": lambda n, f: np.polyfit(n, f, 1)[1],
        "the largest": lambda n, f: f[-1],
        "at one": lambda n, f: np.polyval(np.polyfit(1 / n, f, 1), 1.0),
        "mean": lambda n, f: np.mean(f),
    },
    hints={
        "slope": "that is the slope; the value where 1/N = 0 is the intercept.",
        "over the sizes": "FID is a straight line over 1/N, not over N.",
        "the largest": "that is the FID at the largest size; the line goes on to endless pictures.",
        "at one": "endless pictures are 1/N = 0, not 1.",
        "mean": "fit a line over 1/N and read it off at 0.",
    },
)


def best_score(shares):
    shares = np.asarray(shares, "float64")
    positive = shares[shares > 0]
    return np.exp(-np.sum(positive * np.log(positive)))


EXERCISES["best_score"] = Exercise(
    "08.5",
    best_score,
    cases=[(np.full(4, 0.25),), (np.array([0.5, 0.5, 0.0]),), (np.array([0.7, 0.2, 0.1]),)],
    wrong={
        "classes": lambda p: float(len(p)),
        "entropy": lambda p: -np.sum(p[p > 0] * np.log(p[p > 0])),
        "bits": lambda p: np.exp(-np.sum(p[p > 0] * np.log2(p[p > 0]))),
        "occurring": lambda p: float((p > 0).sum()),
        "one over squares": lambda p: 1 / np.sum(p**2),
    },
    hints={
        "classes": "the score can only be that high if all classes are equally frequent.",
        "entropy": "that is the entropy of p(y); the score is its exponential.",
        "bits": "mixed bases: exp belongs to the natural logarithm.",
        "occurring": "classes that occur seldom count for less than one.",
        "one over squares": "that counts classes in another way; put a sure classifier into the formula of the score.",
    },
)
