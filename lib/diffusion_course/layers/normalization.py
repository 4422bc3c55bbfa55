"""Group normalisation in two passes over the data, with a scale and shift that may come from elsewhere.

Built by hand in chapter 07.
"""

import keras
from keras import layers, ops


def check_groups(channels: int, groups: int) -> None:
    """Raises ValueError unless group normalisation can split ``channels`` into ``groups``."""
    if channels < 1 or groups < 1 or channels % groups:
        raise ValueError(
            f"`channels` must be divisible by `groups`. Received: channels={channels}, groups={groups}"
        )


def group_norm(x, scale, shift, groups: int, epsilon: float = 1e-5):
    """(x - mean) / std * scale + shift, mean and std over the pixels and the channels of each group of one picture.

    All of it is one factor and one summand per picture and channel, so the data are read once for the moments and
    once for the result. Keras's layer with a scale and a shift after it goes over them more often.

    Args:
        x: (B, H, W, C).
        scale, shift: broadcastable to (B, 1, 1, C).
        groups: divides C; a group is C / groups neighbouring channels.
        epsilon: added to the variance.

    Returns:
        (B, H, W, C), of the dtype of ``x``, computed in float32.

    Reference: Wu and He, "Group normalization", 2018 (arXiv:1803.08494), equations 1, 2 and 7.
    """
    size = x.shape[-1] // groups
    x32 = ops.cast(x, "float32")

    def over_group(values):  # (B, H, W, C) -> (B, 1, 1, C), every channel with its group's mean
        grouped = ops.reshape(ops.mean(values, axis=(1, 2)), (-1, groups, size))
        mean = ops.mean(grouped, axis=-1, keepdims=True)  # (B, G, 1)
        return ops.reshape(ops.tile(mean, (1, 1, size)), (-1, 1, 1, groups * size))

    mean, power = over_group(x32), over_group(ops.square(x32))
    # The difference of two large numbers may fall below 0 by rounding where a group is almost constant.
    inverse = ops.rsqrt(ops.maximum(power - ops.square(mean), 0.0) + epsilon)
    factor = inverse * ops.cast(scale, "float32")  # (B, 1, 1, C)
    summand = ops.cast(shift, "float32") - mean * factor
    return ops.cast(x32 * factor + summand, x.dtype)


@keras.saving.register_keras_serializable(package="diffusion_course")
class GroupNorm(layers.Layer):
    """Group normalisation as `group_norm`, with learned scale and shift unless the caller gives them.

    Args:
        groups: divides the channels.
        epsilon: added to the variance.
        affine: whether the layer learns a scale (from 1) and a shift (from 0) per channel.

    Call arguments:
        x: (B, H, W, C).
        scale, shift: broadcastable to (B, 1, 1, C); only, and then both, without ``affine``.

    Returns:
        (B, H, W, C).

    Raises:
        ValueError: the channels are not divisible by ``groups``.
    """

    def __init__(self, groups: int = 8, *, epsilon: float = 1e-5, affine: bool = True, **kwargs):
        super().__init__(**kwargs)
        self.groups, self.epsilon, self.affine = groups, epsilon, affine

    def build(self, x_shape):
        check_groups(x_shape[-1], self.groups)
        if self.affine:
            self.gamma = self.add_weight(shape=(x_shape[-1],), initializer="ones", name="gamma")
            self.beta = self.add_weight(shape=(x_shape[-1],), initializer="zeros", name="beta")
        self.built = True

    def call(self, x, scale=None, shift=None):
        if self.affine:
            scale, shift = self.gamma, self.beta
        elif scale is None:
            scale, shift = 1.0, 0.0
        return group_norm(x, scale, shift, self.groups, self.epsilon)

    def compute_output_shape(self, x_shape, scale_shape=None, shift_shape=None):
        return tuple(x_shape)

    def get_config(self):
        own = {"groups": self.groups, "epsilon": self.epsilon, "affine": self.affine}
        return {**super().get_config(), **own}
