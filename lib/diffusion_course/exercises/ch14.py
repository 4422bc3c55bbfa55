"""Exercises of chapter 14: the loss, the noise that its weight stands for, the scale, the work of a layer, bits."""

import numpy as np
from keras import ops

from diffusion_course.exercises.base import Exercise

EXERCISES: dict[str, Exercise] = {}

_rng = np.random.default_rng(14)
_x, _again = _rng.uniform(-1, 1, (2, 3, 4, 4, 3)).astype("float32")
_mean, _log_variance = _rng.normal(0, 0.7, (2, 3, 2, 2, 4)).astype("float32")


def _kl(mean, log_variance):
    return 0.5 * (ops.square(mean) + ops.exp(log_variance) - 1 - log_variance)


def latent_loss(x, again, mean, log_variance, kl_weight):
    reconstruction = ops.mean(ops.square(again - x))
    kl = ops.mean(0.5 * (ops.square(mean) + ops.exp(log_variance) - 1 - log_variance))
    return reconstruction + kl_weight * kl


EXERCISES["latent_loss"] = Exercise(
    "14.1",
    latent_loss,
    cases=[
        (_x, _again, _mean, _log_variance, 0.1),
        (_x, _x, _mean, _log_variance, 2.0),
        (_x, _again, _mean, _log_variance, 0.0),
    ],
    wrong={
        "sums": lambda x, y, m, v, w: (ops.sum((y - x) ** 2) + w * ops.sum(_kl(m, v))) / len(x),
        "KL summed": lambda x, y, m, v, w: ops.mean((y - x) ** 2) + w * ops.sum(_kl(m, v)) / len(x),
        "weight on the error": lambda x, y, m, v, w: w * ops.mean((y - x) ** 2) + ops.mean(_kl(m, v)),
        "not squared": lambda x, y, m, v, w: ops.mean(ops.abs(y - x)) + w * ops.mean(_kl(m, v)),
        "no half": lambda x, y, m, v, w: ops.mean((y - x) ** 2) + 2 * w * ops.mean(_kl(m, v)),
        "logarithm kept": lambda x, y, m, v, w: (
            ops.mean((y - x) ** 2) + w * ops.mean(0.5 * (m**2 + v - 1 - ops.log(ops.abs(v))))
        ),
    },
    hints={
        "sums": "these are sums over a picture, as in chapter 02. Here both are means: over pixels, and over latents.",
        "KL summed": "the divergence is a mean over latents too: the size of one number, whatever the picture's.",
        "weight on the error": "`kl_weight` belongs to the divergence.",
        "not squared": "the error of a pixel is squared here, which is what PSNR measures.",
        "no half": "the factor 1/2 of the divergence is missing.",
        "logarithm kept": "the encoder gives the logarithm of the variance: the variance is exp(log_variance).",
    },
    rtol=1e-4,
    atol=1e-6,
)


def decoder_noise(kl_weight, numbers, latents):
    return np.sqrt(kl_weight * numbers / (2 * latents))


EXERCISES["decoder_noise"] = Exercise(
    "14.2",
    decoder_noise,
    cases=[(1e-3, 3072, 256), (0.1, 784, 16), (0.0, 3072, 256)],
    wrong={
        "turned round": lambda w, p, q: np.sqrt(w * q / (2 * p)),
        "variance": lambda w, p, q: w * p / (2 * q),
        "no two": lambda w, p, q: np.sqrt(w * p / q),
        "not divided": lambda w, p, q: np.sqrt(w / 2),
        "times two": lambda w, p, q: np.sqrt(2 * w * p / q),
    },
    hints={
        "turned round": "a mean over P is a sum divided by P. Multiply the loss by P / (2 s²), and look at what then "
        "stands before the sum over latents.",
        "variance": "that is s². The question is for s.",
        "no two": "a normal distribution's log-density is -(x - mean)² / (2 s²): mind the 2.",
        "not divided": "one mean is over P numbers, the other over Q: both must appear.",
        "times two": "the 2 stands with s² in the denominator: s² = kl_weight P / (2 Q).",
    },
)


