"""Exercises of chapter 07: waves, group normalisation, counting a block's parameters, channels after the bridges."""

import numpy as np

from diffusion_course.exercises.base import Exercise

EXERCISES: dict[str, Exercise] = {}


def frequencies(dim, max_period):
    half = dim // 2
    return max_period ** (-np.arange(half) / half)


EXERCISES["frequencies"] = Exercise(
    "07.1",
    frequencies,
    cases=[(8, 10_000), (32, 500.0)],
    shape="dim / 2 frequencies",
    wrong={
        "one per dimension": lambda d, p: p ** (-np.arange(d) / d),
        "slowest first": lambda d, p: frequencies(d, p)[::-1],
        "periods": lambda d, p: 1 / frequencies(d, p),
        "end included": lambda d, p: p ** (-np.arange(d // 2) / (d // 2 - 1)),
        "half of the way": lambda d, p: p ** (-np.arange(d // 2) / d),
        "plain scale": lambda d, p: np.linspace(1, 1 / p, d // 2),
    },
    hints={
        "one per dimension": "each frequency serves one cosine and one sine: dim / 2 of them.",
        "slowest first": "the order is turned round: the fastest wave, 1, comes first.",
        "periods": "those are the periods over 2 pi; a frequency is one over that, so at most 1.",
        "end included": "the last frequency is one step above 1 / max_period: divide by dim / 2, not by dim / 2 - 1.",
        "half of the way": "you go down half of the way only: k runs to dim / 2, so divide by that and not by dim.",
        "plain scale": "the frequencies are spread evenly on a logarithmic scale, not on a plain one.",
    },
)


def group_norm(x, groups, epsilon=1e-5):
    b, h, w, c = x.shape
    x = x.reshape(b, h, w, groups, c // groups)  # (B, H, W, G, C/G)
    mean = x.mean(axis=(1, 2, 4), keepdims=True)
    variance = x.var(axis=(1, 2, 4), keepdims=True)
    return ((x - mean) / np.sqrt(variance + epsilon)).reshape(b, h, w, c)


def _normalised(x, groups, axes, interleaved=False, power=0.5):
    split = (-1, groups) if interleaved else (groups, x.shape[-1] // groups)
    parts = x.reshape(*x.shape[:3], *split)
    parts = (parts - parts.mean(axes, keepdims=True)) / (parts.var(axes, keepdims=True) + 1e-5) ** power
    return parts.reshape(x.shape)


def _pictures():
    rng = np.random.default_rng(0)
    return rng.normal(np.arange(12), 1 + np.arange(12), (3, 5, 4, 12)) + rng.normal(size=(3, 1, 1, 1))


EXERCISES["group_norm"] = Exercise(
    "07.2",
    group_norm,
    cases=[(_pictures(), groups) for groups in (4, 3)],
    shape="normalised pictures like x",
    atol=1e-3,
    wrong={
        "over the batch": lambda x, g: _normalised(x, g, (0, 1, 2, 4)),
        "layer": lambda x, g: _normalised(x, 1, (1, 2, 3, 4)),
        "instance": lambda x, g: _normalised(x, 12, (1, 2, 4)),
        "each pixel": lambda x, g: _normalised(x, g, (4,)),
        "interleaved": lambda x, g: _normalised(x, g, (1, 2, 3), interleaved=True),
        "variance": lambda x, g: _normalised(x, g, (1, 2, 4), power=1),
        "grouped shape": lambda x, g: group_norm(x, g).reshape(*x.shape[:3], g, -1),
    },
    hints={
        "over the batch": "your mean runs over the batch: a picture would depend on its neighbours. Leave axis 0 out.",
        "layer": "that is one mean for all channels of a picture, as in layer normalisation. Split the channels first.",
        "instance": "that is one mean per channel, which is instance normalisation. The channels of a group share one.",
        "each pixel": "your mean is taken at each pixel alone. It must also run over height and width.",
        "interleaved": "a group consists of neighbouring channels: reshape C into (groups, C / groups), in this order.",
        "variance": "divide by the standard deviation: the square root is missing.",
        "grouped shape": "a normalisation keeps the shape: put the groups together again.",
    },
)


def block_parameters(c_in, c_out, embedding):
    norm_1 = 2 * c_in  # a scale and a shift per channel; the second normalisation has none of its own
    conv_1 = 9 * c_in * c_out + c_out
    time = embedding * 2 * c_out + 2 * c_out
    conv_2 = 9 * c_out * c_out + c_out
    shortcut = 0 if c_in == c_out else c_in * c_out + c_out
    return norm_1 + conv_1 + time + conv_2 + shortcut


EXERCISES["block_parameters"] = Exercise(
    "07.3",
    block_parameters,
    cases=[(32, 32, 128), (32, 64, 128), (96, 64, 100)],
    wrong={
        "no shortcut": lambda a, b, d: block_parameters(a, b, d) - (a != b) * (a * b + b),
        "shortcut always": lambda a, b, d: block_parameters(a, b, d) + (a == b) * (a * b + b),
        "second norm": lambda a, b, d: block_parameters(a, b, d) + 2 * b,
        "shift only": lambda a, b, d: block_parameters(a, b, d) - d * b - b,
        "no biases": lambda a, b, d: block_parameters(a, b, d) - 4 * b - (a != b) * b,
        "first norm": lambda a, b, d: block_parameters(a, b, d) - 2 * a,
    },
    hints={
        "no shortcut": "where the channels change, the shortcut is a 1 x 1 convolution; it is missing.",
        "shortcut always": "where the channels stay the same, the shortcut is the input itself and has no parameters.",
        "second norm": "the second normalisation has no scale and shift of its own: they come from the time.",
        "shift only": "the time gives a scale and a shift, so its dense layer has 2 * c_out outputs.",
        "no biases": "each convolution and the dense layer also have a bias.",
        "first norm": "the first normalisation has a scale and a shift per channel.",
    },
)


def channels_into_up_blocks(widths, num_res_blocks):
    bridges = [widths[0]]  # of the first convolution
    for level, n in enumerate(widths):
        bridges += [n] * num_res_blocks
        if level < len(widths) - 1:
            bridges.append(n)  # of the halving
    incoming, h = [], widths[-1]
    for n in reversed(widths):
        for _ in range(num_res_blocks + 1):
            incoming.append(h + bridges.pop())  # last in, first out
            h = n
    return incoming


def _without_bridges(widths, num_res_blocks):
    up = [n for n in reversed(widths) for _ in range(num_res_blocks + 1)]
    return [widths[-1], *up[:-1]]


def _first_in_first_out(widths, num_res_blocks):
    plain = np.array(_without_bridges(widths, num_res_blocks))
    return plain + (np.array(channels_into_up_blocks(widths, num_res_blocks)) - plain)[::-1]


EXERCISES["channels_into_up_blocks"] = Exercise(
    "07.4",
    channels_into_up_blocks,
    cases=[((32, 64), 1), ((32, 64, 128), 2), ((96, 192, 192), 2)],
    shape="one number per residual block, num_res_blocks + 1 of them on each level",
    wrong={
        "no bridges": _without_bridges,
        "doubled": lambda w, n: [2 * width for width in reversed(w) for _ in range(n + 1)],
        "queue": _first_in_first_out,
        "too few": lambda w, n: channels_into_up_blocks(w, n)[:-1],
    },
    hints={
        "no bridges": "that is without the bridges: concatenation adds the channels of what came across.",
        "doubled": (
            "the two parts may differ: a level's first block gets the width of the level below, and its last one a "
            "bridge from before the level's blocks."
        ),
        "queue": "the order is wrong: the last map put aside is the first one used, like plates on a stack.",
        "too few": "the last block is missing: on the way up there is one block more per level than on the way down.",
    },
)
