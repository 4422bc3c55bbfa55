"""Chapters 00 to 04 with models that were never trained, for `test_untrained`."""

import functools

import keras
import numpy as np
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier

from diffusion_course.datasets.ecg import load_ecg5000
from diffusion_course.datasets.ecg_split import one_class_split
from diffusion_course.datasets.images import load_fashion_mnist, load_mnist
from diffusion_course.exercises.ch01 import neighbour_purity
from diffusion_course.metrics.detection import auroc, confusion, threshold_at
from diffusion_course.metrics.elbo import importance_weighted_bound
from diffusion_course.metrics.image_quality import psnr, ssim
from diffusion_course.metrics.residual_scores import mean_absolute, smoothed_rms
from diffusion_course.models import classical, presets
from diffusion_course.models.anomaly import AnomalyDetector
from diffusion_course.models.autoencoder import Autoencoder
from diffusion_course.models.class_gaussian import fit_class_gaussian
from diffusion_course.models.denoising_autoencoders import DenoisingAutoencoder, DnCNN
from diffusion_course.models.vae import VAE
from diffusion_course.recipes.latent_scenes import followed, painter
from diffusion_course.recipes.vaes import held_out


def untrained_00():
    """Chapter 00 with an untrained painter, an untrained autoencoder, and a judge who learned shuffled labels."""
    obeyed = followed(painter(presets.build("unet-scenes")), "one", 16, steps=5).together
    (x_train, y_train), (x_test, y_test) = load_fashion_mnist()
    model, rng = Autoencoder(latent_dim=32), np.random.default_rng(0)
    lookup = fit_class_gaussian(model.encoder.predict(x_train[:3000], verbose=0), y_train[:3000])
    pictures = [
        model.decoder.predict(lookup.sample(k, rng.standard_normal((30, 32))), verbose=0) for k in range(10)
    ]
    flat = x_train[-3000:].reshape(-1, 784)
    judge = KNeighborsClassifier(5).fit(flat, y_train[-3000:])
    shuffled = KNeighborsClassifier(5).fit(flat, rng.permutation(y_train[-3000:]))
    real = np.mean([x_test[y_test == k].var(axis=0).mean() for k in range(10)])
    return {
        "obeyed": obeyed,
        "recognised": np.mean(
            [(judge.predict(p.reshape(-1, 784)) == k).mean() for k, p in enumerate(pictures)]
        ),
        "diversity_ratio": np.mean([p.var(axis=0).mean() for p in pictures]) / real,
        "real_recognised": shuffled.score(x_test[:500].reshape(-1, 784), y_test[:500]),
    }


def untrained_01():
    """Chapter 01 with autoencoders of every size that were never trained, before the judge that the chapter uses."""
    (x_train, _), (x_test, y_test) = load_fashion_mnist()
    model, judge = Autoencoder(latent_dim=2), presets.load_pretrained("classifier-fashion")
    codes = model.encoder.predict(x_test[:4000], batch_size=500, verbose=0)
    purity = neighbour_purity(codes[:400], codes, y_test[:4000], 50)
    clear = judge.probabilities(model.decoder.predict(codes[:400], verbose=0)).max(axis=1) >= 0.9
    pure = purity >= 0.9
    x_test = x_test[:1000]
    errors, pca = {}, {}
    for d in (2, 4, 8, 16, 32):
        errors[d] = np.mean((Autoencoder(latent_dim=d).predict(x_test, verbose=0) - x_test) ** 2)
    for d in (2, 32):
        fitted = PCA(d, random_state=0).fit(x_train[:3000].reshape(-1, 784))
        flat = x_test.reshape(-1, 784)
        pca[d] = np.mean((fitted.inverse_transform(fitted.transform(flat)) - flat) ** 2)
    sizes = sorted(errors)
    return {
        "test_mse": errors[2],
        "ratio_to_pca_2": errors[2] / pca[2],
        "ratio_to_pca_32": errors[32] / pca[32],
        "worst_step_in_dims": max(errors[b] / errors[a] for a, b in zip(sizes, sizes[1:], strict=False)),
        # No place has neighbours of one class: there is nothing to compare.
        "purity_gain": clear[pure].mean() - clear[purity < 0.5].mean() if pure.any() else np.nan,
    }


