"""Exercises of chapter 07: group normalisation, telling a map the time, the way up, and two counts without Keras."""

import numpy as np
from keras import ops

from diffusion_course.exercises.base import Exercise

EXERCISES: dict[str, Exercise] = {}


def group_norm(x, groups):
    b, h, w, c = x.shape
    x = x.reshape(b, h, w, groups, c // groups)  # (B, H, W, G, C/G)
    mean = x.mean(axis=(1, 2, 4), keepdims=True)
    variance = x.var(axis=(1, 2, 4), keepdims=True)
    return ((x - mean) / np.sqrt(variance + 1e-5)).reshape(b, h, w, c)


def _normalised(x, groups, axes, interleaved=False, power=0.5):
    split = (-1, groups) if interleaved else (groups, x.shape[-1] // groups)
    parts = x.reshape(*x.shape[:3], *split)
    parts = (parts - parts.mean(axes, keepdims=True)) / (parts.var(axes, keepdims=True) + 1e-5) ** power
    return parts.reshape(x.shape)


def _pictures():
    rng = np.random.default_rng(0)
    return rng.normal(np.arange(12), 1 + np.arange(12), (3, 5, 4, 12)) + rng.normal(size=(3, 1, 1, 1))


EXERCISES["group_norm"] = Exercise(
    "07.1",
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


def tell_time(h, told):
    scale, shift = np.split(told[:, None, None, :], 2, axis=-1)  # (B, 1, 1, C) each
    return h * (1 + scale) + shift


def _halves(told):
    return told[:, None, None, : told.shape[1] // 2], told[:, None, None, told.shape[1] // 2 :]


def _maps_and_words():
    rng = np.random.default_rng(1)
    return rng.normal(size=(2, 3, 3, 4)), rng.normal(size=(2, 8))


EXERCISES["tell_time"] = Exercise(
    "07.2",
    tell_time,
    cases=[_maps_and_words(), (_maps_and_words()[0][:1], np.zeros((1, 8)))],
    shape="maps like h",
    wrong={
        "no one": lambda h, told: h * _halves(told)[0] + _halves(told)[1],
        "shift first": lambda h, told: h * (1 + _halves(told)[1]) + _halves(told)[0],
        "interleaved": lambda h, told: h * (1 + told[:, None, None, ::2]) + told[:, None, None, 1::2],
        "shift scaled": lambda h, told: (h + _halves(told)[1]) * (1 + _halves(told)[0]),
        "shift only": lambda h, told: h + _halves(told)[1],
        "over the picture": lambda h, told: h * (1 + _halves(told)[0].mean()) + _halves(told)[1].mean(),
    },
    hints={
        "no one": "told nothing (zeros), a map must stay as it is: the factor is 1 + scale.",
        "shift first": "the first half of the numbers are the scales, the second half the shifts.",
        "interleaved": "scales and shifts do not take turns: the first C numbers are scales, the last C shifts.",
        "shift scaled": "scale first, then shift: the shift is not scaled.",
        "shift only": "the scale has no effect: that is the older way, which only adds.",
        "over the picture": "each channel of each picture has a scale and a shift of its own.",
    },
)


def way_up(h, bridges, blocks):
    for block, bridge in zip(blocks, reversed(bridges), strict=True):  # the last one put aside comes first
        h = block(ops.concatenate([h, bridge], axis=-1))
    return h


def _both_sums(x):
    """(H, W, C) -> (H, W, 2), in which the order of the channels can be seen."""
    x = np.asarray(x, "float64")
    return np.stack([x.sum(axis=-1), np.tanh(x) @ np.arange(1.0, x.shape[-1] + 1)], axis=-1)


def _climb(join):
    def wrong(h, bridges, blocks):
        left = list(bridges)
        for i, block in enumerate(blocks):
            h = block(join(np.asarray(h), left, i))
        return h

    return wrong


def _way_up_case(count):
    rng = np.random.default_rng(2)
    return rng.normal(size=(2, 2, 2)), list(rng.normal(size=(count, 2, 2, 2))), [_both_sums] * count


EXERCISES["way_up"] = Exercise(
    "07.3",
    way_up,
    cases=[_way_up_case(2), _way_up_case(3)],
    shape="the map after the last block",
    rtol=1e-4,
    atol=1e-5,
    wrong={
        "queue": _climb(lambda h, bridges, i: np.concatenate([h, bridges.pop(0)], axis=-1)),
        "bridge first": _climb(lambda h, bridges, i: np.concatenate([bridges.pop(), h], axis=-1)),
        "added": _climb(lambda h, bridges, i: h + bridges.pop()),
        "left on the stack": _climb(lambda h, bridges, i: np.concatenate([h, bridges[-1]], axis=-1)),
        "no bridges": _climb(lambda h, bridges, i: h),
        "once": _climb(lambda h, bridges, i: h if i else np.concatenate([h, bridges.pop()], axis=-1)),
    },
    hints={
        "queue": "the order is wrong: the last map put aside is the first one used, like plates on a stack.",
        "bridge first": "the map that comes up stands first, then what came across.",
        "added": "concatenate the two along the channels; a sum is what a residual block makes.",
        "left on the stack": "you use the top map again and again: each block takes the next one below.",
        "no bridges": "that is the network without bridges.",
        "once": "every block on the way up gets a bridge, not only the first.",
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
    "07.4",
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
    "07.5",
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
