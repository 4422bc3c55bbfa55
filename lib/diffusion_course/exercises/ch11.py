"""Exercises of chapter 11: softmax under a mask, who may look where, a block, how many words count, merging parts."""

import numpy as np

from diffusion_course.exercises.base import Exercise, not_finite

EXERCISES: dict[str, Exercise] = {}
_rng = np.random.default_rng(11)


def masked_softmax(scores, mask):
    scores = np.where(mask, scores, -np.inf)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def _softmax(scores, axis=-1):
    weights = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return weights / weights.sum(axis=axis, keepdims=True)


def _overflowing(scores, mask):
    weights = np.exp(scores) * mask
    return weights / weights.sum(axis=-1, keepdims=True)


_scores = 2 * _rng.normal(size=(3, 5))
_mask = np.array([[1, 1, 0, 1, 0], [0, 1, 1, 1, 1], [1, 0, 1, 0, 0]], bool)
EXERCISES["masked_softmax"] = Exercise(
    "11.1",
    masked_softmax,
    cases=[(_scores, _mask), (_scores - 3, _mask), (1_000 * _scores, _mask)],
    shape="one weight per query and key",
    wrong={
        "softmax over queries": lambda s, m: _softmax(np.where(m, s, -1e9), axis=0),
        "mask turned round": lambda s, m: masked_softmax(s, ~m),
        "mask after the softmax": lambda s, m: _softmax(s) * m,
        "hidden scores set to 0": lambda s, m: _softmax(s * m),
        "mask forgotten": lambda s, m: _softmax(s),
        "overflow": _overflowing,
    },
    hints={
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


def may_look(ids):
    place = np.arange(len(ids))
    return (place[:, None] >= place[None, :]) & (ids != 0)[None, :]


EXERCISES["may_look"] = Exercise(
    "11.2",
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


def block(x, context, norms, self_attention, cross_attention, think):
    x = x + self_attention(norms[0](x))
    x = x + cross_attention(norms[1](x), context)
    return x + think(norms[2](x))


def _without_residuals(x, context, norms, self_attention, cross_attention, think):
    x = self_attention(norms[0](x))
    x = cross_attention(norms[1](x), context)
    return think(norms[2](x))


def _normalised_after(x, context, norms, self_attention, cross_attention, think):
    x = norms[0](x + self_attention(x))
    x = norms[1](x + cross_attention(x, context))
    return norms[2](x + think(x))


def _not_normalised(x, context, norms, self_attention, cross_attention, think):
    return block(x, context, [lambda h: h] * 3, self_attention, cross_attention, think)


def _added_to_the_normalised(x, context, norms, self_attention, cross_attention, think):
    x = norms[0](x)
    x = x + self_attention(x)
    x = norms[1](x)
    x = x + cross_attention(x, context)
    x = norms[2](x)
    return x + think(x)


def _side_by_side(x, context, norms, self_attention, cross_attention, think):
    parts = self_attention(norms[0](x)), cross_attention(norms[1](x), context), think(norms[2](x))
    return x + sum(parts)


def _words_first(x, context, norms, self_attention, cross_attention, think):
    x = x + cross_attention(norms[1](x), context)
    x = x + self_attention(norms[0](x))
    return x + think(norms[2](x))


def _context_normalised(x, context, norms, self_attention, cross_attention, think):
    return block(x, norms[1](context), norms, self_attention, cross_attention, think)


# Stand-ins for layers: each mixes what its layer would mix, and no two of them can change places unnoticed.
_parts = (
    (lambda h: h / np.abs(h).max(), lambda h: h - h.mean(), lambda h: h / (1 + np.abs(h))),
    lambda h: h[::-1] + 1,
    lambda h, context: h * context.mean() + context.max(),
    lambda h: h**2,
)
EXERCISES["block"] = Exercise(
    "11.3",
    block,
    cases=[(_rng.normal(size=(3, 2)), _rng.normal(size=(4, 2)), *_parts)],
    shape="as that of x",
    wrong={
        "no residuals": _without_residuals,
        "normalised after": _normalised_after,
        "not normalised": _not_normalised,
        "added to the normalised": _added_to_the_normalised,
        "side by side": _side_by_side,
        "words first": _words_first,
        "context normalised": _context_normalised,
    },
    hints={
        "no residuals": "each part must be added to its input; here it replaces it.",
        "normalised after": "this normalises the sums (as Vaswani et al. did). Normalise what goes *into* each part.",
        "not normalised": "each part has a norm of its own, `norms[0]` to `norms[2]`, through which its input goes.",
        "added to the normalised": (
            "the sum must be with x itself. Only the part's input is normalised; what bypasses it is not."
        ),
        "side by side": "all three got the first x. Each must get what the one before it has made.",
        "words first": "the pixels consult each other first, then the words.",
        "context normalised": "only x is normalised here: the context comes from a text encoder that has done so.",
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


_halves = _rng.normal(size=(2, 3, 2))
EXERCISES["merge_parts"] = Exercise(
    "11.5",
    merge_parts,
    cases=[
        (_halves[0], np.array([0.5, 2.0, -1.0]), _halves[1], np.array([1.5, 2.0, 1.0])),
        (_halves[0], np.array([900.0, 1000.0, 5.0]), _halves[1], np.array([901.0, 3.0, 2000.0])),
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
