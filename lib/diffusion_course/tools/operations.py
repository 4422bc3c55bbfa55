"""How much arithmetic a network needs: multiply-adds of convolutions, dense layers and attention, from their shapes."""

import contextlib
import math
from unittest.mock import patch

import keras
from keras import layers

from diffusion_course.layers import attention as attention_module

FORWARD_AND_BACK = 3  # the gradient needs one product for the weights and one for the input of each layer


def multiply_adds(model: keras.Model, inputs) -> int:
    """Multiply-adds of one call, counted while it runs: what a layer really did, not what it says it will.

    Normalisation, activations and sums are left out; they are few beside the products.

    Args:
        model: built.
        inputs: a batch of one.

    Returns:
        Number of multiply-adds, 2 floating-point operations each.
    """
    counted = []

    def counts(cls, name, number):
        original = getattr(cls, name)

        def counting(self, x, *args, **kwargs):
            y = original(self, x, *args, **kwargs)
            counted.append(number(self, x, y))
            return y

        return patch.object(cls, name, counting)

    def size(tensor):
        return math.prod(tensor.shape)

    plain_attention = attention_module.attention

    def counting_attention(q, k, v):
        batch, n, heads, d = q.shape
        counted.append(batch * heads * n * k.shape[1] * (d + v.shape[-1]))
        return plain_attention(q, k, v)

    with contextlib.ExitStack() as stack:
        for patched in (
            counts(layers.Dense, "call", lambda layer, x, y: size(y) * x.shape[-1]),
            counts(layers.Conv2D, "call", lambda layer, x, y: size(y) * math.prod(layer.kernel.shape[:-1])),
            # (height, width, out, in): each input value meets the whole kernel of its channel
            counts(
                layers.Conv2DTranspose,
                "call",
                lambda layer, x, y: size(x) * math.prod(layer.kernel.shape[:-1]),
            ),
            patch.object(attention_module, "attention", counting_attention),
        ):
            stack.enter_context(patched)
        model(inputs)
    return sum(counted)