def untrained_02():
    """Chapter 02 with VAEs that were never trained, before the judge that the chapter uses."""
    x_test, _ = load_mnist(split="test")
    x_test, rng = x_test[:300], np.random.default_rng(0)
    dense = {"network": "dense", "widths": (256, 256, 256)}
    small, wide, judge = (
        VAE(latent_dim=2, **dense),
        VAE(latent_dim=16, **dense),
        presets.load_pretrained("classifier-mnist"),
    )

    def digit_like(pictures):
        return np.mean(judge.probabilities(pictures).max(axis=1) >= 0.9)

    def bound(k):
        encode = functools.partial(small.encoder.predict, verbose=0)
        decode = functools.partial(small.decoder.predict, verbose=0)
        return importance_weighted_bound(x_test, encode, decode, np.random.default_rng(0), k)

    z = rng.standard_normal((300, 2)).astype("float32")
    result = held_out(small, x_test)
    return {
        "negative_elbo_2": result["negative_elbo"],
        "negative_elbo_16": held_out(wide, x_test)["negative_elbo"],
        "digit_like_vae": digit_like(small.decode(z)),
        # Without training the autoencoder is the VAE's decoder too, with codes from another Gaussian.
        "digit_like_gain": digit_like(small.decode(z)) - digit_like(small.decode(0.1 * z)),
        "bound_gap": bound(1) - bound(10),
        "kl_2": result["kl"],
    }


def untrained_03():
    """Chapter 03 with denoisers that were never trained, against the best total variation at each level."""
    x_test, _ = load_fashion_mnist(split="test")
    x, rng = x_test[:200], np.random.default_rng(0)
    noise, sigma = rng.standard_normal(x.shape).astype("float32"), np.full(200, 0.2, "float32")
    model = DnCNN(conditioned=True)
    leads = []
    for level, weight in ((0.2, 0.1), (0.8, 0.7)):
        noisy = np.clip(x + level * noise, 0, 1)
        ours = np.clip(model.predict({"x": noisy, "sigma": level / 0.2 * sigma}, verbose=0), 0, 1)
        rival = classical.fit_filter(classical.total_variation, (weight,), noisy, x)(noisy)
        leads.append([(ruler(ours, x) - ruler(rival, x)).mean() for ruler in (psnr, ssim)])
    y = np.clip(x + 0.2 * noise, 0, 1)
    specialist, redrawn = (
        DnCNN().predict(y, verbose=0),
        DenoisingAutoencoder().predict(y, verbose=0),
    )
    noisy = np.clip(x + 0.8 * noise, 0, 1)
    everywhere = np.clip(model.predict({"x": noisy, "sigma": 4 * sigma}, verbose=0), 0, 1)
    behind = psnr(everywhere, x) - psnr(DnCNN().predict(noisy, verbose=0), x)

    # The toy: E[x | y] of a mixture of two normal distributions, against a network with its first weights.
    share, centre, spread = np.array([0.4, 0.6]), np.array([-1.0, 1.2]), np.array([0.15, 0.3])
    part = rng.choice(2, 2000, p=share)
    values = (rng.normal(centre[part], spread[part]) + 0.6 * rng.standard_normal(2000))[:, None]
    total = spread**2 + 0.36
    belief = share * np.exp(-((values - centre) ** 2) / (2 * total)) / np.sqrt(total)
    exact = (belief * (centre + spread**2 / total * (values - centre))).sum(1) / belief.sum(1)
    dense = [keras.layers.Dense(64, activation="silu") for _ in range(2)]
    small = keras.Sequential([keras.Input((1,)), *dense, keras.layers.Dense(1)])

    # Subtracting or redrawing an answer of zeros; a walk on which each guess is the noisy picture itself.
    variance, mean = x.var(), x.mean()
    judge, walk = presets.load_pretrained("classifier-fashion"), x + noise
    sure = judge.probabilities(np.clip(walk, 0, 1).astype("float32")).max(axis=1) >= 0.9
    return {
        "psnr_residual": psnr(specialist, x).mean(),
        "gain_over_autoencoder": (psnr(specialist, x) - psnr(redrawn, x)).mean(),
        "subtract_at_low_noise": (variance + mean**2) / 0.05**2,
        "redraw_at_high_noise": 4.0**2 / (variance + mean**2),
        "lead_psnr": min(lead[0] for lead in leads),
        "lead_ssim": min(lead[1] for lead in leads),
        "specialist_behind": behind.mean(),
        "walk_sure": sure.mean(),
        "toy_error": np.sqrt(np.mean((small.predict(values, verbose=0)[:, 0] - exact) ** 2)),
    }


def untrained_04():
    """Chapter 04 with both detectors untrained; the threshold still comes from normal validation beats."""
    beats, labels = load_ecg5000()
    split = one_class_split(labels)
    is_anomaly = labels[split.test] != 1
    model, plain = presets.build("anomaly-ecg"), AnomalyDetector()
    low, high = beats[split.train].min(), beats[split.train].max()

    def score(x):
        return smoothed_rms(x - model.predict(x, batch_size=1000, verbose=0), 9)

    table = confusion(
        score(beats[split.test]), is_anomaly, threshold_at(score(beats[split.validation]), 0.02)
    )
    x = (beats[split.test] - low) / (high - low)
    return {
        "test_auroc": auroc(score(beats[split.test]), is_anomaly),
        "test_accuracy": table.accuracy,
        "test_recall": table.recall,
        "test_precision": table.precision,
        "plain_auroc": auroc(mean_absolute(x - plain.predict(x, batch_size=1000, verbose=0)), is_anomaly),
    }
