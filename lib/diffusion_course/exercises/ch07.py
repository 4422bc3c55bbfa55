"""Exercises of chapter 07: waves, group normalisation, counting a block's parameters, channels after the bridges."""

import numpy as np

from diffusion_course.exercises.base import Exercise, Wrong, expect, register

# ---------------------------------------------------------------- 07.1


def frequencies(dim, max_period):
    half = dim // 2
    return max_period ** (-np.arange(half) / half)


def _test_frequencies(answer):
    for dim, period in ((8, 10_000), (32, 500.0)):
        got, want = np.asarray(answer(dim, period)), frequencies(dim, period)
        expect(
            got.shape == want.shape,
            f"dim={dim}: each frequency serves one cosine and one sine: {dim // 2} of them. Got shape {got.shape}.",
        )
        if np.allclose(got, want):
            continue
        half = dim // 2
        expect(
            not np.allclose(got, want[::-1]), "the order is turned round: the fastest wave, 1, comes first."
        )
        expect(
            not np.allclose(got, 1 / want),
            "those are the periods over 2 pi; a frequency is one over that, so at most 1.",
        )
        expect(
            not np.allclose(got, period ** (-np.arange(half) / (half - 1))),
            "the last frequency is one step above 1 / max_period: divide by dim / 2, not by dim / 2 - 1.",
        )
        expect(
            not np.allclose(got, period ** (-np.arange(half) / dim)),
            "you go down half of the way only: k runs to dim / 2, so divide k by dim / 2 and not by dim.",
        )
        expect(
            not np.allclose(got, np.linspace(1, 1 / period, half)),
            "the frequencies are spread evenly on a logarithmic scale, not on a plain one.",
        )
        raise Wrong(f"dim={dim}: expected {want[:3]} and so on. Got {got[:3]}.")


# ---------------------------------------------------------------- 07.2


