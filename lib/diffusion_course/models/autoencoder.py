"""The convolutional autoencoder of chapter 01: an encoder, a decoder, and the model that joins them."""

import keras
from keras import layers


def check_latent_dim(latent_dim: int) -> int:
    """Returns ``latent_dim`` if it is a positive integer, else raises ValueError."""
    if not isinstance(latent_dim, int) or latent_dim < 1:
        raise ValueError(f"`latent_dim` must be a positive integer. Received: latent_dim={latent_dim!r}")
    return latent_dim


def _bottleneck_shape(image_shape: tuple[int, int, int], filters: tuple[int, ...]) -> tuple[int, int, int]:
    """Shape after one stride-2 convolution per entry of ``filters``."""
    step = 2 ** len(filters)
    height, width, _ = image_shape
    if height % step or width % step:
        raise ValueError(
            f"`image_shape` must have height and width divisible by {step}, because each of the {len(filters)} "
            f"convolutions halves them. Received: image_shape={tuple(image_shape)}"
        )
    return height // step, width // step, filters[-1]


def build_encoder(
    latent_dim: int, image_shape: tuple[int, int, int] = (28, 28, 1), filters: tuple[int, ...] = (32, 64)
) -> keras.Model:
    """Encoder: stride-2 convolutions, then one dense layer without activation.

    Args:
        latent_dim: size d of the latent vector.
        image_shape: (H, W, C), H and W divisible by ``2 ** len(filters)``.
        filters: output channels of each convolution.

    Returns:
        A functional model (B, H, W, C) -> (B, d); images in [0, 1], codes unbounded.

    Raises:
        ValueError: a size breaks one of these rules.
    """
    check_latent_dim(latent_dim)
    _bottleneck_shape(image_shape, filters)
    image = keras.Input(image_shape, name="image")
    x = image
    for i, width in enumerate(filters):
        x = layers.Conv2D(width, 3, strides=2, padding="same", activation="relu", name=f"conv_{i}")(x)
    x = layers.Flatten(name="flatten")(x)
    return keras.Model(image, layers.Dense(latent_dim, name="code")(x), name="encoder")


def build_decoder(
    latent_dim: int, image_shape: tuple[int, int, int] = (28, 28, 1), filters: tuple[int, ...] = (32, 64)
) -> keras.Model:
    """Decoder: the encoder's mirror image, with transposed convolutions and a sigmoid at the end.

    Args:
        latent_dim, image_shape, filters: as in `build_encoder`; ``filters`` in the encoder's order.

    Returns:
        A functional model (B, d) -> (B, H, W, C), values in (0, 1).

    Raises:
        ValueError: as `build_encoder`.
    """
    check_latent_dim(latent_dim)
    height, width, channels = _bottleneck_shape(image_shape, filters)
    code = keras.Input((latent_dim,), name="latent")
    x = layers.Dense(height * width * channels, activation="relu", name="expand")(code)
    x = layers.Reshape((height, width, channels), name="reshape")(x)
    for i, n in enumerate(filters[-2::-1]):
        x = layers.Conv2DTranspose(n, 3, strides=2, padding="same", activation="relu", name=f"up_{i}")(x)
    x = layers.Conv2DTranspose(
        image_shape[-1], 3, strides=2, padding="same", activation="sigmoid", name="reconstruction"
    )(x)
    return keras.Model(code, x, name="decoder")


@keras.saving.register_keras_serializable(package="diffusion_course")
class Autoencoder(keras.Model):
    """Convolutional autoencoder: ``decoder(encoder(x))``.

    With the default sizes and ``latent_dim=2`` it is the network of chapter 01, weight for weight.

    Args:
        latent_dim: size d of the code.
        image_shape: (H, W, C), H and W divisible by ``2 ** len(filters)``.
        filters: channels of the stride-2 convolutions, from the image inwards.

    Call arguments:
        x: images (B, H, W, C) in [0, 1].

    Returns:
        Reconstructions (B, H, W, C) in (0, 1).

    Raises:
        ValueError: a size breaks one of these rules.

    Reference: Hinton and Salakhutdinov, "Reducing the dimensionality of data with neural networks", Science
    313 (2006), for the idea; the layers are those of this course's chapter 01.
    """

    def __init__(self, *, latent_dim: int, image_shape=(28, 28, 1), filters=(32, 64), **kwargs):
        super().__init__(**kwargs)
        self.latent_dim = latent_dim
        self.image_shape = tuple(image_shape)
        self.filters = tuple(filters)
        self.encoder = build_encoder(latent_dim, self.image_shape, self.filters)
        self.decoder = build_decoder(latent_dim, self.image_shape, self.filters)
        self.build((None, *self.image_shape))

    def build(self, x_shape):
        # Both halves are functional models, built when they were made; only the flag is missing.
        self.built = True

    def call(self, x):
        return self.decoder(self.encoder(x))

    def compute_output_shape(self, x_shape):
        return (x_shape[0], *self.image_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "latent_dim": self.latent_dim,
            "image_shape": self.image_shape,
            "filters": self.filters,
        }
