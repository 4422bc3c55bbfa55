"""Transformer blocks over the pixels of a feature map: they look at each other, and at a context such as a text.

Built by hand in chapter 11. Each layer hands over its attention weights where it is asked to; `models.attention_maps`
asks all layers of a network. Nothing is computed for it otherwise: the weights are there anyway.
"""

import keras
from keras import KerasTensor, layers, ops

from diffusion_course.layers.attention import attention, attention_in_parts, check_heads
from diffusion_course.layers.normalization import GroupNorm, check_groups

LAYER_NORM_EPSILON = 1e-5


def _weights_spec(heads: int, x_shape, context_shape, dtype) -> KerasTensor:
    """What attention weights look like, for functional models; shapes (B, N, D) and (B, M, E)."""
    return KerasTensor((x_shape[0], heads, x_shape[1], context_shape[1]), dtype=dtype)


@keras.saving.register_keras_serializable(package="diffusion_course")
class CrossAttention(layers.Layer):
    """Attention whose queries come from one sequence, and whose keys and values from another, or from the same.

    Both sequences are projected to the same size first; what they are made of need not be alike. Without a context this
    is self-attention: it is one function.

    Args:
        heads: number of heads; divides ``units``.
        units: size of all heads together, and of the output; by default that of the queries.
        bias: whether the projections to queries, keys and values have one, as in CLIP; Stable Diffusion's have none.

    Call arguments:
        x: (B, N, D), what asks.
        context: (B, M, E), what is asked; None for ``x`` itself.
        attention_mask: None, or booleans broadcastable to (B, heads, N, M), as in `attention`.
        return_weights: also return the weights (B, heads, N, M).

    Returns:
        (B, N, units); with ``return_weights`` a tuple of that and the weights.

    Raises:
        ValueError: ``units`` is not divisible by ``heads``.

    Reference: Vaswani et al. 2017 (arXiv:1706.03762), section 3.2.2; Rombach et al. 2022 (arXiv:2112.10752),
    section 3.3.
    """

    def __init__(self, *, heads: int = 4, units: int | None = None, bias: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.heads, self.units, self.bias = heads, units, bias

    def build(self, x_shape, context_shape=None):
        context_shape = x_shape if context_shape is None else context_shape
        units = self.units or x_shape[-1]
        check_heads(units, self.heads)
        like = {"dtype": self.dtype_policy}
        self.query = layers.Dense(units, use_bias=self.bias, name="query", **like)
        self.key = layers.Dense(units, use_bias=self.bias, name="key", **like)
        self.value = layers.Dense(units, use_bias=self.bias, name="value", **like)
        self.out = layers.Dense(units, name="out", **like)
        self.query.build(x_shape)
        self.key.build(context_shape)
        self.value.build(context_shape)
        self.out.build((*x_shape[:-1], units))
        self.built = True

    def _heads(self, x):
        _, positions, units = ops.shape(x)
        return ops.reshape(x, (-1, positions, self.heads, units // self.heads))  # (B, N, h, d)

    def call(self, x, context=None, attention_mask=None, return_weights=False):
        context = x if context is None else context
        q = self._heads(self.query(x))  # (B, N, h, d)
        k, v = self._heads(self.key(context)), self._heads(self.value(context))  # (B, M, h, d)
        if return_weights:
            h, weights = attention(q, k, v, attention_mask)  # (B, N, h, d), (B, h, N, M)
        else:
            h = attention_in_parts(q, k, v, attention_mask)  # (B, N, h, d)
        _, positions, heads, size = ops.shape(h)
        h = self.out(ops.reshape(h, (-1, positions, heads * size)))  # (B, N, units)
        return (h, weights) if return_weights else h

    def compute_output_shape(self, x_shape, context_shape=None):
        return (*x_shape[:-1], self.units or x_shape[-1])

    def compute_output_spec(self, x, context=None, attention_mask=None, return_weights=False):
        out = super().compute_output_spec(x, context, attention_mask)
        context = x if context is None else context
        weights = _weights_spec(self.heads, x.shape, context.shape, out.dtype)
        return (out, weights) if return_weights else out

    def get_config(self):
        return {**super().get_config(), "heads": self.heads, "units": self.units, "bias": self.bias}


@keras.saving.register_keras_serializable(package="diffusion_course")
class GEGLU(layers.Layer):
    """A dense layer of which one half decides how much of the other passes.

    Args:
        units: of the output; the layer computes twice as many.
        approximate: whether GELU is the tanh approximation.

    Call arguments:
        x: (..., D).

    Returns:
        (..., units): value * gelu(gate), of which the value comes first in the kernel.

    Reference: Shazeer, "GLU variants improve transformer", 2020 (arXiv:2002.05202), equation 6.
    """

    def __init__(self, *, units: int, approximate: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.units, self.approximate = units, approximate
        self.dense = layers.Dense(2 * units, name="dense", dtype=self.dtype_policy)

    def build(self, x_shape):
        self.dense.build(x_shape)
        self.built = True

    def call(self, x):
        value, gate = ops.split(self.dense(x), 2, axis=-1)  # (..., units) each
        return value * ops.gelu(gate, approximate=self.approximate)

    def compute_output_shape(self, x_shape):
        return (*x_shape[:-1], self.units)

    def get_config(self):
        return {**super().get_config(), "units": self.units, "approximate": self.approximate}


@keras.saving.register_keras_serializable(package="diffusion_course")
class BasicTransformerBlock(layers.Layer):
    """Positions look at each other, then at the context, then each thinks for itself; each time added to the input.

    Args:
        heads: of both attentions; divides the size of ``x``.
        mlp_ratio: inner units of the last part over the size of ``x``.
        approximate: of its `GEGLU`.

    Call arguments:
        x: (B, N, D).
        context: (B, M, E), or None: then the second attention is over ``x`` again.
        attention_mask: of the context, as in `CrossAttention`.
        return_weights: also return the weights with which it looked at the context.

    Returns:
        (B, N, D); with ``return_weights`` a tuple of that and the weights (B, heads, N, M).

    Reference: Rombach et al. 2022 (arXiv:2112.10752), appendix E.2.1; its code normalises before each part.
    """

    def __init__(self, *, heads: int = 4, mlp_ratio: int = 4, approximate: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.heads, self.mlp_ratio, self.approximate = heads, mlp_ratio, approximate
        like = {"dtype": self.dtype_policy}
        norms = [
            layers.LayerNormalization(epsilon=LAYER_NORM_EPSILON, name=f"norm_{i}", **like) for i in (1, 2, 3)
        ]
        self.norm_1, self.norm_2, self.norm_3 = norms
        self.self_attention = CrossAttention(heads=heads, name="self_attention", **like)
        self.cross_attention = CrossAttention(heads=heads, name="cross_attention", **like)

    def build(self, x_shape, context_shape=None):
        units = x_shape[-1]
        like = {"dtype": self.dtype_policy}
        gate = {"units": self.mlp_ratio * units, "approximate": self.approximate}
        self.mlp = GEGLU(**gate, name="mlp", **like)
        self.out = layers.Dense(units, name="out", **like)
        for norm in (self.norm_1, self.norm_2, self.norm_3):
            norm.build(x_shape)
        self.self_attention.build(x_shape)
        self.cross_attention.build(x_shape, context_shape)
        self.mlp.build(x_shape)
        self.out.build((*x_shape[:-1], self.mlp_ratio * units))
        self.built = True

    def call(self, x, context=None, attention_mask=None, return_weights=False):
        x = x + self.self_attention(self.norm_1(x))  # (B, N, D)
        seen = self.cross_attention(self.norm_2(x), context, attention_mask, return_weights=return_weights)
        h, weights = seen if return_weights else (seen, None)  # (B, N, D), (B, h, N, M)
        x = x + h
        x = x + self.out(self.mlp(self.norm_3(x)))
        return (x, weights) if return_weights else x

    def compute_output_shape(self, x_shape, context_shape=None):
        return tuple(x_shape)

    def compute_output_spec(self, x, context=None, attention_mask=None, return_weights=False):
        out = super().compute_output_spec(x, context, attention_mask)
        context = x if context is None else context
        weights = _weights_spec(self.heads, x.shape, context.shape, out.dtype)
        return (out, weights) if return_weights else out

    def get_config(self):
        own = {"heads": self.heads, "mlp_ratio": self.mlp_ratio, "approximate": self.approximate}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="diffusion_course")
class SpatialTransformer(layers.Layer):
    """Transformer blocks over the pixels of a feature map, which the context reaches; added to the input.

    The projection at the end starts at zero, so that an untrained layer passes its input on.

    Args:
        heads: of each attention; divides the channels.
        depth: number of blocks.
        groups: of the normalisation before them; divides the channels.
        mlp_ratio, approximate: as in `BasicTransformerBlock`.
        epsilon: of that normalisation.

    Call arguments:
        x: (B, H, W, C). Time grows with (H W)**2; in training memory does too.
        context: (B, M, E) or None, as in `BasicTransformerBlock`.
        attention_mask: of the context, as there.
        return_weights: also return the weights with which each block looked at the context.

    Returns:
        (B, H, W, C); with ``return_weights`` a tuple of that and a list of ``depth`` weights (B, heads, H W, M), whose
        row y W + x belongs to the pixel (y, x).

    Raises:
        ValueError: the channels are not divisible by ``heads`` or ``groups``.

    Reference: Rombach et al. 2022 (arXiv:2112.10752), section 3.3 and appendix E.2.1.
    """

    def __init__(
        self,
        *,
        heads: int = 4,
        depth: int = 1,
        groups: int = 8,
        mlp_ratio: int = 4,
        epsilon: float = 1e-6,
        approximate: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.heads, self.depth, self.groups = heads, depth, groups
        self.mlp_ratio, self.epsilon, self.approximate = mlp_ratio, epsilon, approximate
        like = {"dtype": self.dtype_policy}
        self.norm = GroupNorm(groups, epsilon=epsilon, name="norm", **like)
        block = {"heads": heads, "mlp_ratio": mlp_ratio, "approximate": approximate}
        self.blocks = [BasicTransformerBlock(**block, name=f"block_{i}", **like) for i in range(depth)]

    def build(self, x_shape, context_shape=None):
        batch, height, width, channels = x_shape
        check_groups(channels, self.groups)
        check_heads(channels, self.heads)
        like = {"dtype": self.dtype_policy}
        self.project_in = layers.Dense(channels, name="project_in", **like)
        self.project_out = layers.Dense(channels, kernel_initializer="zeros", name="project_out", **like)
        self.norm.build(x_shape)
        self.project_in.build(x_shape)
        self.project_out.build(x_shape)
        pixels = None if height is None or width is None else height * width
        for block in self.blocks:
            block.build((batch, pixels, channels), context_shape)
        self.built = True

    def call(self, x, context=None, attention_mask=None, return_weights=False):
        _, height, width, channels = ops.shape(x)
        h = self.project_in(self.norm(x))  # (B, H, W, C)
        h = ops.reshape(h, (-1, height * width, channels))  # (B, N, C), a sequence of pixels
        maps = []
        for block in self.blocks:
            if return_weights:
                h, weights = block(h, context, attention_mask, return_weights=True)  # (B, N, C), (B, h, N, M)
                maps.append(weights)
            else:
                h = block(h, context, attention_mask)
        h = ops.reshape(h, (-1, height, width, channels))  # (B, H, W, C)
        x = x + self.project_out(h)
        return (x, maps) if return_weights else x

    def compute_output_shape(self, x_shape, context_shape=None):
        return tuple(x_shape)

    def compute_output_spec(self, x, context=None, attention_mask=None, return_weights=False):
        out = super().compute_output_spec(x, context, attention_mask)
        batch, height, width, channels = x.shape
        pixels = (batch, None if None in (height, width) else height * width, channels)
        seen = pixels if context is None else context.shape
        maps = [_weights_spec(self.heads, pixels, seen, out.dtype) for _ in self.blocks]
        return (out, maps) if return_weights else out

    def get_config(self):
        own = {"heads": self.heads, "depth": self.depth, "groups": self.groups}
        own |= {"mlp_ratio": self.mlp_ratio, "epsilon": self.epsilon, "approximate": self.approximate}
        return {**super().get_config(), **own}
