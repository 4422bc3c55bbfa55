"""The autoencoder of latent diffusion: pictures to small maps of latents and back (chapters 14 to 16)."""

import keras
import numpy as np
from keras import layers, ops

from diffusion_course.backend import undivided
from diffusion_course.layers.attention import SelfAttention2D
from diffusion_course.layers.folding import fold_pixels, unfold_pixels
from diffusion_course.layers.normalization import GroupNorm
from diffusion_course.layers.plain_residual import PlainResidualBlock
from diffusion_course.layers.resampling import Downsample, Upsample
from diffusion_course.models.image_encoder import check_sides

LOG_VARIANCE_RANGE = (-30.0, 20.0)  # as in Stable Diffusion


@keras.saving.register_keras_serializable(package="diffusion_course")
class AutoencoderKL(keras.Model):
    """Convolutional variational autoencoder whose code is a picture too, f times as small on each side.

    Unlike `models.vae.VAE`, its code keeps places, and its purpose is not to sample codes from a normal distribution
    but to make pictures cheap for a diffusion model: a tenth of the numbers, and next to nothing lost.

    f is ``fold * 2 ** (len(widths) - 1)``: with ``fold`` 2 one level makes 2, two make 4, three make 8.

    Args:
        image_shape: (H, W, C); H and W divisible by f.
        latent_channels: c, channels of the code.
        fold: side of the square of pixels that is folded into channels at the door, and out of them at the end: no
            layer then works at full size.
        widths: channels at each resolution, from the picture inwards; each level halves height and width.
        num_res_blocks: residual blocks per level of the encoder; the decoder has one more. Both have another one in
            the middle.
        middle_attention: whether the middle is as in Stable Diffusion: a second residual block, and between the two
            self-attention with one head.
        code_convs: whether a 1 x 1 convolution follows the encoder's last, and another one comes before the decoder's
            first, as in Stable Diffusion, which inherited them from an autoencoder with discrete codes.
        groups: of each group normalisation; divides all widths.
        epsilon: of each group normalisation.
        latent_scale: what codes are multiplied by for the diffusion model, so that its data have variance 1: from
            `measure_scale`, once the autoencoder is trained. Encoder and decoder know nothing of it. It is a weight,
            so that the file of the trained weights holds it too.

    Attributes:
        encoder: functional, (B, H, W, C) -> [mean, log-variance], each (B, H / f, W / f, c).
        decoder: functional, (B, H / f, W / f, c) -> (B, H, W, C).
        latent_scale: may be set.
        factor: f.
        latent_shape: (H / f, W / f, c).

    Call arguments:
        x: (B, H, W, C) in [-1, 1].

    Returns:
        (B, H, W, C) float32, the picture that the mean of its code gives. Not squashed: it may leave [-1, 1] a little.

    Raises:
        ValueError: a size breaks one of these rules, or a scale is not positive.

    Reference: Rombach et al. 2022 (arXiv:2112.10752), section 3.1 and appendix G; Esser, Rombach and Ommer 2021
    (arXiv:2012.09841) for the networks. Stable Diffusion: no fold, widths 128, 256, 512, 512, two residual blocks, 32
    groups with an epsilon of 1e-6, and both of the switches.
    """

    def __init__(
        self,
        *,
        image_shape=(32, 32, 3),
        latent_channels: int = 4,
        fold: int = 2,
        widths=(64, 96),
        num_res_blocks: int = 1,
        middle_attention: bool = False,
        code_convs: bool = False,
        groups: int = 8,
        epsilon: float = 1e-5,
        latent_scale: float = 1.0,
        **kwargs,
    ):
        # the networks cast for themselves; the loss is of the pictures, not of their roundings
        super().__init__(**{"autocast": False, "name": "autoencoder_kl", **kwargs})
        check_sides(image_shape, fold, widths)
        self.image_shape, self.latent_channels, self.fold = tuple(image_shape), latent_channels, fold
        self.widths, self.num_res_blocks = tuple(widths), num_res_blocks
        self.middle_attention, self.code_convs = middle_attention, code_convs
        self.groups, self.epsilon = groups, epsilon
        self._latent_scale = self.add_weight(
            shape=(), initializer="ones", trainable=False, dtype="float32", name="latent_scale"
        )
        self.latent_scale = latent_scale
        self.encoder, self.decoder = self._encoder(), self._decoder()
        self.built = True

    @property
    def factor(self) -> int:
        return self.fold * 2 ** (len(self.widths) - 1)

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        height, width, _ = self.image_shape
        return (height // self.factor, width // self.factor, self.latent_channels)

    @property
    def latent_scale(self) -> float:
        return float(ops.convert_to_numpy(self._latent_scale))

    @latent_scale.setter
    def latent_scale(self, value):
        if not 0 < value < float("inf"):
            raise ValueError(f"`latent_scale` must be positive and finite. Received: {value}")
        self._latent_scale.assign(value)

    def _block(self, channels, name):
        own = {"groups": self.groups, "epsilon": self.epsilon, "dtype": self.dtype_policy}
        return PlainResidualBlock(channels=channels, name=name, **own)

    def _middle(self, h, name):
        n = self.widths[-1]
        if not self.middle_attention:
            return self._block(n, f"{name}_middle")(h)
        norm = {"groups": self.groups, "epsilon": self.epsilon, "dtype": self.dtype_policy}
        h = self._block(n, f"{name}_middle_block_0")(h)
        h = SelfAttention2D(heads=1, name=f"{name}_middle_attention", **norm)(h)
        return self._block(n, f"{name}_middle_block_1")(h)

    def _code_conv(self, h, channels, name):
        # float32 like the last convolution, and for the same reason
        own = {"name": f"{name}_code", "dtype": "float32"}
        return layers.Conv2D(channels, 1, **own)(h) if self.code_convs else h

    def _end(self, h, channels, name):
        """norm, SiLU and a convolution in float32: losses and samples are computed from what it gives."""
        norm = {"epsilon": self.epsilon, "name": f"{name}_norm", "dtype": self.dtype_policy}
        h = GroupNorm(self.groups, **norm)(h)
        h = layers.Activation("silu", name=f"{name}_silu", dtype=self.dtype_policy)(h)
        return layers.Conv2D(channels, 3, padding="same", name=f"{name}_last", dtype="float32")(h)

    def _encoder(self) -> keras.Model:
        like = {"dtype": self.dtype_policy}
        image = keras.Input(self.image_shape, name="image")
        h = fold_pixels(image, self.fold) if self.fold > 1 else image
        h = layers.Conv2D(self.widths[0], 3, padding="same", name="encoder_first", **like)(h)
        for level, n in enumerate(self.widths):
            for i in range(self.num_res_blocks):
                h = self._block(n, f"encoder_{level}_block_{i}")(h)
            if level < len(self.widths) - 1:
                h = Downsample(channels=n, name=f"encoder_{level}_halve", **like)(h)
        h = self._middle(h, "encoder")
        h = self._end(h, 2 * self.latent_channels, "encoder")  # (B, H / f, W / f, 2 c)
        h = self._code_conv(h, 2 * self.latent_channels, "encoder")
        mean, log_variance = ops.split(h, 2, axis=-1)
        # Clipped here: training, sampling and measuring see the same Gaussian.
        log_variance = ops.clip(log_variance, *LOG_VARIANCE_RANGE)
        return keras.Model(image, [mean, log_variance], name="encoder")

    def _decoder(self) -> keras.Model:
        like = {"dtype": self.dtype_policy}
        z = keras.Input(self.latent_shape, name="z")
        h = self._code_conv(z, self.latent_channels, "decoder")
        h = layers.Conv2D(self.widths[-1], 3, padding="same", name="decoder_first", **like)(h)
        h = self._middle(h, "decoder")
        for level, n in reversed(list(enumerate(self.widths))):
            for i in range(self.num_res_blocks + 1):
                h = self._block(n, f"decoder_{level}_block_{i}")(h)
            if level:
                h = Upsample(channels=n, name=f"decoder_{level}_double", **like)(h)
        h = self._end(h, self.fold**2 * self.image_shape[-1], "decoder")
        return keras.Model(z, unfold_pixels(h, self.fold) if self.fold > 1 else h, name="decoder")

    def build(self, x_shape):
        self.built = True  # both halves built themselves

    def encode(self, x, training=False):
        """The Gaussian of each picture (B, H, W, C): mean and log-variance, each (B, H / f, W / f, c) float32."""
        mean, log_variance = self.encoder(x, training=training)
        return mean, log_variance

    def sample(self, mean, log_variance, noise):
        """A code from such a Gaussian: mean + standard deviation * noise, all (B, H / f, W / f, c)."""
        return mean + ops.exp(0.5 * log_variance) * noise

    def decode(self, z, training=False):
        """Pictures (B, H, W, C) float32, in about [-1, 1], of codes (B, H / f, W / f, c)."""
        return self.decoder(z, training=training)

    def call(self, x, training=False):
        return self.decode(self.encode(x, training)[0], training)

    def to_latents(self, x, *, noise=None, batch_size: int = 256) -> np.ndarray:
        """What a diffusion model learns from: codes times ``latent_scale``.

        Args:
            x: (N, H, W, C) in [-1, 1].
            noise: None for the means; standard normal noise (N, H / f, W / f, c) for samples.
            batch_size: pictures at a time.

        Returns:
            (N, H / f, W / f, c) float32 NumPy.
        """
        with undivided():  # the training of a diffusion model may be divided among devices
            mean, log_variance = self.encoder.predict(x, batch_size=batch_size, verbose=0)
        z = mean if noise is None else ops.convert_to_numpy(self.sample(mean, log_variance, noise))
        return self.latent_scale * z

    def to_pictures(self, latents, *, batch_size: int = 256) -> np.ndarray:
        """The other way: pictures (N, H, W, C) in [-1, 1], cut off there, of what a diffusion model made."""
        z = np.asarray(latents, "float32") / self.latent_scale
        return np.clip(self.decoder.predict(z, batch_size=batch_size, verbose=0), -1, 1)

    def compute_output_shape(self, x_shape):
        return tuple(x_shape)

    def get_config(self):
        names = ("image_shape", "latent_channels", "fold", "widths", "num_res_blocks", "middle_attention")
        names += ("code_convs", "groups", "epsilon", "latent_scale")
        own = {name: getattr(self, name) for name in names}
        return {**super().get_config(), **own}


def measure_scale(autoencoder: AutoencoderKL, x, *, seed: int = 0) -> float:
    """What to multiply codes by so that those of some pictures have variance 1, all channels together.

    Args:
        autoencoder: trained; its own ``latent_scale`` has no influence and is not set.
        x: pictures (N, H, W, C) in [-1, 1], of the training.
        seed: of the noise: codes are samples, as in the decoder's training.

    Returns:
        1 / standard deviation, for ``autoencoder.latent_scale``.

    Reference: Rombach et al. 2022 (arXiv:2112.10752), appendix G; 0.18215 for Stable Diffusion 1.
    """
    noise = np.random.default_rng(seed).standard_normal((len(x), *autoencoder.latent_shape), "float32")
    z = autoencoder.to_latents(x, noise=noise) / autoencoder.latent_scale
    return float(1 / z.std(dtype="float64"))
