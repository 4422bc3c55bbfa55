"""Exercises of chapter 17: a transformer's size, attention's work, PyTorch's layout, shifts, silent swaps, carbon."""

from collections import Counter

import numpy as np

from diffusion_course.exercises.base import Exercise

EXERCISES: dict[str, Exercise] = {}


def transformer_parameters(channels, context):
    c, e = channels, context
    norms = 2 * c + 3 * 2 * c
    projections = 2 * (c * c + c)
    self_attention = 3 * c * c + (c * c + c)
    cross_attention = c * c + 2 * e * c + (c * c + c)
    feed_forward = (c * 8 * c + 8 * c) + (4 * c * c + c)
    return norms + projections + self_attention + cross_attention + feed_forward


EXERCISES["transformer_parameters"] = Exercise(
    "17.1",
    transformer_parameters,
    cases=[(32, 48), (320, 768), (64, 64)],
    wrong={
        "biases on q, k, v": lambda c, e: transformer_parameters(c, e) + 6 * c,
        "no bias at all": lambda c, e: 20 * c * c + 2 * e * c + 8 * c,
        "half a gate": lambda c, e: transformer_parameters(c, e) - 4 * c * c - 4 * c,
        "context as wide": lambda c, e: transformer_parameters(c, c),
        "one attention": lambda c, e: transformer_parameters(c, e) - 4 * c * c - c,
        "no projections": lambda c, e: transformer_parameters(c, e) - 2 * (c * c + c),
        "no norms": lambda c, e: transformer_parameters(c, e) - 8 * c,
        "no first norm": lambda c, e: transformer_parameters(c, e) - 2 * c,
    },
    hints={
        "biases on q, k, v": "query, key and value have no bias; only the projection after them has.",
        "no bias at all": "all but query, key and value have a bias.",
        "half a gate": "GEGLU computes 8 c numbers: 4 c values and 4 c gates. Only then 4 c are left.",
        "context as wide": "keys and values of cross-attention come from the text: their kernels are context x c.",
        "one attention": "there are two attentions: over the pixels themselves, and over the text.",
        "no projections": "the two dense layers before and after the block are missing.",
        "no norms": "there are four normalisations, each with a scale and a shift per channel.",
        "no first norm": "the group normalisation at the entry has a scale and a shift too.",
    },
)


def attention_work(places, channels, tokens):
    return 2 * places * channels * (places + tokens)


EXERCISES["attention_work"] = Exercise(
    "17.2",
    attention_work,
    cases=[(64, 32, 77), (16, 8, 3)],
    wrong={
        "scores only": lambda n, c, m: n * c * (n + m),
        "self only": lambda n, c, m: 2 * n * c * n,
        "text only": lambda n, c, m: 2 * n * c * m,
        "text looks back": lambda n, c, m: 2 * c * (n * n + m * m),
        "operations": lambda n, c, m: 4 * n * c * (n + m),
        "no channels": lambda n, c, m: 2 * n * (n + m),
    },
    hints={
        "scores only": "there are two products: queries with keys, and weights with values.",
        "self only": "the second attention looks at the text: add its products.",
        "text only": "the first attention looks at all places: add its products.",
        "text looks back": "each *place* asks the text, so there are places x tokens scores.",
        "operations": "one multiplication with its addition counts as one here.",
        "no channels": "a score is a sum over channels. Heads divide them, and there are as many heads more.",
    },
)


def to_keras(tensor):
    if tensor.ndim == 4:
        return tensor.transpose(2, 3, 1, 0)  # (out, in, h, w) -> (h, w, in, out)
    return tensor.T if tensor.ndim == 2 else tensor  # (out, in) -> (in, out)


_rng = np.random.default_rng(17)
_conv, _square = _rng.standard_normal((6, 5, 3, 3)), _rng.standard_normal((4, 4, 3, 3))
_dense, _bias = _rng.standard_normal((7, 4)), _rng.standard_normal(5)
EXERCISES["to_keras"] = Exercise(
    "17.3",
    to_keras,
    cases=[(_conv,), (_square,), (_dense,), (_rng.standard_normal((4, 4)),), (_bias,)],
    wrong={
        "reversed": lambda x: x.T,
        "in and out swapped": lambda x: x.transpose(2, 3, 0, 1) if x.ndim == 4 else x,
        "reshaped": lambda x: x.reshape(*x.shape[2:], x.shape[1], x.shape[0]) if x.ndim == 4 else to_keras(x),
        "dense as it is": lambda x: to_keras(x) if x.ndim == 4 else x,
        "unchanged": lambda x: x,
    },
    hints={
        "reversed": "that also swaps a kernel's rows and columns: square kernels take it, and compute something else.",
        "in and out swapped": "Keras has (rows, columns, in, out). You have out before in.",
        "reshaped": "`reshape` keeps the numbers' order and gives them other meanings. Use `transpose`.",
        "dense as it is": "a dense kernel must be turned too: PyTorch has (out, in), Keras (in, out).",
        "unchanged": "nothing was turned: see which axis is which in both libraries.",
    },
)


