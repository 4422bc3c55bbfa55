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


# Scores that may lie in memory at a time: 64 MB in float32. The first attention of Stable Diffusion has 134 million for
# each picture of 64 x 64 latents.
MOST_SCORES = 2**24


def attention_in_parts(q, k, v, mask=None):
    """What `attention` returns, without the weights: where there are many scores, for some of the queries at a time.

    No query knows of another, so the parts follow each other, and memory grows with H W instead of with (H W)**2; not
    in training, where all weights are kept for the gradient.

    Args:
        q, k, v, mask: as in `attention`.

    Returns:
        (B, N, h, e).

    Reference: Rabe and Staats, "Self-attention does not need O(n^2) memory", 2021 (arXiv:2112.05682), of whose two
    ideas this is the first.
    """
    queries, scores_each = q.shape[1], math.prod(size or 1 for size in (q.shape[0], q.shape[2], k.shape[1]))
    rows = max(1, MOST_SCORES // scores_each)
    if queries is None or queries <= rows:
        return attention(q, k, v, mask)[0]
    by_query = mask is not None and mask.shape[-2] != 1

    def part(first):
        some = slice(first, first + rows)
        return attention(q[:, some], k, v, mask[..., some, :] if by_query else mask)[0]

    return ops.concatenate([part(first) for first in range(0, queries, rows)], axis=1)


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
        epsilon: of that normalisation.

    Call arguments:
        x: (B, H, W, C). Time grows with (H W)**2; in training memory does too.

    Returns:
        (B, H, W, C).

    Raises:
        ValueError: the channels are not divisible by ``heads`` or ``groups``.

    Reference: Ho et al. 2020 (arXiv:2006.11239), appendix B.
    """

    def __init__(self, *, heads: int = 4, groups: int = 8, epsilon: float = 1e-5, **kwargs):
        super().__init__(**kwargs)
        self.heads, self.groups, self.epsilon = heads, groups, epsilon
        self.norm = GroupNorm(groups, epsilon=epsilon, name="norm", dtype=self.dtype_policy)

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
        h = attention_in_parts(qkv[:, :, 0], qkv[:, :, 1], qkv[:, :, 2])  # (B, N, h, d)
        return x + self.out(ops.reshape(h, (-1, height, width, channels)))  # (B, H, W, C)

    def compute_output_shape(self, x_shape):
        return tuple(x_shape)

    def get_config(self):
        own = {"heads": self.heads, "groups": self.groups, "epsilon": self.epsilon}
        return {**super().get_config(), **own}
