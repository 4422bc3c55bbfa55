"""Exercises of chapter 13: both kinds of guidance, dropped labels, several conditions at once, guidance for a while."""

import numpy as np

from diffusion_course.exercises.base import Exercise

EXERCISES: dict[str, Exercise] = {}

_rng = np.random.default_rng(13)
_null, _cond, _other = _rng.standard_normal((3, 2, 4, 4, 1))


def towards_class(noise, gradient, sigma, guidance_scale):
    return noise - guidance_scale * sigma * gradient


EXERCISES["towards_class"] = Exercise(
    "13.1",
    towards_class,
    cases=[(_null, _cond, sigma, scale) for sigma, scale in ((0.6, 1.0), (0.3, 4.0), (0.9, 0.0))],
    shape="a noise like the given one",
    wrong={
        "sign": lambda noise, g, sigma, w: noise + w * sigma * g,
        "no sigma": lambda noise, g, sigma, w: noise - w * g,
        "over sigma": lambda noise, g, sigma, w: noise - w * g / sigma,
        "variance": lambda noise, g, sigma, w: noise - w * sigma**2 * g,
        "score": lambda noise, g, sigma, w: -noise / sigma + w * g,
        "no scale": lambda noise, g, sigma, w: noise - sigma * g,
    },
    hints={
        "sign": "this walks away from the class. Noise is minus sigma times a score: mind the minus.",
        "no sigma": "the gradient is a score. What a score means for the noise has a factor sigma.",
        "over sigma": "from noise to score you divide by sigma; here you go from a score to a noise.",
        "variance": "one factor sigma is enough: noise = -sigma times the score.",
        "score": "that is the guided score. The sampler wants a noise: multiply by -sigma.",
        "no scale": "the gradient counts `guidance_scale` times; at scale 0 nothing may change.",
    },
)


def drop_labels(labels, lost, no_label):
    return np.where(lost, no_label, labels)


EXERCISES["drop_labels"] = Exercise(
    "13.2",
    drop_labels,
    cases=[
        (np.array([3, 0, 7, 1, 9]), np.array([False, True, False, False, True]), 10),
        (np.array([2, 1, 0]), np.array([True, False, False]), 4),
    ],
    shape="one label per picture",
    wrong={
        "turned round": lambda labels, lost, none: np.where(lost, labels, none),
        "class 0": lambda labels, lost, none: np.where(lost, 0, labels),
        "left out": lambda labels, lost, none: labels[~lost],
        "minus one": lambda labels, lost, none: np.where(lost, -1, labels),
        "always ten": lambda labels, lost, none: np.where(lost, 10, labels),
        "kept": lambda labels, lost, none: labels,
    },
    hints={
        "turned round": "the wrong ones kept their label: where `lost` is true, the label goes.",
        "class 0": "0 is a digit. What stands for no label is `no_label`.",
        "left out": "the pictures stay in the batch; only their labels are replaced.",
        "minus one": "the table of labels has a row of its own for no label; its number is `no_label`.",
        "always ten": "10 is right for ten classes only: use `no_label`.",
        "kept": "nothing was dropped.",
    },
)


def classifier_free_noise(null, cond, guidance_scale):
    return null + guidance_scale * (cond - null)


EXERCISES["classifier_free_noise"] = Exercise(
    "13.3",
    classifier_free_noise,
    cases=[(_null, _cond, scale) for scale in (3.0, 1.0, 0.0)],
    shape="a noise like the given ones",
    wrong={
        "one too far": lambda null, cond, w: cond + w * (cond - null),
        "swapped": lambda null, cond, w: cond + w * (null - cond),
        "sum": lambda null, cond, w: null + w * cond,
        "difference": lambda null, cond, w: w * (cond - null),
        "sign": lambda null, cond, w: null - w * (cond - null),
        "scaled": lambda null, cond, w: w * cond,
    },
    hints={
        "one too far": "you start from `cond`, so scale 1 is not off. Here 0 is `null` and 1 is `cond`.",
        "swapped": "this leads from the picture with the label to the one without. Scale 1 must give `cond`.",
        "sum": "the implicit classifier's score is a difference, with the label minus without.",
        "difference": "the difference is the classifier's part alone. Where does the unconditional noise come in?",
        "sign": "two minus signs: noise is -sigma times a score, and the gradient is taken from scores.",
        "scaled": "`null` is missing: guidance goes beyond `cond`, away from `null`.",
    },
)


def compose(null, conds, scales):
    return null + sum(scale * (cond - null) for cond, scale in zip(conds, scales, strict=True))


EXERCISES["compose"] = Exercise(
    "13.4",
    compose,
    cases=[
        (_null, [_cond, _other], [2.0, 1.5]),
        (_null, [_cond], [1.0]),
        (_null, [_cond, _other], [3.0, -1.0]),
    ],
    shape="a noise like the given ones",
    wrong={
        "null each time": lambda null, conds, scales: sum(
            null + w * (c - null) for c, w in zip(conds, scales, strict=True)
        ),
        "mean": lambda null, conds, scales: (
            null + sum(w * (c - null) for c, w in zip(conds, scales, strict=True)) / len(conds)
        ),
        "chained": lambda null, conds, scales: _chained(null, conds, scales),
        "no null": lambda null, conds, scales: sum(w * c for c, w in zip(conds, scales, strict=True)),
        "only the first": lambda null, conds, scales: null + scales[0] * (conds[0] - null),
    },
    hints={
        "null each time": "the unconditional noise comes in once, not once per condition.",
        "mean": "log-probabilities add up; their gradients too. Do not divide by their number.",
        "chained": "each condition is compared with `null`, not with the result so far: the order must not matter.",
        "no null": "each condition contributes its difference from `null`, and `null` itself comes in once.",
        "only the first": "all conditions count, not only the first.",
    },
)


def _chained(null, conds, scales):
    for cond, scale in zip(conds, scales, strict=True):
        null = null + scale * (cond - null)
    return null


def scale_at(log_snr, guidance_scale, low, high):
    return np.where((log_snr >= low) & (log_snr <= high), guidance_scale, 1.0)


EXERCISES["scale_at"] = Exercise(
    "13.5",
    scale_at,
    cases=[
        (np.array([-9.0, -3.0, 0.0, 2.0, 5.0, 8.0]), 4.0, -3.0, 5.0),
        (np.array([-1.0, 1.0]), 7.5, 0.0, 9.0),
    ],
    shape="one scale per step",
    wrong={
        "null outside": lambda s, w, low, high: np.where((s >= low) & (s <= high), w, 0.0),
        "turned round": lambda s, w, low, high: np.where((s >= low) & (s <= high), 1.0, w),
        "from below": lambda s, w, low, high: np.where(s <= high, w, 1.0),
        "from above": lambda s, w, low, high: np.where(s >= low, w, 1.0),
        "open": lambda s, w, low, high: np.where((s > low) & (s < high), w, 1.0),
        "always": lambda s, w, low, high: np.full(np.shape(s), float(w)),
    },
    hints={
        "null outside": "outside you put 0, which is the network without the label. Off is 1.",
        "turned round": "that is guidance everywhere but in the interval.",
        "from below": "there is a lower end too: the steps with the most noise are not guided.",
        "from above": "there is an upper end too: the steps with the least noise are not guided.",
        "open": "both ends belong to the interval.",
        "always": "outside of the interval the scale is 1.",
    },
)
