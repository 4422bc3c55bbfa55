"""Diagonal Gaussians as the variational autoencoder needs them: sampling and the closed-form KL divergence.

Built by hand in chapter 02.
"""

import keras
from keras import ops


def kl_to_standard_normal(mean, log_var):
    """KL divergence from N(mean, exp(log_var)) to N(0, I), summed over the last axis.

    Args:
        mean: (..., d).
        log_var: (..., d), natural logarithm of the variances.

    Returns:
        (...), in nats, never negative; 0 only for mean 0 and log_var 0.

    Reference: Kingma and Welling, "Auto-Encoding Variational Bayes" (arXiv:1312.6114), appendix B.
    """
    # -1/2 sum(1 + log s^2 - m^2 - s^2)
    return 0.5 * ops.sum(ops.square(mean) + ops.exp(log_var) - 1.0 - log_var, axis=-1)


@keras.saving.register_keras_serializable(package="diffusion_course")
class Sampling(keras.layers.Layer):
    """Draws z = mean + exp(log_var / 2) * noise, with standard normal noise (reparameterisation).

    Args:
        seed: of the layer's own generator; by default from the global seed.

    Call arguments:
        mean: (B, d).
        log_var: (B, d).

    Returns:
        (B, d).

    Reference: Kingma and Welling, "Auto-Encoding Variational Bayes" (arXiv:1312.6114), section 2.4.
    """

    def __init__(self, *, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, mean, log_var):
        noise = keras.random.normal(ops.shape(mean), dtype=self.compute_dtype, seed=self.generator)
        return mean + ops.exp(0.5 * log_var) * noise

    def compute_output_shape(self, mean_shape, log_var_shape):
        return mean_shape

    def get_config(self):
        return {**super().get_config(), "seed": self.seed}
