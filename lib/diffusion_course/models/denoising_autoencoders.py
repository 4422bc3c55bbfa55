"""The denoisers of chapter 03: an autoencoder that redraws the picture, and a network that predicts the noise."""

import keras
from keras import layers, ops

from diffusion_course.layers.folding import fold_pixels, unfold_pixels


@keras.saving.register_keras_serializable(package="diffusion_course")
class DenoisingAutoencoder(keras.Model):
    """Denoising autoencoder: squeezes a noisy picture to a quarter of its side, and draws it anew without the noise.

    With the default sizes it is the network that chapter 03 starts from, weight for weight.

    Args:
        image_shape: (H, W, C), H and W divisible by ``2 ** len(filters)``.
        filters: channels of the stride-2 convolutions, from the picture inwards.

    Call arguments:
        x: noisy pictures (B, H, W, C), in or near [0, 1].

    Returns:
        Denoised pictures (B, H, W, C) in (0, 1).

    Raises:
        ValueError: a size breaks this rule.

    Reference: Vincent, Larochelle, Bengio and Manzagol, "Extracting and composing robust features with denoising
    autoencoders", ICML 2008, for the idea; the layers are those of this course's chapter 03.
    """

    conditioned = False

    def __init__(self, *, image_shape=(28, 28, 1), filters=(16, 8), name="denoising_autoencoder", **kwargs):
        # Weight files address variables by path, which begins with this name: it must not be numbered.
        super().__init__(name=name, **kwargs)
        self.image_shape, self.filters = tuple(image_shape), tuple(filters)
        step = 2 ** len(self.filters)
        if self.image_shape[0] % step or self.image_shape[1] % step:
            raise ValueError(
                f"`image_shape` must have height and width divisible by {step}. Received: {self.image_shape}"
            )
        like = {"padding": "same", "activation": "relu", "dtype": self.dtype_policy}
        self.encoder = keras.Sequential(
            [layers.Conv2D(n, 3, strides=2, name=f"down_{i}", **like) for i, n in enumerate(self.filters)],
            name="encoder",
        )
        last = {**like, "activation": "sigmoid"}
        self.decoder = keras.Sequential(
            [
                *(
                    layers.Conv2DTranspose(n, 3, strides=2, name=f"up_{i}", **like)
                    for i, n in enumerate(self.filters[::-1])
                ),
                layers.Conv2D(self.image_shape[-1], 3, name="picture", **last),
            ],
            name="decoder",
        )
        self.build((None, *self.image_shape))

    def build(self, x_shape):
        self.encoder.build(x_shape)
        self.decoder.build(self.encoder.compute_output_shape(x_shape))
        self.built = True

    def call(self, x):
        return self.decoder(self.encoder(x))

    def compute_output_shape(self, x_shape):
        return tuple(x_shape)

    def get_config(self):
        return {**super().get_config(), "image_shape": self.image_shape, "filters": self.filters}


@keras.saving.register_keras_serializable(package="diffusion_course")
class DnCNN(keras.Model):
    """Predicts the noise in a picture and subtracts it; residual blocks on pixels that are folded into channels.

    Untrained it predicts no noise, so its output is its input.

    Args:
        conditioned: whether the network is told the noise level. If so, the level is one more input channel, constant
            over the picture; if not, the network is *blind* and must judge the noise from the picture.
        image_shape: (H, W, C), H and W divisible by ``fold``.
        width: channels of the residual blocks.
        blocks: number of residual blocks, two 3 x 3 convolutions each.
        fold: side of the square of pixels that is folded into channels.

    Call arguments:
        inputs: noisy pictures (B, H, W, C), in or near [0, 1]. A conditioned network takes
            ``{"x": pictures, "sigma": levels}`` with levels (B,) on the scale of the pictures.

    Returns:
        Denoised pictures (B, H, W, C); not clipped.

    Raises:
        ValueError: a size breaks this rule.

    Reference: Zhang et al., "Beyond a Gaussian denoiser", 2017 (arXiv:1608.03981): predict the noise. Zhang, Zuo and
    Zhang, "FFDNet", 2018 (arXiv:1710.04026): folded pixels and the noise level as an input channel.
    """

    def __init__(
        self,
        *,
        conditioned=False,
        image_shape=(28, 28, 1),
        width=32,
        blocks=4,
        fold=2,
        name="residual_denoiser",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)  # not numbered, as above
        self.conditioned, self.image_shape = bool(conditioned), tuple(image_shape)
        self.width, self.blocks, self.fold = width, blocks, fold
        if self.image_shape[0] % fold or self.image_shape[1] % fold:
            raise ValueError(
                f"`image_shape` must have height and width divisible by `fold` = {fold}. "
                f"Received: {self.image_shape}"
            )
        like = {"padding": "same", "dtype": self.dtype_policy}
        channels = fold * fold * self.image_shape[-1]
        self.first = layers.Conv2D(width, 3, name="first", **like)
        self.inner = [
            (
                layers.Conv2D(width, 3, activation="relu", name=f"block_{i}_a", **like),
                layers.Conv2D(width, 3, name=f"block_{i}_b", **like),
            )
            for i in range(blocks)
        ]
        self.last = layers.Conv2D(channels, 3, kernel_initializer="zeros", name="noise", **like)
        picture = (None, *self.image_shape)
        self.build({"x": picture, "sigma": (None,)} if self.conditioned else picture)

    def build(self, inputs_shape):
        height, width, channels = self.image_shape
        folded = (None, height // self.fold, width // self.fold)
        self.first.build((*folded, self.fold**2 * channels + self.conditioned))
        for pair in self.inner:
            for layer in pair:
                layer.build((*folded, self.width))
        self.last.build((*folded, self.width))
        self.built = True

    def predict_noise(self, inputs):
        """The noise that the network sees in the pictures.

        Args:
            inputs: as for a call.

        Returns:
            (B, H, W, C), on the scale of the pictures: noisy minus denoised.
        """
        x = inputs["x"] if self.conditioned else inputs
        h = fold_pixels(x, self.fold)  # (B, H/2, W/2, 4 C) for fold 2
        if self.conditioned:
            sigma = ops.cast(inputs["sigma"], h.dtype)
            level = ops.ones_like(h[..., :1]) * ops.reshape(sigma, (-1, 1, 1, 1))  # (B, H/2, W/2, 1)
            h = ops.concatenate([h, level], axis=-1)  # (B, H/2, W/2, 4 C + 1)
        h = self.first(h)  # (B, H/2, W/2, width)
        for first, second in self.inner:
            h = h + second(first(h))
        return unfold_pixels(self.last(h), self.fold)  # (B, H, W, C)

    def call(self, inputs):
        x = inputs["x"] if self.conditioned else inputs
        return x - self.predict_noise(inputs)

    def compute_output_shape(self, inputs_shape):
        return tuple(inputs_shape["x"] if self.conditioned else inputs_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "conditioned": self.conditioned,
            "image_shape": self.image_shape,
            "width": self.width,
            "blocks": self.blocks,
            "fold": self.fold,
        }