def group_norm(x, groups, epsilon=1e-5):
    b, h, w, c = x.shape
    x = x.reshape(b, h, w, groups, c // groups)  # (B, H, W, G, C/G)
    mean = x.mean(axis=(1, 2, 4), keepdims=True)
    variance = x.var(axis=(1, 2, 4), keepdims=True)
    return ((x - mean) / np.sqrt(variance + epsilon)).reshape(b, h, w, c)


def _normalised(x, groups, axes, epsilon=1e-5, interleaved=False):
    b, h, w, c = x.shape
    split = (c // groups, groups) if interleaved else (groups, c // groups)
    x = x.reshape(b, h, w, *split)
    x = (x - x.mean(axis=axes, keepdims=True)) / np.sqrt(x.var(axis=axes, keepdims=True) + epsilon)
    return x.reshape(b, h, w, c)


def _test_group_norm(answer):
    rng = np.random.default_rng(0)
    x = rng.normal(np.arange(12), 1 + np.arange(12), (3, 5, 4, 12)) + rng.normal(size=(3, 1, 1, 1))
    for groups in (4, 3):
        got, want = np.asarray(answer(x, groups)), group_norm(x, groups)
        expect(got.shape == x.shape, f"a normalisation keeps the shape {x.shape}. Got {got.shape}.")
        if np.allclose(got, want, atol=1e-3):
            continue
        near = {"atol": 1e-3}
        expect(
            not np.allclose(got, _normalised(x, groups, (0, 1, 2, 4)), **near),
            "your mean runs over the batch too: a picture's result would depend on its neighbours. Leave axis 0 out.",
        )
        expect(
            not np.allclose(got, _normalised(x, 1, (1, 2, 3, 4)), **near),
            "that is one mean for all channels of a picture, as in layer normalisation. Split the channels first.",
        )
        expect(
            not np.allclose(got, _normalised(x, 12, (1, 2, 4)), **near),
            "that is one mean per channel, which is instance normalisation. The channels of a group share one.",
        )
        expect(
            not np.allclose(got, _normalised(x, groups, (4,)), **near),
            "your mean is taken at each pixel alone. It must also run over height and width.",
        )
        expect(
            not np.allclose(got, _normalised(x, groups, (1, 2, 3), interleaved=True), **near),
            "a group consists of neighbouring channels: reshape C into (groups, C / groups), in this order.",
        )
        centred = x.reshape(3, 5, 4, groups, -1)
        centred = centred - centred.mean(axis=(1, 2, 4), keepdims=True)
        variance = centred.var(axis=(1, 2, 4), keepdims=True)
        expect(
            not np.allclose(got, (centred / (variance + 1e-5)).reshape(x.shape), **near),
            "divide by the standard deviation: the square root is missing.",
        )
        raise Wrong(f"groups={groups}: results differ by up to {np.abs(got - want).max():.3g}.")


# ---------------------------------------------------------------- 07.3


def block_parameters(c_in, c_out, embedding):
    norm_1 = 2 * c_in  # a scale and a shift per channel; the second normalisation has none of its own
    conv_1 = 9 * c_in * c_out + c_out
    time = embedding * 2 * c_out + 2 * c_out
    conv_2 = 9 * c_out * c_out + c_out
    shortcut = 0 if c_in == c_out else c_in * c_out + c_out
    return norm_1 + conv_1 + time + conv_2 + shortcut


def _test_block_parameters(answer):
    for c_in, c_out, d in ((32, 32, 128), (32, 64, 128), (96, 64, 100)):
        got, want = int(answer(c_in, c_out, d)), block_parameters(c_in, c_out, d)
        if got == want:
            continue
        where = f"{c_in} channels to {c_out}, embedding {d}"
        carry = c_in * c_out + c_out
        expect(
            c_in == c_out or got != want - carry,
            f"{where}: the shortcut is missing. Where the channels change, a 1 x 1 convolution carries the input over.",
        )
        expect(
            c_in != c_out or got != want + carry,
            f"{where}: where the channels stay the same, the shortcut is the input itself and has no parameters.",
        )
        expect(
            got != want + 2 * c_out,
            f"{where}: the second normalisation has no scale and shift of its own: they come from the time.",
        )
        expect(
            got != want - d * c_out - c_out,
            f"{where}: the time gives a scale and a shift, so its dense layer has 2 * c_out outputs.",
        )
        biases = 4 * c_out + (0 if c_in == c_out else c_out)
        expect(got != want - biases, f"{where}: each convolution and the dense layer also have a bias.")
        expect(
            got != want - 2 * c_in, f"{where}: the first normalisation has a scale and a shift per channel."
        )
        raise Wrong(f"{where}: {want:,} parameters. Got {got:,}.")


# ---------------------------------------------------------------- 07.4


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


def _first_in_first_out(widths, num_res_blocks):
    bridges = [widths[0]]
    for level, n in enumerate(widths):
        bridges += [n] * (num_res_blocks + (level < len(widths) - 1))
    incoming, h = [], widths[-1]
    for n in reversed(widths):
        for _ in range(num_res_blocks + 1):
            incoming.append(h + bridges.pop(0))
            h = n
    return incoming


def _without_joining(widths, num_res_blocks):
    incoming, h = [], widths[-1]
    for n in reversed(widths):
        for _ in range(num_res_blocks + 1):
            incoming.append(h)
            h = n
    return incoming


def _all_doubled(widths, num_res_blocks):
    return [2 * n for n in reversed(widths) for _ in range(num_res_blocks + 1)]


def _test_channels(answer):
    for widths, blocks in (((32, 64), 1), ((32, 64, 128), 2), ((96, 192, 192), 2)):
        got, want = [int(n) for n in answer(widths, blocks)], channels_into_up_blocks(widths, blocks)
        expect(
            len(got) == len(want),
            f"widths={widths}, num_res_blocks={blocks}: on the way up there is one block more per level, {len(want)} "
            f"in all. Got {len(got)}.",
        )
        if got == want:
            continue
        expect(
            got != _without_joining(widths, blocks),
            "that is without the bridges: concatenation adds the channels of what came across.",
        )
        expect(
            got != _all_doubled(widths, blocks),
            "the two parts need not be equal: the first block of a level gets the width of the level below, and the "
            "last one a bridge from before the level's blocks.",
        )
        expect(
            got != _first_in_first_out(widths, blocks),
            "the order is wrong: the last map put aside is the first one used, like plates on a stack.",
        )
        raise Wrong(f"widths={widths}, num_res_blocks={blocks}: expected {want}. Got {got}.")


# ---------------------------------------------------------------- table, with the wrong answers we have met


def _no_shortcut(a, b, d):
    return block_parameters(a, b, d) - (0 if a == b else a * b + b)


def _no_biases(a, b, d):
    return block_parameters(a, b, d) - 4 * b - (0 if a == b else b)


EXERCISES = register(
    Exercise(
        "07.1",
        frequencies,
        _test_frequencies,
        {
            "one per dimension": (lambda d, p: p ** (-np.arange(d) / d), "one cosine and one sine"),
            "slowest first": (lambda d, p: frequencies(d, p)[::-1], "turned round"),
            "periods": (lambda d, p: 1 / frequencies(d, p), "one over"),
            "end included": (lambda d, p: p ** (-np.arange(d // 2) / (d // 2 - 1)), "dim / 2 - 1"),
            "half of the way": (lambda d, p: p ** (-np.arange(d // 2) / d), "half of the way"),
            "plain scale": (lambda d, p: np.linspace(1, 1 / p, d // 2), "logarithmic"),
        },
    ),
    Exercise(
        "07.2",
        group_norm,
        _test_group_norm,
        {
            "over the batch": (lambda x, g: _normalised(x, g, (0, 1, 2, 4)), "Leave axis 0 out"),
            "layer": (lambda x, g: _normalised(x, 1, (1, 2, 3, 4)), "layer normalisation"),
            "instance": (lambda x, g: _normalised(x, 12, (1, 2, 4)), "instance normalisation"),
            "each pixel": (lambda x, g: _normalised(x, g, (4,)), "each pixel alone"),
            "interleaved": (
                lambda x, g: _normalised(x, g, (1, 2, 3), interleaved=True),
                "neighbouring channels",
            ),
            "grouped shape": (lambda x, g: x.reshape(*x.shape[:3], g, -1), "keeps the shape"),
        },
    ),
    Exercise(
        "07.3",
        block_parameters,
        _test_block_parameters,
        {
            "no shortcut": (_no_shortcut, "shortcut is missing"),
            "shortcut always": (
                lambda a, b, d: block_parameters(a, b, d) + (a * b + b if a == b else 0),
                "has no parameters",
            ),
            "second norm": (lambda a, b, d: block_parameters(a, b, d) + 2 * b, "second normalisation"),
            "shift only": (lambda a, b, d: block_parameters(a, b, d) - d * b - b, "a scale and a shift"),
            "no biases": (_no_biases, "bias"),
            "first norm": (lambda a, b, d: block_parameters(a, b, d) - 2 * a, "first normalisation"),
        },
    ),
    Exercise(
        "07.4",
        channels_into_up_blocks,
        _test_channels,
        {
            "no bridges": (_without_joining, "without the bridges"),
            "doubled": (_all_doubled, "need not be equal"),
            "queue": (_first_in_first_out, "like plates on a stack"),
            "too few": (lambda w, n: channels_into_up_blocks(w, n)[:-1], "one block more"),
        },
    ),
)
