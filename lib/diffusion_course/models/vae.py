"""The variational autoencoder of chapter 02: an encoder that answers with a Gaussian, a decoder, and their loss."""

import keras
from keras import layers, ops

from diffusion_course.layers.gaussian import Sampling, kl_to_standard_normal
from diffusion_course.models.autoencoder import check_latent_dim

NETWORKS = ("conv", "dense")
# exp(log_var) must neither overflow nor vanish while the first steps are still wild.
LOG_VAR_RANGE = (-14.0, 8.0)


@keras.saving.register_keras_serializable(package="diffusion_course")
def clip_log_var(log_var):
    """Cuts off at ``LOG_VAR_RANGE``, in the encoder: training, sampling and measuring see the same Gaussian."""
    return ops.clip(log_var, *LOG_VAR_RANGE)


def bernoulli_nats(x, logits):
    """Reconstruction term: -log p(x | z) for pixels that are Bernoulli with these logits, summed over a picture.

    Args:
        x: (B, H, W, C) in [0, 1].
        logits: (B, H, W, C), before the sigmoid.

    Returns:
        (B,), in nats.
    """
    # -[x log s(l) + (1 - x) log(1 - s(l))] with s the sigmoid, without ever taking the log of a rounded 0.
    return ops.sum(ops.softplus(logits) - x * logits, axis=(1, 2, 3))


def _check_network(network: str) -> None:
    if network not in NETWORKS:
        raise ValueError(f"`network` must be one of {', '.join(NETWORKS)}. Received: network={network!r}")


def _conv_sides(image_shape) -> tuple[int, int]:
    height, width, _ = image_shape
    if height % 4 or width % 4:
        raise ValueError(
            "`image_shape` must have height and width divisible by 4, because two convolutions halve them. "
            f"Received: image_shape={tuple(image_shape)}"
        )
    return height // 4, width // 4


def build_variational_encoder(
    latent_dim: int, image_shape=(28, 28, 1), *, network: str = "conv", widths=(512, 512, 512)
) -> keras.Model:
    """Encoder that maps a picture to a diagonal Gaussian over codes.

    Args:
        latent_dim: size d of the code.
        image_shape: (H, W, C); for ``conv``, H and W divisible by 4.
        network: ``conv``, two stride-2 convolutions with 32 and 64 channels, or ``dense``, layers of ``widths``.
        widths: units of the dense layers; ``conv`` has none.

    Returns:
        A functional model (B, H, W, C) -> [mean (B, d), log_var (B, d)]; ``log_var`` is within ``LOG_VAR_RANGE``.

    Raises:
        ValueError: a size or ``network`` breaks one of these rules.
    """
    check_latent_dim(latent_dim)
    _check_network(network)
    image = x = keras.Input(image_shape, name="image")
    if network == "conv":
        _conv_sides(image_shape)
        for i, channels in enumerate((32, 64)):
            x = layers.Conv2D(channels, 3, strides=2, padding="same", activation="relu", name=f"conv_{i}")(x)
        x = layers.Flatten(name="flatten")(x)
    else:
        x = layers.Flatten(name="flatten")(x)
        for i, units in enumerate(widths):
            x = layers.Dense(units, activation="silu", name=f"encoder_dense_{i}")(x)
    mean = layers.Dense(latent_dim, name="z_mean")(x)
    log_var = layers.Dense(latent_dim, activation=clip_log_var, name="z_log_var")(x)
    return keras.Model(image, [mean, log_var], name="variational_encoder")


def build_logit_decoder(
    latent_dim: int, image_shape=(28, 28, 1), *, network: str = "conv", widths=(512, 512, 512)
) -> keras.Model:
    """Decoder that maps a code to one logit per pixel.

    Args:
        latent_dim, image_shape, network, widths: as in `build_variational_encoder`; ``widths`` in its order.

    Returns:
        A functional model (B, d) -> (B, H, W, C), logits; their sigmoid is the picture.

    Raises:
        ValueError: as `build_variational_encoder`.
    """
    check_latent_dim(latent_dim)
    _check_network(network)
    height, width, channels = image_shape
    code = x = keras.Input((latent_dim,), name="latent")
    if network == "conv":
        h, w = _conv_sides(image_shape)
        x = layers.Dense(h * w * 64, activation="relu", name="expand")(x)
        x = layers.Reshape((h, w, 64), name="reshape")(x)
        x = layers.Conv2DTranspose(32, 3, strides=2, padding="same", activation="relu", name="up_0")(x)
        x = layers.Conv2DTranspose(channels, 3, strides=2, padding="same", name="logits")(x)
    else:
        for i, units in enumerate(reversed(widths)):
            x = layers.Dense(units, activation="silu", name=f"decoder_dense_{i}")(x)
        x = layers.Dense(height * width * channels, name="logits")(x)
        x = layers.Reshape((height, width, channels), name="reshape")(x)
    return keras.Model(code, x, name="decoder")


