"""Exercises of chapter 15: the lines that the four steps hang on, what emerges when, emphasis, paired shares."""

import numpy as np

from diffusion_course.exercises.base import Exercise

EXERCISES: dict[str, Exercise] = {}

_rng = np.random.default_rng(15)
_x, _said = _rng.standard_normal((2, 3, 2, 2, 4))


def _denoise(x, t, conditions):
    """A network of one line, whose answer tells how many pictures it was asked about at once."""
    rows = {len(x), len(t), *(len(value) for value in conditions.values())}
    if len(rows) != 1:
        raise ValueError(f"x, t and every condition need one row per picture. Received: {sorted(rows)} rows")
    words = sum(np.reshape(value, (len(x), -1)).mean(axis=1) for value in conditions.values())
    return x * (1 + 0.01 * t[:, None, None, None]) + words[:, None, None, None] + 0.1 * len(x)


def in_one_call(denoise, x, t, null, cond, guidance_scale):
    both = {name: np.concatenate([null[name], cond[name]]) for name in cond}
    without, told = np.split(denoise(np.concatenate([x, x]), np.concatenate([t, t]), both), 2)
    return without + guidance_scale * (told - without)


def _two_calls(denoise, x, t, null, cond, w):
    without, told = denoise(x, t, null), denoise(x, t, cond)
    return without + w * (told - without)


def _halves(denoise, x, t, null, cond, combine):
    both = {name: np.concatenate([null[name], cond[name]]) for name in cond}
    return combine(*np.split(denoise(np.concatenate([x, x]), np.concatenate([t, t]), both), 2))


EXERCISES["in_one_call"] = Exercise(
    "15.1",
    in_one_call,
    cases=[
        (
            _denoise,
            _x,
            np.array([900, 400, 3]),
            {"context": _rng.standard_normal((3, 5, 6)), "pooled": _rng.standard_normal((3, 6))},
            {"context": _rng.standard_normal((3, 5, 6)), "pooled": _rng.standard_normal((3, 6))},
            3.0,
        ),
        (
            _denoise,
            _x[:2],
            np.array([70, 70]),
            {"context": _rng.standard_normal((2, 5, 6))},
            {"context": _rng.standard_normal((2, 5, 6))},
            1.5,
        ),
    ],
    shape="a prediction like `x`",
    wrong={
        "two calls": _two_calls,
        "halves swapped": lambda d, x, t, null, cond, w: _halves(d, x, t, null, cond, lambda a, b: b + w * (a - b)),
        "one too far": lambda d, x, t, null, cond, w: _halves(d, x, t, null, cond, lambda a, b: b + w * (b - a)),
        "difference": lambda d, x, t, null, cond, w: _halves(d, x, t, null, cond, lambda a, b: w * (b - a)),
        "not split": lambda d, x, t, null, cond, w: _halves(
            d, x, t, null, cond, lambda a, b: np.concatenate([a, b])
        ),
    },
    hints={
        "two calls": "that asks the network twice. Put both texts into one batch of 2 B pictures.",
        "halves swapped": "the halves of what came back are in the order in which you put the texts in.",
        "one too far": "the scale counts from `null`: 0 leaves the text out, and 1 is the text alone.",
        "difference": "that is the difference alone; it is added to what the network says without the text.",
        "not split": "2 B predictions came back. Take the halves apart and combine them into B.",
    },
)  # fmt: skip


def step_back(x_t, velocity, a, b, a_prev, b_prev):
    x0_hat = a * x_t - b * velocity
    noise = b * x_t + a * velocity
    return a_prev * x0_hat + b_prev * noise


def _level(t):
    """(a, b) of a cosine, so that a² + b² = 1."""
    return float(np.cos(t)), float(np.sin(t))


