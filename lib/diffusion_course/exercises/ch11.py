"""Exercises of chapter 11: weights under a mask, heads, who may look where, how many words count, merging parts."""

import numpy as np

from diffusion_course.exercises.base import Exercise, not_finite

EXERCISES: dict[str, Exercise] = {}
_rng = np.random.default_rng(11)


def attention_weights(q, k, mask):
    scores = q @ k.T / np.sqrt(q.shape[-1])
    scores = np.where(mask, scores, -np.inf)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def _softmax(scores, axis=-1):
    weights = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return weights / weights.sum(axis=axis, keepdims=True)


def _hidden(scores, mask):
    return np.where(mask, scores, -1e9)


def _overflowing(q, k, mask):
    weights = np.exp(q @ k.T / np.sqrt(q.shape[-1])) * mask
    return weights / weights.sum(axis=-1, keepdims=True)


_q, _k = 2 * _rng.normal(size=(3, 4)), 2 * _rng.normal(size=(5, 4))
_mask = np.array([[1, 1, 0, 1, 0], [0, 1, 1, 1, 1], [1, 0, 1, 0, 0]], bool)
EXERCISES["attention_weights"] = Exercise(
    "11.1",
    attention_weights,
    cases=[(_q, _k, _mask), (100 * _q, 100 * _k, _mask)],
    shape="one weight per query and key",
    wrong={
        "not scaled": lambda q, k, m: _softmax(_hidden(q @ k.T, m)),
        "divided by d": lambda q, k, m: _softmax(_hidden(q @ k.T / q.shape[-1], m)),
        "softmax over queries": lambda q, k, m: _softmax(_hidden(q @ k.T / np.sqrt(q.shape[-1]), m), axis=0),
        "mask turned round": lambda q, k, m: attention_weights(q, k, ~m),
        "mask after the softmax": lambda q, k, m: attention_weights(q, k, m | True) * m,
        "hidden scores set to 0": lambda q, k, m: _softmax(q @ k.T / np.sqrt(q.shape[-1]) * m),
        "mask forgotten": lambda q, k, m: attention_weights(q, k, m | True),
        "overflow": _overflowing,
    },
    hints={
        "not scaled": "the scores are not scaled: divide them by the square root of d, the length of a query.",
        "divided by d": "divide by the square root of d, not by d itself.",
        "softmax over queries": "your columns add to 1. Every query shares out its own attention: its row must.",
        "mask turned round": "you gave all weight to the keys that must not be seen: True means that a query may look.",
        "mask after the softmax": (
            "hidden keys have no weight, but rows no longer add to 1: hide them before the softmax, in the scores."
        ),
        "hidden scores set to 0": "a score of 0 is not hidden: exp(0) = 1. It takes a score of minus infinity.",
        "mask forgotten": "hidden keys have weight: use the mask.",
        "overflow": "exp of a large score overflows. Subtract the largest score of each row first; it cancels.",
    },
    kinds={"overflow": not_finite},
)


