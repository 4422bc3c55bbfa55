"""Exercises of chapter 12: two lines of byte-pair encoding, the contrastive loss and its gradient, twins."""

from collections import Counter

import numpy as np
from scipy.special import log_softmax, softmax

from diffusion_course.exercises.base import Exercise

EXERCISES: dict[str, Exercise] = {}


def most_frequent_pair(words):
    pairs = Counter()
    for symbols, count in words.items():
        for pair in zip(symbols[:-1], symbols[1:], strict=True):
            pairs[pair] += count
    return min(pairs, key=lambda pair: (-pairs[pair], pair))


def _pairs(words, in_word=list, count=lambda n: n):
    pairs = Counter()
    for symbols, n in words.items():
        for pair in in_word(zip(symbols[:-1], symbols[1:], strict=True)):
            pairs[pair] += count(n)
    return pairs


def _across_words(words):
    return most_frequent_pair({tuple(symbol for word in words for symbol in word): 1})


EXERCISES["most_frequent_pair"] = Exercise(
    "12.1",
    most_frequent_pair,
    cases=[
        ({(1, 2, 3): 5, (2, 3): 4, (1, 2): 3, (8, 9): 2, (6, 8, 9): 1, (5, 8, 9): 1},),
        ({(7, 7, 7, 7): 2, (5, 6): 5},),
        ({(4, 9): 3, (4, 1): 3},),
        ({(4, 1): 3, (4, 9): 3, (2,): 8},),
    ],
    shape="one pair of symbols",
    wrong={
        "words counted once": lambda words: min(
            _pairs(words, count=lambda n: 1),
            key=lambda pair: (-_pairs(words, count=lambda n: 1)[pair], pair),
        ),
        "pairs counted once a word": lambda words: min(
            _pairs(words, set), key=lambda pair: (-_pairs(words, set)[pair], pair)
        ),
        "first of equals": lambda words: max(_pairs(words), key=_pairs(words).get),
        "last of equals": lambda words: max(_pairs(words), key=lambda pair: (_pairs(words)[pair], pair)),
        "rarest": lambda words: min(_pairs(words), key=lambda pair: (_pairs(words)[pair], pair)),
        "across words": _across_words,
    },
    hints={
        "words counted once": "a word that occurs five times counts its pairs five times: add its count, not 1.",
        "pairs counted once a word": "(7, 7, 7, 7) holds the pair (7, 7) three times, at three places; count each.",
        "first of equals": "of equally frequent pairs take the smallest, not the one that you met first.",
        "last of equals": "of equally frequent pairs take the smallest; yours is the largest.",
        "rarest": "that is the rarest pair; the most frequent one is to be merged.",
        "across words": "pairs never cross from one word to the next: look into each word by itself.",
    },
)


def replace_pair(symbols, pair, new):
    merged, i = [], 0
    while i < len(symbols):
        if tuple(symbols[i : i + 2]) == tuple(pair):
            merged.append(new)
            i += 2
        else:
            merged.append(symbols[i])
            i += 1
    return tuple(merged)


def _one_step_on(symbols, pair, new):
    merged, i = [], 0
    while i < len(symbols):
        merged.append(new if tuple(symbols[i : i + 2]) == tuple(pair) else symbols[i])
        i += 1
    return merged


def _once(symbols, pair, new):
    for i in range(len(symbols) - 1):
        if tuple(symbols[i : i + 2]) == tuple(pair):
            return (*symbols[:i], new, *symbols[i + 2 :])
    return symbols


EXERCISES["replace_pair"] = Exercise(
    "12.2",
    replace_pair,
    cases=[
        ((1, 2, 3, 1, 2), (1, 2), 9),
        ((5, 5, 5), (5, 5), 9),
        ((2, 1, 3, 1, 2), (1, 2), 9),
        ((4,), (4, 4), 9),
    ],
    shape="the word's symbols with each pair as one",
    wrong={
        "second kept": _one_step_on,
        "only the first place": _once,
        "from the right": lambda s, p, new: replace_pair(s[::-1], p[::-1], new)[::-1],
        "either order": lambda s, p, new: replace_pair(replace_pair(s, p, new), p[::-1], new),
        "not at all": lambda s, p, new: s,
    },
    hints={
        "second kept": "the pair's second symbol is still there: after a merge go on two places, not one.",
        "only the first place": "merge at every place where the pair stands, not at the first alone.",
        "from the right": "go from the left: (5, 5, 5) becomes (9, 5).",
        "either order": "order matters: the pair (1, 2) is not the pair (2, 1).",
        "not at all": "nothing was merged. Compare tuples with tuples: symbols[i:i + 2] of a list is a list.",
    },
)