EXERCISES["step_back"] = Exercise(
    "15.2",
    step_back,
    cases=[
        (_x, _said, *_level(1.3), *_level(1.0)),
        (_x, _said, *_level(0.4), *_level(0.0)),
        (_x, _said, *_level(0.7), *_level(0.2)),
    ],
    shape="latents like `x_t`",
    wrong={
        "sign": lambda x, v, a, b, a2, b2: a2 * (a * x + b * v) + b2 * (b * x - a * v),
        "a noise": lambda x, v, a, b, a2, b2: a2 * (x - b * v) / a + b2 * v,
        "an x0": lambda x, v, a, b, a2, b2: a2 * v + b2 * (x - a * v) / b,
        "same level": lambda x, v, a, b, a2, b2: a * (a * x - b * v) + b * (b * x + a * v),
        "swapped": lambda x, v, a, b, a2, b2: b2 * (a * x - b * v) + a2 * (b * x + a * v),
        "all the way": lambda x, v, a, b, a2, b2: a * x - b * v,
        "no noise": lambda x, v, a, b, a2, b2: a2 * (a * x - b * v),
        "old x": lambda x, v, a, b, a2, b2: a2 * (a * x - b * v) + b2 * x,
    },
    hints={
        "sign": "v = a · noise - b · x0. Solve it together with x_t = a · x0 + b · noise, and mind the minus.",
        "a noise": "you took what the network says for the noise. It says a velocity, a · noise - b · x0.",
        "an x0": "you took what the network says for x0. It says a velocity, a · noise - b · x0.",
        "same level": "that puts x_t together again. The next level has factors of its own.",
        "swapped": "`a_prev` belongs to the clean latents, `b_prev` to the noise.",
        "all the way": "that is x0_hat, the guess of the end. One step goes only to the next level.",
        "no noise": "at the next level there is still noise: put back b_prev times the noise that you found.",
        "old x": "x_t is not the noise: find the noise that is in it.",
    },
)


def to_pictures(decode, latents, latent_scale):
    return np.clip((decode(latents / latent_scale) + 1) / 2, 0, 1)


def _decode(z):
    """A decoder of one line that bends, so that before and after it are not the same."""
    return np.tanh(z[..., :3]) + 0.6 * z[..., :1] ** 3


EXERCISES["to_pictures"] = Exercise(
    "15.3",
    to_pictures,
    cases=[(_decode, _x, 0.7), (_decode, 0.5 * _said, 1.8)],
    shape="pictures, a row for each row of latents",
    wrong={
        "multiplied": lambda decode, z, s: np.clip((decode(z * s) + 1) / 2, 0, 1),
        "no scale": lambda decode, z, s: np.clip((decode(z) + 1) / 2, 0, 1),
        "scaled afterwards": lambda decode, z, s: np.clip((decode(z) / s + 1) / 2, 0, 1),
        "from -1 to 1": lambda decode, z, s: np.clip(decode(z / s), -1, 1),
        "cut at 0": lambda decode, z, s: np.clip(decode(z / s), 0, 1),
        "not cut off": lambda decode, z, s: (decode(z / s) + 1) / 2,
    },
    hints={
        "multiplied": "in training codes were multiplied by the scale, to become latents. Here it goes the other way.",
        "no scale": "the decoder wants codes. Latents are codes times `latent_scale`.",
        "scaled afterwards": "the scale belongs to the latents: divide before you decode.",
        "from -1 to 1": "the decoder paints in [-1, 1]; pictures are wanted in [0, 1].",
        "cut at 0": "everything below 0 became black. First move [-1, 1] to [0, 1], then cut.",
        "not cut off": "a decoder may leave its range a little: cut off what lies outside of [0, 1].",
    },
)


def emerged_at(steps, shares, level):
    below = np.flatnonzero(np.asarray(shares) < level)
    first = below[-1] + 1 if len(below) else 0
    return float(steps[first]) if first < len(steps) else np.inf