def split_heads(x, heads):
    n, c = x.shape
    return x.reshape(n, heads, c // heads).transpose(1, 0, 2)


EXERCISES["split_heads"] = Exercise(
    "11.2",
    split_heads,
    cases=[(np.arange(24).reshape(3, 8), 2), (np.arange(24).reshape(4, 6), 3)],
    shape="heads, positions, channels of a head",
    wrong={
        "one reshape": lambda x, h: x.reshape(h, len(x), -1),
        "heads in the middle": lambda x, h: x.reshape(len(x), h, -1),
        "every h-th channel": lambda x, h: x.reshape(len(x), -1, h).transpose(2, 0, 1),
    },
    hints={
        "one reshape": (
            "the shape is right, and the numbers are not: a reshape does not move numbers, so a head got whole "
            "positions instead of a part of each. Reshape to (N, heads, d), then swap axes."
        ),
        "heads in the middle": "nearly: now bring the axis of the heads to the front.",
        "every h-th channel": "a head gets neighbouring channels, 0 to d - 1 for the first, not every h-th one.",
    },
)


def may_look(ids):
    place = np.arange(len(ids))
    return (place[:, None] >= place[None, :]) & (ids != 0)[None, :]


EXERCISES["may_look"] = Exercise(
    "11.3",
    may_look,
    cases=[(np.array([3, 9, 4, 0, 0]),), (np.array([5]),)],
    shape="one truth value per pair of positions",
    wrong={
        "into the future": lambda ids: np.triu(np.ones((len(ids),) * 2, bool)) & (ids != 0),
        "not at itself": lambda ids: np.tril(np.ones((len(ids),) * 2, bool), -1) & (ids != 0),
        "at padding": lambda ids: np.tril(np.ones((len(ids),) * 2, bool)),
        "padding of the wrong side": lambda ids: (
            np.tril(np.ones((len(ids),) * 2, bool)) & (ids != 0)[:, None]
        ),
        "hidden ones": lambda ids: ~may_look(ids),
    },
    hints={
        "into the future": "this looks ahead: row n may see columns m <= n.",
        "not at itself": "a position may look at itself, too; the first would see nothing otherwise.",
        "at padding": "padding (id 0) can be seen. It has nothing to say.",
        "padding of the wrong side": "you kept padding from looking. It is what must not be looked at: its columns.",
        "hidden ones": "turned round: True means that a position may look.",
    },
)


def effective_words(weights):
    logs = np.log(np.where(weights > 0, weights, 1))
    return np.exp(-(weights * logs).sum(axis=-1))


EXERCISES["effective_words"] = Exercise(
    "11.4",
    effective_words,
    cases=[
        (np.array([[0.5, 0.25, 0.25], [0.6, 0.3, 0.1]]),),
        (np.array([[1.0, 0.0, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0]]),),
    ],
    shape="one number per row",
    wrong={
        "the entropy": lambda w: np.log(effective_words(w)),
        "base 2 and e mixed": lambda w: 2 ** np.log(effective_words(w)),
        "one over the largest": lambda w: 1 / w.max(-1),
        "not finite": lambda w: np.exp(-(w * np.log(w)).sum(-1)),
    },
    hints={
        "the entropy": "this is the entropy itself. Its exponential is a number of words.",
        "base 2 and e mixed": "the entropy is in nats, from natural logarithms: take e to its power, not 2.",
        "one over the largest": "only the largest weight counts here. The others say how many words compete with it.",
        "not finite": "0 log 0 must count as 0: a word without weight adds nothing, and its logarithm is infinite.",
    },
    kinds={"not finite": not_finite},
)


def merge_parts(out_a, log_a, out_b, log_b):
    share = np.exp(log_a - np.logaddexp(log_a, log_b))[:, None]
    return share * out_a + (1 - share) * out_b


def _in_small_numbers(out_a, log_a, out_b, log_b):
    a, b = np.exp(log_a)[:, None], np.exp(log_b)[:, None]
    return (a * out_a + b * out_b) / (a + b)


_parts = _rng.normal(size=(2, 3, 2))
EXERCISES["merge_parts"] = Exercise(
    "11.5",
    merge_parts,
    cases=[
        (_parts[0], np.array([0.5, 2.0, -1.0]), _parts[1], np.array([1.5, 2.0, 1.0])),
        (_parts[0], np.array([900.0, 1000.0, 5.0]), _parts[1], np.array([901.0, 3.0, 2000.0])),
    ],
    shape="one row per query",
    wrong={
        "plain mean": lambda a, la, b, lb: (a + b) / 2,
        "plain sum": lambda a, la, b, lb: a + b,
        "logarithms as weights": lambda a, la, b, lb: (
            (la[:, None] * a + lb[:, None] * b) / (la + lb)[:, None]
        ),
        "shares swapped": lambda a, la, b, lb: merge_parts(b, la, a, lb),
        "overflow": _in_small_numbers,
    },
    hints={
        "plain mean": "a part with larger scores weighs more: its share is its sum of exp(score) over that of both.",
        "plain sum": "each part is a mean already. The two must be averaged by their shares, which add to 1.",
        "logarithms as weights": "`log_a` is a logarithm of a sum. The shares are made of the sums themselves.",
        "shares swapped": "the shares are swapped: each part goes with its own sum.",
        "overflow": (
            "right for small scores; exp(1000) overflows. Only the difference of the logarithms matters "
            "(`np.logaddexp` helps)."
        ),
    },
    kinds={"overflow": not_finite},
)
