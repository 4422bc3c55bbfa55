"""The autoencoder of chapter 04, which learns normal heartbeats and stumbles over all others."""

import keras
from keras import layers


@keras.saving.register_keras_serializable(package="diffusion_course")
class AnomalyDetector(keras.Model):
    """Dense autoencoder for signals: ``decoder(encoder(x))``, trained on normal signals only.

    With the defaults it is the widely copied network 32-16-8 and 16-32-140, which wants signals scaled to [0, 1].
    With ``code_activation`` and ``output_activation`` "linear" it takes signals as they are.

    Args:
        length: number T of points of a signal.
        widths: units of the encoder's layers, from the signal to the code; the decoder mirrors them.
        code_activation: of the encoder's last layer.
        output_activation: of the decoder's last layer.
        noise: standard deviation of the normal noise that is added to the signal in training only (a denoising
            autoencoder, chapter 03); 0 for none.
        seed: of that noise.

    Call arguments:
        x: signals (B, T).
        training: whether noise is added.

    Returns:
        Reconstructions (B, T).

    Raises:
        ValueError: a size is no positive integer, or the noise is negative.

    Reference: the layers are those of TensorFlow's tutorial "Intro to Autoencoders" (2020); the idea is older:
    Japkowicz, Myers and Gluck, "A novelty detection approach to classification", IJCAI (1995).
    """

    def __init__(
        self,
        *,
        length=140,
        widths=(32, 16, 8),
        code_activation="relu",
        output_activation="sigmoid",
        noise=0.0,
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        sizes = (length, *widths)
        if len(sizes) < 2 or not all(isinstance(n, int) and n > 0 for n in sizes):
            raise ValueError(
                "`length` and every entry of `widths` must be positive integers. "
                f"Received: length={length!r}, widths={widths!r}"
            )
        if not noise >= 0:
            raise ValueError(f"`noise` must not be negative. Received: noise={noise!r}")
        self.length, self.widths, self.noise, self.seed = length, tuple(widths), float(noise), seed
        self.code_activation, self.output_activation = code_activation, output_activation
        *hidden, code = self.widths
        self.add_noise = layers.GaussianNoise(self.noise, seed=seed, name="noise")
        self.encoder = keras.Sequential(
            [keras.Input((length,))]
            + [layers.Dense(n, activation="relu", name=f"dense_{i}") for i, n in enumerate(hidden)]
            + [layers.Dense(code, activation=code_activation, name="code")],
            name="encoder",
        )
        self.decoder = keras.Sequential(
            [keras.Input((code,))]
            + [layers.Dense(n, activation="relu", name=f"dense_{i}") for i, n in enumerate(hidden[::-1])]
            + [layers.Dense(length, activation=output_activation, name="reconstruction")],
            name="decoder",
        )
        self.build((None, length))

    def build(self, x_shape):
        # The two halves are built by their inputs when they are made; the noise has nothing to build.
        self.built = True

    def call(self, x, training=False):
        return self.decoder(self.encoder(self.add_noise(x, training=training)))

    def compute_output_shape(self, x_shape):
        return (x_shape[0], self.length)

    def get_config(self):
        return {
            **super().get_config(),
            "length": self.length,
            "widths": self.widths,
            "code_activation": self.code_activation,
            "output_activation": self.output_activation,
            "noise": self.noise,
            "seed": self.seed,
        }