EXERCISES["emerged_at"] = Exercise(
    "15.4",
    emerged_at,
    cases=[
        ([100, 200, 300, 400], [0.1, 0.3, 0.6, 0.9], 0.5),
        ([100, 200, 300, 400], [0.1, 0.2, 0.3, 0.4], 0.5),
        ([50, 100, 150, 200, 250], [0.2, 0.7, 0.4, 0.8, 0.9], 0.6),
        ([10, 20, 30], [0.4, 0.5, 0.6], 0.5),
        ([100, 200], [0.9, 0.95], 0.5),
    ],
    wrong={
        "first time": lambda steps, shares, level: next(
            (float(s) for s, v in zip(steps, shares, strict=True) if v >= level), np.inf
        ),
        "index": lambda steps, shares, level: float(
            max([i + 1 for i, v in enumerate(shares) if v < level], default=0)
        ),
        "above only": lambda steps, shares, level: emerged_at(steps, np.nextafter(shares, -1), level),
        "last below": lambda steps, shares, level: float(
            steps[max([i for i, v in enumerate(shares) if v < level], default=0)]
        ),
        "never is the end": lambda steps, shares, level: (
            emerged_at(steps, shares, level) if shares[-1] >= level else float(steps[-1])
        ),
        "highest": lambda steps, shares, level: float(steps[int(np.argmax(shares))]),
    },
    hints={
        "first time": "it falls below the level again later. Wanted is the step from which on it stays there.",
        "index": "return the number of training steps at that look, not the number of the look.",
        "above only": "at the level counts too: wanted is `level` or more.",
        "last below": "that is the last look below the level. It has emerged at the next one.",
        "never is the end": "it never gets there: then the answer is infinity, `np.inf`.",
        "highest": "wanted is not where it is highest, but from where on it is high enough.",
    },
)


def emphasise(hidden, null, columns, weight):
    changed = np.array(hidden)
    changed[columns] = null[columns] + weight * (hidden[columns] - null[columns])
    return changed


_hidden, _null = _rng.standard_normal((2, 6, 3))


def _scaled(hidden, null, columns, weight):
    changed = np.array(hidden)
    changed[columns] *= weight
    return changed


def _at(hidden, columns, value):
    changed = np.array(hidden)
    changed[columns] = value[columns]
    return changed


EXERCISES["emphasise"] = Exercise(
    "15.5",
    emphasise,
    cases=[
        (_hidden, _null, [2, 3], 1.5),
        (_hidden, _null, [1], 0.0),
        (_hidden, _null, [4], 1.0),
        (_hidden, _null, [1, 5], 3.0),
    ],
    shape="hidden states like `hidden`",
    wrong={
        "scaled": _scaled,
        "all words": lambda h, null, columns, w: null + w * (h - null),
        "one too far": lambda h, null, columns, w: _at(h, columns, h + w * (h - null)),
        "no start": lambda h, null, columns, w: _at(h, columns, w * (h - null)),
        "other end": lambda h, null, columns, w: _at(h, columns, h + w * (null - h)),
    },
    hints={
        "scaled": "0 times a hidden state is not the hidden state of nothing. Count from `null`.",
        "all words": "only the rows in `columns` change.",
        "one too far": "weight 1 must change nothing: count from `null`, not from `hidden`.",
        "no start": "the difference is added to `null`.",
        "other end": "weight 1 must leave the word as it is, and 0 must take it away.",
    },
)


def paired_difference(first, second):
    differences = np.asarray(first, "float64") - np.asarray(second, "float64")
    return np.array([differences.mean(), differences.std(ddof=1) / np.sqrt(len(differences))])


def _apart(first, second):
    n = len(first)
    return np.sqrt(np.var(first, ddof=1) / n + np.var(second, ddof=1) / n)


EXERCISES["paired_difference"] = Exercise(
    "15.6",
    paired_difference,
    cases=[
        (np.array([1, 1, 0, 1, 1, 0, 1, 1]), np.array([1, 0, 0, 1, 1, 0, 1, 0])),
        (np.array([1, 0, 0, 1, 0]), np.array([1, 1, 0, 1, 1])),
    ],
    shape="a difference and its standard error",
    wrong={
        "unpaired": lambda a, b: np.array([np.mean(a) - np.mean(b), _apart(a, b)]),
        "turned round": lambda a, b: paired_difference(b, a),
        "spread": lambda a, b: np.array([np.mean(a - b), np.std(a - b, ddof=1)]),
        "n for n - 1": lambda a, b: np.array([np.mean(a - b), np.std(a - b) / np.sqrt(len(a))]),
        "over n": lambda a, b: np.array([np.mean(a - b), np.std(a - b, ddof=1) / len(a)]),
    },
    hints={
        "unpaired": "that is for two sets of different prompts. These are the same prompts: use the differences.",
        "turned round": "wanted is the first minus the second.",
        "spread": "that is how far single differences lie apart; the error of their mean is smaller by the root of n.",
        "n for n - 1": "the mean was taken from the same numbers: divide the squares by n - 1.",
        "over n": "variances fall with n, so the standard error falls with its root.",
    },
)