@keras.saving.register_keras_serializable(package="diffusion_course")
class VAE(keras.Model):
    """Variational autoencoder with Bernoulli pixels; its loss is the negative ELBO, in nats per picture.

    ``fit(x)`` needs no targets. ``beta`` weighs the KL term: 1 is the ELBO, 0 leaves the
    noise without a price. The weight in use is the variable ``kl_weight``; a callback may change it while training.

    Args:
        latent_dim: size d of the code.
        image_shape: (H, W, C).
        network: ``conv`` or ``dense``, see `build_variational_encoder`.
        widths: units of the dense layers.
        beta: weight of the KL term, not negative.

    Call arguments:
        x: pictures (B, H, W, C) in [0, 1].

    Returns:
        (B, 2): reconstruction term and KL divergence of each picture, in nats.

    Raises:
        ValueError: a size, ``network`` or ``beta`` breaks one of these rules.

    Reference: Kingma and Welling, "Auto-Encoding Variational Bayes" (arXiv:1312.6114), equation 10; for beta,
    Higgins et al., "beta-VAE", ICLR 2017, equation 4.
    """

    def __init__(
        self,
        *,
        latent_dim: int,
        image_shape=(28, 28, 1),
        network: str = "conv",
        widths=(512, 512, 512),
        beta: float = 1.0,
        **kwargs,
    ):
        super().__init__(
            **{"autocast": False, **kwargs}
        )  # the loss is of the pictures, not of their roundings
        if beta < 0:
            raise ValueError(f"`beta` must not be negative. Received: beta={beta}")
        self.latent_dim, self.image_shape = latent_dim, tuple(image_shape)
        self.network, self.widths, self.beta = network, tuple(widths), float(beta)
        shape = {"network": network, "widths": self.widths}
        self.encoder = build_variational_encoder(latent_dim, self.image_shape, **shape)
        self.decoder = build_logit_decoder(latent_dim, self.image_shape, **shape)
        self.sampling = Sampling(dtype=self.dtype_policy)
        # A variable, so that a warm-up can change it without tracing the model again.
        self.kl_weight = keras.Variable(self.beta, trainable=False, dtype="float32", name="kl_weight")
        self.kl_metric = keras.metrics.Mean(name="kl")
        self.reconstruction_metric = keras.metrics.Mean(name="reconstruction")
        self.build((None, *self.image_shape))

    def build(self, x_shape):
        # Both halves are functional models and the sampling layer has no weights; only the flag is missing.
        self.built = True

    def call(self, x):
        # float32 also where the networks compute in bfloat16: a sum over all pixels has no room in 8 bits
        mean, log_var = (ops.cast(value, "float32") for value in self.encoder(x))
        logits = ops.cast(self.decoder(self.sampling(mean, log_var)), "float32")
        x = ops.cast(x, "float32")
        return ops.stack([bernoulli_nats(x, logits), kl_to_standard_normal(mean, log_var)], axis=-1)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        reconstruction, kl = y_pred[:, 0], y_pred[:, 1]
        self.reconstruction_metric.update_state(reconstruction)
        self.kl_metric.update_state(kl)
        return ops.mean(reconstruction + self.kl_weight * kl)

    def encode(self, x):
        """Mean codes (N, d) of pictures (N, H, W, C), as NumPy."""
        return self.encoder.predict(x, batch_size=500, verbose=0)[0]

    def decode(self, z):
        """Pictures (N, H, W, C) in (0, 1) of codes (N, d), as NumPy."""
        return ops.convert_to_numpy(ops.sigmoid(self.decoder.predict(z, batch_size=500, verbose=0)))

    def compute_output_shape(self, x_shape):
        return (x_shape[0], 2)

    def get_config(self):
        names = ("latent_dim", "image_shape", "network", "widths", "beta")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
