"""Attention: every position looks at every other and takes a weighted mean of what it finds.

Built by hand in chapters 07 and 11.

Why not `keras.ops.dot_product_attention`? On a CPU with TensorFlow it saves nothing. Measured in turns with `attention`
on two cores, batch 16, 4 heads of 16, 8 x 8 and 16 x 16 queries, 32 keys, 77, or as many as queries: the ratio of times
is 0.98 to 1.25 forward (median of six 1.04), and 0.97 to 1.57 forward and backward (median of six 1.35). And it does
not return the weights, which maps of attention need.
"""

import math

import keras
from keras import layers, ops

from diffusion_course.layers.normalization import GroupNorm, check_groups


def attention(q, k, v, mask=None):
    """softmax(q k^T / sqrt(d)) v, for every head.

    Args:
        q: queries (B, N, h, d): N positions, h heads.
        k: keys (B, M, h, d).
        v: values (B, M, h, e).
        mask: None, or booleans broadcastable to (B, h, N, M): whether a query may see a key. A query that may see none
            sees all alike.

    Returns:
        (B, N, h, e), and the weights (B, h, N, M), whose rows add to 1.

    Reference: Vaswani et al. 2017 (arXiv:1706.03762), equation 1.
    """
    # In float32, and scaled before the product: a sum of products overflows half precision soon.
    q, k32 = ops.cast(q, "float32") / math.sqrt(q.shape[-1]), ops.cast(k, "float32")
    scores = ops.einsum("bnhd,bmhd->bhnm", q, k32)
    if mask is not None:
        scores = ops.where(mask, scores, -1e9)
    weights = ops.cast(ops.softmax(scores, axis=-1), v.dtype)
    return ops.einsum("bhnm,bmhe->bnhe", weights, v), weights


def check_heads(channels: int, heads: int) -> None:
    """Raises ValueError unless ``channels`` can be split into ``heads``."""
    if heads < 1 or channels % heads:
        raise ValueError(
            f"Channels must be divisible by `heads`. Received: channels={channels}, heads={heads}"
        )


@keras.saving.register_keras_serializable(package="diffusion_course")
class SelfAttention2D(layers.Layer):
    """Self-attention over the pixels of a feature map, added to its input.

    The projection at the end starts at zero, so that an untrained layer passes its input on.

    Args:
        heads: number of heads; divides the channels.
        groups: of the normalisation before it; divides the channels.

    Call arguments:
        x: (B, H, W, C). Memory and time grow with (H W)**2.

    Returns:
        (B, H, W, C).

    Raises:
        ValueError: the channels are not divisible by ``heads`` or ``groups``.

    Reference: Ho et al. 2020 (arXiv:2006.11239), appendix B.
    """

    def __init__(self, *, heads: int = 4, groups: int = 8, **kwargs):
        super().__init__(**kwargs)
        self.heads, self.groups = heads, groups
        self.norm = GroupNorm(groups, name="norm", dtype=self.dtype_policy)

    def build(self, x_shape):
        channels = x_shape[-1]
        check_groups(channels, self.groups)
        check_heads(channels, self.heads)
        self.norm.build(x_shape)
        like = {"dtype": self.dtype_policy}
        self.qkv = layers.Dense(3 * channels, name="qkv", **like)
        self.out = layers.Dense(channels, kernel_initializer="zeros", name="out", **like)
        self.qkv.build(x_shape)
        self.out.build(x_shape)
        self.built = True

    def call(self, x):
        _, height, width, channels = ops.shape(x)
        qkv = self.qkv(self.norm(x))  # (B, H, W, 3 C)
        qkv = ops.reshape(qkv, (-1, height * width, 3, self.heads, channels // self.heads))  # (B, N, 3, h, d)
        h, _ = attention(qkv[:, :, 0], qkv[:, :, 1], qkv[:, :, 2])  # (B, N, h, d)
        return x + self.out(ops.reshape(h, (-1, height, width, channels)))  # (B, H, W, C)

    def compute_output_shape(self, x_shape):
        return tuple(x_shape)

    def get_config(self):
        return {**super().get_config(), "heads": self.heads, "groups": self.groups}
