"""Trains the autoencoder of latent diffusion: pictures back from their codes, and codes not too far from normal."""

import keras
from keras import ops

from diffusion_course.training.batches import shuffled_batches
from diffusion_course.training.checkpoints import fingerprint
from diffusion_course.training.devices import drawn_for_batch, share_of_loss
from diffusion_course.training.fitting import checked_pictures, fit_steps
from diffusion_course.variance import gaussian_kl

ERRORS = {"l1": ops.abs, "l2": ops.square}


class AutoencoderKLTrainer(keras.Model):
    """Holds an `AutoencoderKL`; ``fit(x)`` with pictures learns to get them back from samples of their codes.

    The loss is the error's mean over pixels plus ``kl_weight`` times the KL divergence's mean over latents: both are
    sizes of one number, whatever the picture's. The ELBO of `models.vae` sums both over a picture. For pictures of P
    numbers (H W C) and codes of Q, its weight is ``kl_weight * P / Q`` here, up to what the error counts as in nats.

    Beside the loss, ``reconstruction`` and ``kl`` are logged, the two means.

    Args:
        network: the autoencoder.
        kl_weight: not negative. At 0 codes may lie anywhere, and the decoder meets no noise; too much costs detail.
        error: of a pixel, "l2", its square, what PSNR measures; or "l1", its size, which forgives edges a little.
        seed: of the noise.

    Call arguments:
        x: (B, H, W, C) in [-1, 1].

    Returns:
        ``{"x", "reconstruction"}``, each (B, H, W, C), and ``{"mean", "log_variance"}``, each (B, h, w, c); float32.

    Raises:
        ValueError: a negative weight, or another error.

    Reference: Rombach et al. 2022 (arXiv:2112.10752), appendix G, without its perceptual and adversarial terms.
    """

    def __init__(self, network, *, kl_weight: float = 1e-3, error: str = "l2", seed: int = 0, **kwargs):
        # As in `training.diffusion`: the network's own policy, but the pictures stay as they are.
        policy = kwargs.pop("dtype", None) or network.dtype_policy
        super().__init__(**{"autocast": False, "dtype": policy, **kwargs})
        if not 0 <= kl_weight < float("inf"):
            raise ValueError(f"`kl_weight` must not be negative. Received: {kl_weight}")
        if error not in ERRORS:
            raise ValueError(f"`error` must be one of {', '.join(ERRORS)}. Received: {error!r}")
        self.network, self.kl_weight, self.error, self.seed = network, float(kl_weight), error, seed
        self.draws = keras.random.SeedGenerator(seed)
        self.means = {name: keras.metrics.Mean(name=name) for name in ("reconstruction", "kl")}
        self.built = True

    def build(self, x_shape):
        self.built = True  # no variables but the network's, and that is built

    def call(self, x, training=False):
        x = ops.cast(x, "float32")
        mean, log_variance = self.network.encode(x, training)
        batch, *shape = ops.shape(mean)

        def normal(n):
            return keras.random.normal((n, *shape), dtype="float32", seed=self.draws)

        noise = drawn_for_batch(normal, batch)  # (B, h, w, c)
        reconstruction = self.network.decode(self.network.sample(mean, log_variance, noise), training)
        return {"x": x, "reconstruction": reconstruction, "mean": mean, "log_variance": log_variance}

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        reconstruction = ops.mean(ERRORS[self.error](y_pred["reconstruction"] - y_pred["x"]))
        kl = ops.mean(gaussian_kl(y_pred["mean"], y_pred["log_variance"], 0.0, 0.0))  # from N(0, 1), in nats
        self.means["reconstruction"].update_state(reconstruction)
        self.means["kl"].update_state(kl)
        return share_of_loss(reconstruction + self.kl_weight * kl)

    def plan(self) -> dict:
        """What decides how this trainer trains, by name: for a checkpoint, which no other plan may go on with."""
        own = {"task": "autoencoder", "KL weight": self.kl_weight, "error": self.error}
        return {**own, "seed": self.seed, "dtype": self.dtype_policy.name}


def train_autoencoder_kl(
    trainer: AutoencoderKLTrainer, x, *, steps: int, batch_size: int = 64, **training
) -> dict:
    """Trains as the course does: a short warm-up, then down a cosine to 0, averaged weights in the end.

    Args:
        trainer: an `AutoencoderKLTrainer`. What to multiply codes by is for `measure_scale` to say afterwards.
        x: (N, H, W, C) in [-1, 1].
        steps: of the whole training, with all that its checkpoint has seen.
        batch_size: pictures per step.
        **training: ``optimizer``, ``learning_rate``, ``warmup``, ``ema``, ``steps_per_epoch``, ``checkpoint``,
            ``callbacks`` and ``verbose``, as in `training.fitting.fit_steps`.

    Returns:
        history, as `fit_steps`: ``{"loss", "reconstruction", "kl": [one value per epoch]}``.

    Raises:
        ValueError: pictures outside of [-1, 1], or as `fit_steps`.
        NotFinite: as `fit_steps`.
    """
    x = checked_pictures(x)
    shuffled_batches(x, batch_size=batch_size)  # refuses before anything is compiled
    plan = {**trainer.plan(), "batch size": batch_size, "data x": fingerprint(x)}
    return fit_steps(
        trainer,
        lambda start: shuffled_batches(x, batch_size=batch_size, start=start),
        plan=plan,
        steps=steps,
        **training,
    )
