"""Exercises of chapter 16: where image to image starts, RePaint's moves and price, a wider kernel, DiffEdit."""

import numpy as np

from diffusion_course.exercises.base import Exercise, not_finite

EXERCISES: dict[str, Exercise] = {}

_rng = np.random.default_rng(16)
_x, _known, _noise = _rng.standard_normal((3, 2, 4, 4, 2))
_hole = np.zeros((2, 4, 4, 1), bool)
_hole[0, 1:3, :3] = _hole[1, 2:] = True
_levels = np.array([0.001, 0.1, 0.4, 0.7, 0.95])  # where each of five steps begins, the noisiest first


def noised_start(latents, levels, strength, noise):
    skip = len(levels) - round(strength * len(levels))
    level = levels[skip] if skip < len(levels) else 1.0
    return np.sqrt(level) * latents + np.sqrt(1 - level) * noise


EXERCISES["noised_start"] = Exercise(
    "16.1",
    noised_start,
    cases=[(_known, _levels, strength, _noise) for strength in (0.6, 0.2, 1.0, 0.0)],
    shape="latents like the given ones",
    wrong={
        "turned round": lambda z, levels, s, noise: _noised(z, levels, round(s * len(levels)), noise),
        "one late": lambda z, levels, s, noise: _noised(
            z, levels, len(levels) - round(s * len(levels)) + 1, noise
        ),
        "no roots": lambda z, levels, s, noise: _no_roots(z, levels, s, noise),
        "strength as level": lambda z, levels, s, noise: np.sqrt(1 - s) * z + np.sqrt(s) * noise,
        "mixed": lambda z, levels, s, noise: (1 - s) * z + s * noise,
        "latents not scaled": lambda z, levels, s, noise: z + noised_start(0 * z, levels, s, noise),
    },
    hints={
        "turned round": "at strength 0.2 only the last fifth of the steps is taken: leave out many, not few.",
        "one late": "that is the level where the step after the right one begins.",
        "no roots": "a level is a share of the variance; latents and noise are multiplied by standard deviations.",
        "strength as level": "strength counts steps. How much noise there is where a step begins, `levels` says.",
        "mixed": "the walk expects latents as training made them, at one of the `levels`: no other mixture will do.",
        "latents not scaled": "noising also makes the latents smaller, so that their variance stays about 1.",
    },
)


def _noised(latents, levels, skip, noise):
    level = levels[skip] if skip < len(levels) else 1.0
    return np.sqrt(level) * latents + np.sqrt(1 - level) * noise


def _no_roots(latents, levels, strength, noise):
    skip = len(levels) - round(strength * len(levels))
    level = levels[skip] if skip < len(levels) else 1.0
    return level * latents + (1 - level) * noise


def put_back(x, known, hole, begin, end, noise):
    return np.where(hole, x, np.sqrt(end) * known + np.sqrt(1 - end) * noise)


EXERCISES["put_back"] = Exercise(
    "16.2",
    put_back,
    cases=[(_x, _known, _hole, begin, end, _noise) for begin, end in ((0.1, 0.4), (0.7, 0.95), (0.95, 1.0))],
    shape="latents like the given ones",
    wrong={
        "clean": lambda x, known, hole, begin, end, noise: np.where(hole, x, known),
        "where it began": lambda x, known, hole, begin, end, noise: np.where(
            hole, x, np.sqrt(begin) * known + np.sqrt(1 - begin) * noise
        ),
        "turned round": lambda x, known, hole, begin, end, noise: put_back(
            x, known, ~hole, begin, end, noise
        ),
        "everywhere": lambda x, known, hole, begin, end, noise: put_back(x, known, False, begin, end, noise),
        "no roots": lambda x, known, hole, begin, end, noise: np.where(
            hole, x, end * known + (1 - end) * noise
        ),
        "one step": lambda x, known, hole, begin, end, noise: np.where(
            hole, x, np.sqrt(begin / end) * known + np.sqrt(1 - begin / end) * noise
        ),
    },
    hints={
        "clean": "the network has never seen one half of a picture without noise beside a noisy one: noise the known.",
        "where it began": "the step is over: `x` is at the level where it ends, and the known part must be too.",
        "turned round": "in the hole stays what the walk has made; around it comes what is known.",
        "everywhere": "now nothing is painted at all. In the hole `x` stays.",
        "no roots": "a level is a share of the variance; latents and noise are multiplied by standard deviations.",
        "one step": "the known latents are clean: noise them from there in one go, as chapter 05 does.",
    },
)


def climb_back(x, now, back, noise):
    return np.sqrt(back / now) * x + np.sqrt(1 - back / now) * noise


EXERCISES["climb_back"] = Exercise(
    "16.3",
    climb_back,
    cases=[(_x, now, back, _noise) for now, back in ((0.7, 0.1), (0.4, 0.1), (0.4, 0.4))],
    shape="latents like the given ones",
    wrong={
        "from clean": lambda x, now, back, noise: np.sqrt(back) * x + np.sqrt(1 - back) * noise,
        "upside down": lambda x, now, back, noise: np.sqrt(now / back) * x + np.sqrt(1 - now / back) * noise,
        "not scaled": lambda x, now, back, noise: x + np.sqrt(1 - back / now) * noise,
        "difference": lambda x, now, back, noise: np.sqrt(back / now) * x + np.sqrt(now - back) * noise,
        "no roots": lambda x, now, back, noise: back / now * x + (1 - back / now) * noise,
    },
    hints={
        "from clean": "`x` has noise already. Together with yours there would be too much.",
        "upside down": "back means noisier, so the signal shrinks: the factor is below 1.",
        "not scaled": "the signal must shrink from the root of `now` to the root of `back`.",
        "difference": "the noise in `x` shrinks with the signal, so more is missing to 1 - `back` than `now` - `back`.",
        "no roots": "these are shares of variances; multiply by their roots.",
    },
    kinds={"upside down": not_finite},
)