def contrastive_loss(logits):
    of_captions = -np.diag(log_softmax(logits, axis=1)).mean()
    of_pictures = -np.diag(log_softmax(logits, axis=0)).mean()
    return (of_captions + of_pictures) / 2


_LOGITS = 3 * np.random.default_rng(12).standard_normal((2, 5, 5))

EXERCISES["contrastive_loss"] = Exercise(
    "12.3",
    contrastive_loss,
    cases=[(_LOGITS[0],), (_LOGITS[1, :3, :3],), (np.zeros((4, 4)),)],
    wrong={
        "captions only": lambda x: -np.diag(log_softmax(x, axis=1)).mean(),
        "pictures only": lambda x: -np.diag(log_softmax(x, axis=0)).mean(),
        "not halved": lambda x: 2 * contrastive_loss(x),
        "sum": lambda x: len(x) * contrastive_loss(x),
        "sign": lambda x: -contrastive_loss(x),
        "all places": lambda x: -(log_softmax(x, axis=1) + log_softmax(x, axis=0)).mean() / 2,
        "one softmax": lambda x: -np.diag(log_softmax(x)).mean(),
        "probability": lambda x: 1 - (np.diag(softmax(x, 1)) + np.diag(softmax(x, 0))).mean() / 2,
    },
    hints={
        "captions only": "pictures look for captions, but captions look for pictures too: also down the columns.",
        "pictures only": "each caption looks for its picture, but pictures look for captions too: also along the rows.",
        "not halved": "the two directions are averaged: divide their sum by 2.",
        "sum": "take the mean over the batch, not the sum.",
        "sign": "the sign is wrong: minus the logarithm of a probability is never negative.",
        "all places": "only the right answers count, and those stand on the diagonal.",
        "one softmax": "the softmax runs over one row, or one column, at a time; yours runs over the whole matrix.",
        "probability": "cross-entropy is minus the logarithm of the right answer's probability.",
    },
)


def share_with_twin(scenes, batch_size):
    return 1 - (1 - 1 / scenes) ** (batch_size - 1)


EXERCISES["share_with_twin"] = Exercise(
    "12.4",
    share_with_twin,
    cases=[(2690, 64), (60, 64), (5, 1)],
    wrong={
        "one too many": lambda k, b: 1 - (1 - 1 / k) ** b,
        "expected number": lambda k, b: (b - 1) / k,
        "nobody": lambda k, b: (1 - 1 / k) ** (b - 1),
        "anybody": lambda k, b: 1 - np.prod(1 - np.arange(b) / k),
        "one pair": lambda k, b: 1 / k,
    },
    hints={
        "one too many": "a row cannot be its own twin: it meets batch_size - 1 others.",
        "expected number": "that is how many twins a row has on average, maybe above 1; we ask whether it has any.",
        "nobody": "that is the chance of no twin.",
        "anybody": "that is the birthday problem: whether any two rows are twins. We ask for one given row.",
        "one pair": "that is the chance that one other row is the twin; there are batch_size - 1 others.",
    },
)


def loss_gradient(logits):
    rows, columns = softmax(logits, axis=1), softmax(logits, axis=0)
    return (rows + columns - 2 * np.eye(len(logits))) / (2 * len(logits))


EXERCISES["loss_gradient"] = Exercise(
    "12.5",
    loss_gradient,
    cases=[(_LOGITS[0],), (_LOGITS[1, :3, :3],)],
    shape="one derivative for each logit",
    wrong={
        "rows only": lambda x: (softmax(x, axis=1) - np.eye(len(x))) / len(x),
        "not halved": lambda x: 2 * loss_gradient(x),
        "batch forgotten": lambda x: len(x) * loss_gradient(x),
        "sign": lambda x: -loss_gradient(x),
        "right answers forgotten": lambda x: (softmax(x, 1) + softmax(x, 0)) / (2 * len(x)),
        "one for two": lambda x: (softmax(x, 1) + softmax(x, 0) - np.eye(len(x))) / (2 * len(x)),
    },
    hints={
        "rows only": "the loss has two parts; the softmax down the columns has a gradient as well.",
        "not halved": "the loss is the mean of two cross entropies: a factor 1/2 is missing.",
        "batch forgotten": "the loss is a mean over the batch: divide by its size.",
        "sign": "the sign is wrong: a larger logit of a wrong pair makes the loss larger.",
        "right answers forgotten": "the diagonal lacks something: the logit itself is in the loss, with a minus.",
        "one for two": "both parts have the right answer's logit in them, so it counts twice.",
    },
)