def scale_factor(latents):
    return 1 / np.std(latents)


_wide = (3 + _rng.normal(0, (1.0, 2.0, 5.0), (6, 4, 4, 3))).astype("float32")
EXERCISES["scale_factor"] = Exercise(
    "14.3",
    scale_factor,
    cases=[(_wide,), (0.2 * _wide[:3],)],
    wrong={
        "deviation": lambda z: np.std(z),
        "variance": lambda z: 1 / np.var(z),
        "per channel": lambda z: 1 / np.std(z, axis=(0, 1, 2)),
        "per picture": lambda z: 1 / np.std(z, axis=(1, 2, 3)),
        "not centred": lambda z: 1 / np.sqrt(np.mean(z**2)),
        "largest": lambda z: 1 / np.max(np.abs(z)),
    },
    hints={
        "deviation": "latents are *multiplied* by the scale, and shall then have deviation 1.",
        "variance": "a factor changes the variance by its square: divide by the deviation.",
        "per channel": "one number for all channels: they may differ in size, and keep that difference.",
        "per picture": "one number for all pictures. One each would have to be known when you decode.",
        "not centred": "that is the root mean square. The deviation is taken about the mean.",
        "largest": "the largest value depends on one odd picture. The schedule asks for a deviation of 1.",
    },
)


def conv_work(height, width, kernel, channels_in, channels_out, stride):
    return (height // stride) * (width // stride) * kernel**2 * channels_in * channels_out


EXERCISES["conv_work"] = Exercise(
    "14.4",
    conv_work,
    cases=[(32, 32, 3, 32, 64, 1), (16, 8, 3, 4, 6, 2), (8, 8, 1, 5, 7, 1)],
    wrong={
        "every place": lambda h, w, k, i, o, s: h * w * k**2 * i * o,
        "one side": lambda h, w, k, i, o, s: h * w // s * k**2 * i * o,
        "kernel not squared": lambda h, w, k, i, o, s: (h // s) * (w // s) * k * i * o,
        "weights": lambda h, w, k, i, o, s: k**2 * i * o,
        "one channel": lambda h, w, k, i, o, s: (h // s) * (w // s) * k**2 * o,
        "operations": lambda h, w, k, i, o, s: 2 * (h // s) * (w // s) * k**2 * i * o,
    },
    hints={
        "every place": "with a stride there are fewer places in the output: count them on both sides.",
        "one side": "the stride shrinks height *and* width.",
        "kernel not squared": "a kernel covers kernel x kernel places.",
        "weights": "that is the number of weights. Each of them is used at every place of the output.",
        "one channel": "each output value meets all channels of the input.",
        "operations": "one multiplication with its addition counts as one here.",
    },
)


def bits_of_code(mean, log_variance):
    nats = 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance)  # (N, h, w, c)
    return nats.sum((1, 2, 3)) / np.log(2)


EXERCISES["bits_of_code"] = Exercise(
    "14.5",
    bits_of_code,
    cases=[(_mean, _log_variance), (np.zeros((2, 1, 1, 2)), np.zeros((2, 1, 1, 2)))],
    shape="one number per picture",
    wrong={
        "nats": lambda m, v: bits_of_code(m, v) * np.log(2),
        "mean": lambda m, v: bits_of_code(m, v) / m[0].size,
        "times": lambda m, v: bits_of_code(m, v) * np.log(2) ** 2,
        "channels only": lambda m, v: bits_of_code(m, v) / (m.shape[1] * m.shape[2]),
        "entropy": lambda m, v: 0.5 * (v + np.log(2 * np.pi * np.e)).sum((1, 2, 3)) / np.log(2),
    },
    hints={
        "nats": "that is in nats. A bit is ln 2 of them.",
        "mean": "a picture has all of these latents: sum, do not average.",
        "times": "a bit is ln 2 nats, so there are more bits than nats: divide.",
        "channels only": "sum over places as well as over channels.",
        "entropy": "that is the entropy of the Gaussian itself, not its divergence from the standard one.",
    },
)
