"""Chapter 05, which has no model, with a wrong process, for `test_untrained`."""

import numpy as np
from scipy.special import logsumexp
from scipy.stats import ks_2samp

from diffusion_course.datasets.images import load_fashion_mnist, load_mnist
from diffusion_course.models import presets
from diffusion_course.schedules import NoiseSchedule


def untrained_05():
    """Chapter 05 has no model. Its fault is the process that adds noise but forgets the factor sqrt(1 - beta)."""
    (x_train, y_train), (x_test, y_test) = load_mnist()
    rng, scaled = np.random.default_rng(0), NoiseSchedule.scaled_linear(1000)

    def too_wide(schedule, t):
        return np.sqrt(schedule.betas[: t + 1].sum())

    x0, ks = 2 * x_test[:64] - 1, []
    x_t = x0
    for t, beta in enumerate(scaled.betas):
        x_t = x_t + np.sqrt(beta) * rng.standard_normal(x0.shape, dtype="float32")
        if t in (9, 99, 299, 599, 999):
            z = (x_t - scaled.signal[t] * x0) / scaled.sigma[t]
            ks.append(ks_2samp(z.ravel(), rng.standard_normal(z.size), method="asymp").statistic)

    # The readers believe the formula of the jump, as in the chapter.
    judge = presets.load_pretrained("classifier-mnist")
    pictures, truth = 2 * x_test[-300:] - 1, y_test[-300:]
    known = [2 * x_train[y_train == c][:100].reshape(-1, 784) - 1 for c in range(10)]
    bank = np.concatenate(known).astype("float32")

    def exact(x, signal, sigma):
        fit = signal * (x.reshape(-1, 784) @ bank.T) - signal**2 / 2 * (bank**2).sum(axis=1)
        return logsumexp(np.float64(fit / sigma**2).reshape(-1, 10, 100), axis=2).argmax(axis=1)

    def half(read):
        found = []
        for schedule in (NoiseSchedule.linear(1000), scaled, NoiseSchedule.cosine(1000)):
            steps = np.unique(
                [np.abs(schedule.log_snr - level).argmin() for level in np.arange(8, -8.1, -0.8)]
            )
            noise = [
                too_wide(schedule, t) * rng.standard_normal(pictures.shape, dtype="float32") for t in steps
            ]
            right = np.array(
                [
                    (
                        read((pictures + n).astype("float32"), schedule.signal[t], schedule.sigma[t]) == truth
                    ).mean()
                    for n, t in zip(noise, steps, strict=True)
                ]
            )
            levels, below = schedule.log_snr[steps], np.flatnonzero(right < 0.5)
            if not len(below):
                return float("nan")
            i = below[0]
            share = (right[i - 1] - 0.5) / (right[i - 1] - right[i])
            found.append(levels[i - 1] + share * (levels[i] - levels[i - 1]))
        return np.mean(found)

    def by_classifier(x, signal, sigma):
        return judge.probabilities(np.clip((x + 1) / 2, 0, 1)).argmax(axis=1)

    variance = too_wide(scaled, 999) ** 2
    # The mismatch of what this chain ends in: the mixture of the known digits under its noise, against pure noise.
    bank = 2 * x_train[:1000].reshape(-1, 784).astype("float64") - 1
    own = np.random.default_rng(1)
    ends = bank[own.integers(0, 1000, 100)] + np.sqrt(variance) * own.standard_normal((100, 784))
    around = -((ends[:, None] - bank[None]) ** 2).sum(axis=2) / (2 * variance)  # (100, 1000)
    mixture = logsumexp(around, axis=1) - np.log(1000) - 392 * np.log(variance)
    mismatch = (mixture + (ends**2).sum(axis=1) / 2).mean()
    clothes, _ = load_fashion_mnist(split="test")
    bright = (2 * clothes - 1).mean(axis=(1, 2, 3))
    last = 2 * clothes - 1 + np.sqrt(variance) * rng.standard_normal(clothes.shape, dtype="float32")
    return {
        "ks_chain_jump": max(ks),
        "leftover_scaled_linear": np.cov(x0.ravel(), x_t.ravel())[0, 1] / x0.var(),
        "half_log_snr_classifier": half(by_classifier),
        "half_log_snr_exact": half(exact),
        "mismatch_scaled_linear": mismatch,
        "brightness_leak": np.corrcoef(bright, last.mean(axis=(1, 2, 3)))[0, 1],
    }
