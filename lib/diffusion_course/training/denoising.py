"""Trains a denoiser on fresh noise: every picture gets new noise each time it is seen.

Built by hand in chapter 03.
"""

import math

import keras
from keras import ops


def add_gaussian_noise(x, noise, sigma, clip: bool = True):
    """Noisy pictures ``x + sigma * noise``, by default cut off at black and white.

    Args:
        x: (B, H, W, C) in [0, 1].
        noise: (B, H, W, C), standard normal.
        sigma: standard deviation of the noise on the scale of ``x``: a number, or (B,) for one per picture.
        clip: whether values below 0 and above 1 become 0 and 1, as in a file or on a screen. Clipped noise is no
            longer normal, and its mean is no longer 0 near black and white.

    Returns:
        (B, H, W, C).
    """
    sigma = ops.convert_to_tensor(sigma, dtype=x.dtype)
    if len(sigma.shape) == 1:
        sigma = ops.reshape(sigma, (-1, 1, 1, 1))  # (B, 1, 1, 1)
    noisy = x + sigma * noise
    return ops.clip(noisy, 0.0, 1.0) if clip else noisy


class DenoisingTrainer(keras.Model):
    """Holds a denoiser; ``fit(x)`` with clean pictures alone draws noise levels and noise and learns to remove it.

    Noise and loss are float32 also where the network computes in float16 or bfloat16.

    Args:
        network: noisy pictures -> denoised pictures; with an attribute ``conditioned`` that is True it gets
            ``{"x": noisy, "sigma": levels}``.
        levels: (low, high) standard deviations of the noise; each picture draws its own between them, evenly on a
            logarithmic scale. Strong noise leaves large errors; drawn evenly, it would drown out the weak levels.
        clip: as in `add_gaussian_noise`.
        seed: of the noise.

    Call arguments:
        x: clean pictures (B, H, W, C) in [0, 1].

    Returns:
        Denoised pictures (B, H, W, C).

    Raises:
        ValueError: ``levels`` is not 0 < low <= high.

    Reference: Vincent et al., "Extracting and composing robust features with denoising autoencoders", ICML 2008.
    """

    def __init__(self, network, *, levels=(0.2, 0.2), clip=True, seed=0, **kwargs):
        # As in `training.diffusion`: the network's own policy, but the pictures stay as they are.
        policy = kwargs.pop("dtype", None) or getattr(network, "dtype_policy", None)
        super().__init__(**{"autocast": False, "dtype": policy, **kwargs})
        low, high = levels
        if not 0 < low <= high:
            raise ValueError(f"`levels` must be (low, high) with 0 < low <= high. Received: levels={levels}")
        self.network, self.levels, self.clip = network, (float(low), float(high)), clip
        self.noise_seed = keras.random.SeedGenerator(seed)

    def corrupt(self, x):
        """Draws a noise level per picture and the noise.

        Returns:
            noisy pictures (B, H, W, C) and their levels (B,).
        """
        x = ops.cast(x, "float32")
        low, high = (math.log(level) for level in self.levels)
        sigma = ops.exp(
            keras.random.uniform(ops.shape(x)[:1], low, high, "float32", seed=self.noise_seed)
        )  # (B,)
        noise = keras.random.normal(ops.shape(x), dtype="float32", seed=self.noise_seed)  # (B, H, W, C)
        return add_gaussian_noise(x, noise, sigma, self.clip), sigma

    def denoise(self, noisy, sigma):
        """The network's answer, whether or not it wants to know the level."""
        if getattr(self.network, "conditioned", False):
            return self.network({"x": noisy, "sigma": sigma})
        return self.network(noisy)

    def build(self, x_shape):
        self.built = True  # no variables but the network's, and that builds itself when it is called

    def call(self, x):
        return ops.cast(self.denoise(*self.corrupt(x)), "float32")

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        # x - (noisy - predicted noise) = predicted noise - (noisy - x): the error of the picture is that of the noise.
        return ops.mean(ops.square(y_pred - x))