def pixels_of_shift(halvings):
    return sum(2**k for k in range(halvings))


EXERCISES["pixels_of_shift"] = Exercise(
    "17.4",
    pixels_of_shift,
    cases=[(1,), (2,), (3,), (5,)],
    wrong={
        "one each": lambda n: n,
        "one latent": lambda n: 2**n,
        "last alone": lambda n: 2 ** (n - 1),
        "one too deep": lambda n: 2 ** (n + 1) - 2,
    },
    hints={
        "one each": "a step at the second convolution is a step of two pixels of the picture, and so on.",
        "one latent": "nearly: that is what a latent covers. Add up the steps of the convolutions.",
        "last alone": "the earlier convolutions move what they see too: add up all of them.",
        "one too deep": "the first convolution works on the picture itself: its step is one pixel.",
    },
)


def silent_swaps(shapes):
    counts = Counter(map(tuple, shapes))
    return sum(n * (n - 1) // 2 for n in counts.values())


EXERCISES["silent_swaps"] = Exercise(
    "17.5",
    silent_swaps,
    cases=[([(3, 3, 4, 4), (4,), (3, 3, 4, 4), (4,), (4,)],), ([(2, 3), (3, 2), (6,)],)],
    wrong={
        "ordered": lambda s: 2 * silent_swaps(s),
        "with itself": lambda s: sum(n * (n + 1) // 2 for n in Counter(map(tuple, s)).values()),
        "all pairs": lambda s: len(s) * (len(s) - 1) // 2,
        "neighbours": lambda s: sum(tuple(a) == tuple(b) for a, b in zip(s, s[1:], strict=False)),
        "sizes": lambda s: silent_swaps([(int(np.prod(shape)),) for shape in s]),
        "repeats": lambda s: sum(n for n in Counter(map(tuple, s)).values() if n > 1),
    },
    hints={
        "ordered": "swapping a with b is swapping b with a: count each pair once.",
        "with itself": "a tensor cannot be swapped with itself: n (n - 1) / 2 pairs of n alike.",
        "all pairs": "only tensors of one shape can be swapped without notice.",
        "neighbours": "any two tensors may be swapped, not only neighbours in the file.",
        "sizes": "as many numbers are not enough: a (2, 3) in the place of a (3, 2) is noticed.",
        "repeats": "count pairs: among n of one shape there are n (n - 1) / 2.",
    },
)


def pictures_like_the_training(training_kg, joules, overhead, grams_per_kwh):
    kwh = joules / 3.6e6 * overhead
    return 1000 * training_kg / (kwh * grams_per_kwh)


EXERCISES["pictures_like_the_training"] = Exercise(
    "17.6",
    pictures_like_the_training,
    cases=[(11_250.0, 1_000.0, 1.2, 400.0), (2.0, 3.6e6, 1.0, 500.0)],
    wrong={
        "a thousand": lambda kg, j, o, g: kg / (j / 3.6e6 * o * g),
        "no overhead": lambda kg, j, o, g: pictures_like_the_training(kg, j, 1.0, g),
        "overhead helps": lambda kg, j, o, g: pictures_like_the_training(kg, j, 1 / o, g),
        "joules": lambda kg, j, o, g: 1000 * kg / (j * o * g),
        "upside down": lambda kg, j, o, g: 1 / pictures_like_the_training(kg, j, o, g),
    },
    hints={
        "a thousand": "mind the thousands: a kilogram is 1,000 grams, and a kilowatt-hour 3.6 million joules.",
        "no overhead": "the data centre's cooling and losses come on top: multiply the energy by `overhead`.",
        "overhead helps": "overhead makes a picture dearer, not cheaper.",
        "joules": "the grid's grams are for a kilowatt-hour, which is 3.6 million joules.",
        "upside down": "how many pictures emit as much as the training: training over picture.",
    },
)