def widened_kernel(kernel, more):
    height, width, _, filters = kernel.shape
    return np.concatenate([kernel, np.zeros((height, width, more, filters))], axis=2)


_kernel = _rng.standard_normal((3, 3, 4, 6))

EXERCISES["widened_kernel"] = Exercise(
    "16.4",
    widened_kernel,
    cases=[(_kernel, 5), (_kernel[:1, :1], 1)],
    shape="a kernel, (height, width, channels that come in, filters)",
    wrong={
        "more filters": lambda kernel, more: np.pad(kernel, ((0, 0),) * 3 + ((0, more),)),
        "in front": lambda kernel, more: np.pad(kernel, ((0, 0), (0, 0), (more, 0), (0, 0))),
        "ones": lambda kernel, more: np.pad(kernel, ((0, 0), (0, 0), (0, more), (0, 0)), constant_values=1.0),
        "mean": lambda kernel, more: np.concatenate(
            [kernel, np.repeat(kernel.mean(axis=2, keepdims=True), more, axis=2)], axis=2
        ),
        "nothing of the old": lambda kernel, more: np.zeros(
            (*kernel.shape[:2], kernel.shape[2] + more, kernel.shape[3])
        ),
    },
    hints={
        "more filters": "the last axis counts what goes out. What comes in is the axis before it.",
        "in front": "the network joins the further channels behind the old ones.",
        "ones": "so the further channels would shout at once. What may they add at the start?",
        "mean": "a mask is no latent: taken for one, it disturbs a network that was right. What may it add at first?",
        "nothing of the old": "the old weights stay as they are; only the new ones begin at zero.",
    },
)


def repaint_calls(steps, length, times):
    return steps + (times - 1) * length * ((steps - 1) // length)


EXERCISES["repaint_calls"] = Exercise(
    "16.5",
    repaint_calls,
    cases=[(25, 5, 3), (6, 3, 3), (6, 2, 2), (10, 3, 4), (25, 5, 1), (4, 9, 3)],
    shape="one number",
    wrong={
        "all of it": lambda steps, length, times: steps * times,
        "the last step too": lambda steps, length, times: steps + (times - 1) * length * (steps // length),
        "broken stretches": lambda steps, length, times: steps + (times - 1) * (steps - 1),
        "climbs": lambda steps, length, times: steps + (times - 1) * (length + 1) * ((steps - 1) // length),
        "once more": lambda steps, length, times: steps + times * length * ((steps - 1) // length),
    },
    hints={
        "all of it": "the last step is never repeated, nor are steps that fill no whole stretch.",
        "the last step too": "the finished picture is never made noisy again: the last step belongs to no stretch.",
        "broken stretches": "what is left over at the noisy end fills no whole stretch, and is walked once.",
        "climbs": "a climb adds noise and asks no network.",
        "once more": "`times` counts all walks over a stretch, the first one too.",
    },
)


def difference_mask(old, new, threshold):
    difference = np.abs(new - old).mean(axis=(0, -1))
    return (difference - difference.min()) / (difference.max() - difference.min()) > threshold


_old, _new = _rng.standard_normal((2, 6, 5, 7, 4))
_new[:, 1:3, 2:5] += 2 * _rng.standard_normal((6, 2, 3, 4))  # here the two differ more, in both directions

EXERCISES["difference_mask"] = Exercise(
    "16.6",
    difference_mask,
    cases=[(_old, _new, 0.5), (_old[:, ::-1], _new[:, ::-1], 0.2)],
    shape="one truth value per pixel",
    wrong={
        "signed": lambda old, new, c: _cut((new - old).mean(axis=(0, -1)), c),
        "mean first": lambda old, new, c: _cut(np.abs((new - old).mean(axis=0)).mean(axis=-1), c),
        "not rescaled": lambda old, new, c: np.abs(new - old).mean(axis=(0, -1)) > c,
        "least not taken off": lambda old, new, c: _by_the_greatest(np.abs(new - old).mean(axis=(0, -1)), c),
        "turned round": lambda old, new, c: ~difference_mask(old, new, c),
        "per picture": lambda old, new, c: _cut(np.abs(new - old).mean(axis=-1), c),
    },
    hints={
        "signed": "differences of both signs cancel in the mean: take their size first.",
        "mean first": "the size of each difference, then the mean over noises and channels: what cancels differs too.",
        "not rescaled": "bring the smallest mean to 0 and the greatest to 1 before you compare with the threshold.",
        "least not taken off": "rescaled means from 0 to 1: take off the smallest before you divide.",
        "turned round": "the mask is where the two prompts want something different, not where they agree.",
        "per picture": "one mask: the mean goes over the noises too.",
    },
)


def _cut(difference, threshold):
    return (difference - difference.min()) / (difference.max() - difference.min()) > threshold


def _by_the_greatest(difference, threshold):
    return difference / difference.max() > threshold
